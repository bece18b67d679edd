from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.package.errors import PackageError
from adapter.package.lockfile import pins

if TYPE_CHECKING:
    from pathlib import Path

UV = """
version = 1
[[package]]
name = "shop"
source = { editable = "." }
version = "0.1.0"
[[package]]
name = "asgi-lambda-stream"
version = "9.9"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "Big_Numbers"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "big-numbers"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version == '3.12.*'", "python_full_version >= '3.13'"]
[[package]]
name = "starlette"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["sys_platform == 'linux'"]
"""
POETRY = """
[[package]]
name = "starlette"
version = "1.0"
groups = ["main"]
markers = "python_version < '3.12'"
[[package]]
name = "starlette"
version = "1.1"
source = { type = "legacy", url = "https://pypi.example.com/simple", reference = "ours" }
markers = { main = "python_version >= '3.12'", dev = "extra == 'x'" }
[metadata]
lock-version = "2.1"
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "shop"
directory = { path = "." }
[[packages]]
name = "colorama"
version = "0.4"
marker = "sys_platform == 'win32'"
[[packages]]
name = "starlette"
version = "1.0"
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "uv.lock",
            UV,
            [
                "big-numbers==1.0 ; (python_full_version < '3.12')",
                "big-numbers==2.0 ; "
                "(python_full_version == '3.12.*') or (python_full_version >= '3.13')",
                "starlette==1.0",
            ],
        ),
        (
            "poetry.lock",
            POETRY,
            ["starlette==1.0 ; python_version < '3.12'", "starlette==1.1"],
        ),
        ("pylock.toml", PYLOCK, ["colorama==0.4 ; sys_platform == 'win32'", "starlette==1.0"]),
    ],
)
def test_a_lock_says_which_version_of_everything(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert pins(tmp_path / name) == expected


def test_a_broken_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("<<<<<<< HEAD")
    with pytest.raises(PackageError, match=r"uv\.lock cannot be read"):
        pins(tmp_path / "uv.lock")


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("uv.lock", 'source = { git = "https://x.test/y?rev=1#2" }', "git https://x.test/y"),
        ("uv.lock", 'source = { url = "https://x.test/y.whl" }', "url https://x.test/y.whl"),
        ("uv.lock", 'source = { editable = "libs/till" }', "editable libs/till"),
        ("poetry.lock", 'source = { type = "git", url = "https://x.test/y" }', "git https://x"),
        ("pdm.lock", 'git = "https://x.test/y"\nref = "main"', "git https://x.test/y"),
        ("pylock.toml", 'vcs = { type = "git", url = "https://x.test/y" }', "vcs https://x.test/y"),
        ("pylock.toml", 'archive = { path = "y.tar.gz" }', "archive y.tar.gz"),
        ("pylock.toml", 'directory = { path = "../till" }', "directory ../till"),
    ],
)
def test_what_is_on_no_index_is_neither_dropped_nor_taken_from_one(
    tmp_path: Path, name: str, text: str, source: str
) -> None:
    key = "packages" if name == "pylock.toml" else "package"
    (tmp_path / name).write_text(f'[[{key}]]\nname = "till"\nversion = "1.0"\n{text}\n')
    with pytest.raises(PackageError, match=f"till comes from {source}.* --requirements"):
        pins(tmp_path / name)


@pytest.mark.parametrize("path", [".", "../adapter"])
def test_the_adapter_may_come_from_anywhere_as_it_is_the_one_that_runs(
    tmp_path: Path, path: str
) -> None:
    text = f'[[package]]\nname = "asgi-lambda-stream"\nsource = {{ editable = "{path}" }}\n'
    (tmp_path / "uv.lock").write_text(text)
    assert pins(tmp_path / "uv.lock") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", 'package = "x"'),
        ("uv.lock", "[[package]]"),
        ("uv.lock", '[[package]]\nname = "till"\nsource = 3'),
        ("uv.lock", '[[package]]\nname = "till"\nversion = 3'),
        ("uv.lock", '[[package]]\nname = "till"'),
        ("pylock.toml", "packages = [1]"),
        ("pylock.lambda.toml", "packages = [1]"),
    ],
)
def test_a_lock_that_is_not_one_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PackageError, match=rf"{name} .*Make it anew with its tool"):
        pins(tmp_path / name)


def test_when_a_version_applies_is_not_guessed_from_what_is_no_marker(tmp_path: Path) -> None:
    text = '[[package]]\nname = "till"\nversion = "1.0"\nresolution-markers = 3\n'
    (tmp_path / "uv.lock").write_text(text)
    assert pins(tmp_path / "uv.lock") == ["till==1.0"]
