from __future__ import annotations

from pathlib import Path

import pytest

import adapter
from adapter.errors import ConfigurationError
from adapter.own_name import refuse_own_name


@pytest.mark.parametrize(
    ("file", "kind", "found"),
    [
        ("adapter.py", "module", "adapter.py"),
        ("adapter.abi3.so", "module", "adapter.abi3.so"),
        ("adapter/__init__.py", "package", "adapter"),
        ("adapter/ports/http.py", "package", "adapter"),
    ],
)
def test_a_project_with_the_name_of_the_library_is_told_what_to_rename(
    tmp_path: Path, file: str, kind: str, found: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(ConfigurationError) as raised:
        refuse_own_name(tmp_path)
    assert str(raised.value).startswith(f"The project has a {kind} named adapter, ")
    assert str(tmp_path / found) in str(raised.value)
    assert "Rename yours" in str(raised.value)


@pytest.mark.parametrize(
    "files",
    [
        ["adapters.py"],
        ["src/adapter.py"],
        ["adapter/README.md"],
        ["adapter/__init__.py", "asgi_lambda_stream-0.1.0.dist-info/METADATA"],
    ],
    ids=["another name", "another folder", "no Python", "the library installed"],
)
def test_what_does_not_hide_the_library_is_accepted(tmp_path: Path, files: list[str]) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    refuse_own_name(tmp_path)


def test_the_repository_of_the_library_is_accepted() -> None:
    assert adapter.__file__
    refuse_own_name(Path(adapter.__file__).parent.parent)
