from __future__ import annotations

from pathlib import Path

import pytest

import adapter
from adapter.errors import ConfigurationError
from adapter.target import Target, find_target, refuse_own_name


@pytest.mark.parametrize("text", ["main:app", "main.handler", "pkg.main:app", "src/main.handler"])
def test_a_module_is_imported_from_the_current_folder(tmp_path: Path, text: str) -> None:
    assert find_target(text, tmp_path) == Target(text, tmp_path)


def test_a_file_is_imported_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").touch()
    assert find_target("src/main.py:app", tmp_path) == Target("main:app", tmp_path / "src")


def test_the_folders_of_a_file_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "my shop (2): new"
    folder.mkdir()
    (folder / "main.py").touch()
    assert find_target(f"{folder.name}/main.py:app", tmp_path) == Target("main:app", folder)
    assert find_target(f"{folder}/main.py:app", tmp_path) == Target("main:app", folder)


def test_a_file_in_a_package_is_imported_from_above_the_package(tmp_path: Path) -> None:
    inner = tmp_path / "src" / "site" / "web"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    (inner / "main.py").touch()
    found = find_target("src/site/web/main.py:app.api", tmp_path)
    assert found == Target("site.web.main:app.api", tmp_path / "src")
    found = find_target(f"{inner}/__init__.py:app", tmp_path)
    assert found == Target("site.web:app", tmp_path / "src")


@pytest.mark.parametrize("text", ["main:create_app", "main:create_app()"])
def test_a_factory_is_called_in_the_handler_string(tmp_path: Path, text: str) -> None:
    assert find_target(text, tmp_path, factory=True) == Target("main:create_app()", tmp_path)


def test_a_factory_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    found = Target("main:create_app()", tmp_path)
    assert find_target("main.py:create_app", tmp_path, factory=True) == found
    assert find_target("main.py:create_app()", tmp_path) == found


@pytest.mark.parametrize("text", ["main.create_app", "main", "main.create_app()"])
def test_a_factory_is_named_with_a_colon(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"module:function \(main:create_app\)"):
        find_target(text, tmp_path, factory=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("main.py", "Try main.py:app"),
        ("nowhere.py:app", "There is no file"),
        ("main.py:1", "module:attribute"),
        ("main", "module:attribute"),
        ("main:", "module:attribute"),
        ("", "module:attribute"),
    ],
)
def test_an_invalid_target_is_explained(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(ConfigurationError, match=says):
        find_target(text, tmp_path)


@pytest.mark.parametrize(
    ("file", "kind", "found"),
    [
        ("adapter.py", "module", "adapter.py"),
        ("adapter.abi3.so", "module", "adapter.abi3.so"),
        ("adapter/__init__.py", "package", "adapter"),
        ("adapter/ports/http.py", "package", "adapter"),
    ],
)
def test_a_project_with_the_name_of_the_library_is_refused_with_the_file_to_rename(
    tmp_path: Path, file: str, kind: str, found: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(ConfigurationError) as raised:
        refuse_own_name(tmp_path)
    assert str(raised.value).startswith(f"The project has a {kind} named adapter, ")
    assert str(tmp_path / found) in str(raised.value)
    assert "for example to adapters" in str(raised.value)


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
def test_files_that_do_not_hide_the_library_are_accepted(tmp_path: Path, files: list[str]) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    refuse_own_name(tmp_path)


def test_the_repository_of_the_library_is_accepted() -> None:
    assert adapter.__file__
    refuse_own_name(Path(adapter.__file__).parent.parent)
