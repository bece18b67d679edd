"""Which packages, at which versions and with which hashes, uv is asked to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.errors import PackageError
from adapter.package.project import named_dependencies
from adapter.package.resolve import Platform

from .wheels import UV_LOCK_HEAD, locked_by_pip, locked_by_uv, pylock

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n'
DIGEST = "0" * 64

ON_INDEX = 'source = { registry = "https://x.test" }'
OLD, NEW = "python_full_version < '3.13'", "python_full_version >= '3.13'"
UV = f"""{UV_LOCK_HEAD}
resolution-markers = ["{NEW}", "{OLD}"]
[[package]]
name = "shop"
version = "1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "asgi-lambda-stream", extra = ["wsgi"] }},
    {{ name = "big-numbers", version = "1.0", {ON_INDEX}, marker = "{OLD}" }},
    {{ name = "big-numbers", version = "2.0", {ON_INDEX}, marker = "{NEW}" }},
    {{ name = "colorama", marker = "sys_platform == 'win32'" }},
]
[package.dev-dependencies]
dev = [{{ name = "checker" }}]
{locked_by_uv("asgi-lambda-stream", "9.9", 'dependencies = [{ name = "asgiref" }]')}
[package.optional-dependencies]
wsgi = [{{ name = "asgiref" }}]
{locked_by_uv("asgiref", "3.0")}
{locked_by_uv("big-numbers", "1.0", f'resolution-markers = ["{OLD}"]')}
{locked_by_uv("big-numbers", "2.0", f'resolution-markers = ["{NEW}"]')}
{locked_by_uv("colorama", "0.4")}
{locked_by_uv("checker", "1.0")}
"""


def locked(folder: Path, name: str, text: str, python: str = "3.13") -> list[str]:
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / name).write_text(text)
    found = named_dependencies(folder / name)
    return list(found.locked(Platform("x86_64", python).markers))


def direct(name: str, place: str) -> str:
    """A package of a pylock file that is on no index."""
    return f'[[packages]]\nname = "{name}"\n{place}\n'


@pytest.mark.parametrize(("python", "version"), [("3.12", "1.0"), ("3.13", "2.0")])
def test_uvs_lock_says_which_versions_and_hashes_the_platform_needs(
    tmp_path: Path, python: str, version: str
) -> None:
    hashed = f" --hash=sha256:{DIGEST}"
    expected = [f"asgiref==3.0{hashed}", f"big-numbers=={version}{hashed}"]
    assert locked(tmp_path, "uv.lock", UV, python) == expected


def test_a_pylock_says_which_versions_and_hashes_the_platform_needs(tmp_path: Path) -> None:
    text = pylock(
        direct("shop", 'directory = { path = "." }'),
        locked_by_pip("asgi-lambda-stream", "9.9"),
        locked_by_pip("colorama", "0.4", "marker = \"sys_platform == 'win32'\""),
        locked_by_pip("starlette", "1.0", "marker = \"'default' in dependency_groups\""),
        locked_by_pip("checker", "1.0", "marker = \"'dev' in dependency_groups\""),
        groups='["default"]',
    )
    for name in ("pylock.toml", "pylock.lambda.toml"):
        assert locked(tmp_path, name, text) == [f"starlette==1.0 --hash=sha256:{DIGEST}"]


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_broken_lock_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match=rf"{name} cannot be read"):
        locked(tmp_path, name, "<<<<<<< HEAD")


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (f'git = "https://x.test/y?rev=1#{"0" * 40}"', "git https://x.test/y"),
        ('editable = "libs/till"', "directory libs/till"),
        ('directory = "../till"', "directory ../till"),
    ],
)
def test_a_package_of_uvs_lock_that_is_on_no_index_is_neither_dropped_nor_taken_from_one(
    tmp_path: Path, source: str, place: str
) -> None:
    text = f"""{UV_LOCK_HEAD}
[[package]]
name = "shop"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "till" }}]
[[package]]
name = "till"
version = "1.0"
source = {{ {source} }}
"""
    with pytest.raises(PackageError, match=rf"till comes from {place}.* --requirements"):
        locked(tmp_path, "uv.lock", text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('vcs = { type = "git", url = "https://x.test/y", commit-id = "1" }', "git https://x.test"),
        (f'archive = {{ path = "y.zip", hashes = {{ sha256 = "{DIGEST}" }} }}', "archive y.zip"),
        ('directory = { path = "../till" }', "directory ../till"),
    ],
)
def test_a_package_of_a_pylock_that_is_on_no_index_is_neither_dropped_nor_taken_from_one(
    tmp_path: Path, text: str, place: str
) -> None:
    with pytest.raises(PackageError, match=rf"till comes from {place}.* --requirements"):
        locked(tmp_path, "pylock.toml", pylock(direct("till", text)))


@pytest.mark.parametrize("path", [".", "../adapter"])
def test_the_adapter_may_come_from_any_place_as_the_one_that_runs_is_packaged(
    tmp_path: Path, path: str
) -> None:
    own = direct("asgi-lambda-stream", f'directory = {{ path = "{path}" }}')
    assert locked(tmp_path, "pylock.toml", pylock(own)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", 'package = "x"'),
        ("uv.lock", f"{UV_LOCK_HEAD}[[package]]"),
        ("uv.lock", f'{UV_LOCK_HEAD}[[package]]\nname = "till"\nsource = 3'),
        ("pylock.toml", "packages = [1]"),
        ("pylock.toml", pylock('[[packages]]\nname = "till"')),
        ("pylock.toml", pylock(locked_by_pip("till").replace('version = "1.0"\n', ""))),
        ("pylock.toml", pylock(locked_by_pip("till", "1.0", 'marker = "3"'))),
        ("pylock.lambda.toml", "packages = [1]"),
    ],
)
def test_a_lock_that_is_not_valid_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(PackageError, match=rf"(?s){name} .*Lock again"):
        locked(tmp_path, name, text)


@pytest.mark.parametrize(("name", "tool"), [("poetry.lock", "poetry"), ("pdm.lock", "pdm")])
def test_the_lock_of_another_tool_has_to_be_exported(tmp_path: Path, name: str, tool: str) -> None:
    with pytest.raises(PackageError, match=rf"{tool} export -o requirements\.txt"):
        locked(tmp_path, name, "")
