"""Which packages uv installs for a platform, by each kind of file."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest

from adapter.errors import PackageError
from adapter.package.project import find_project, read_dependencies
from adapter.package.resolve import Platform, install

from .wheels import UV_LOCK_HEAD, locked_by_pip, locked_by_uv, make_wheel, pylock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Install = Callable[..., set[str]]

PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n'

ON_INDEX = 'source = { registry = "https://x.test" }'
FOLDER = 'directory = { path = "../till" }'
OLD, NEW = "python_full_version < '3.13'", "python_full_version >= '3.13'"


def lock_of_uv(wheels: Path) -> str:
    """Make wheels, and lock them."""

    def locked(name: str, version: str, more: str = "") -> str:
        wheel = make_wheel(wheels, name.replace("-", "_"), version)
        return locked_by_uv(name, version, more, sha256(wheel.read_bytes()).hexdigest())

    return f"""{UV_LOCK_HEAD}
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
{locked("asgiref", "3.0")}
{locked("big-numbers", "1.0", f'resolution-markers = ["{OLD}"]')}
{locked("big-numbers", "2.0", f'resolution-markers = ["{NEW}"]')}
{locked("colorama", "0.4")}
{locked("checker", "1.0")}
"""


@pytest.fixture
def installed(tmp_path: Path, wheels: Path) -> Install:
    """Write a file and have uv install what it needs, beside the adapter."""

    def run(name: str, text: str, python: str = "3.13") -> set[str]:
        (tmp_path / "pyproject.toml").write_text(PYPROJECT)
        (tmp_path / name).write_text(text)
        folder = tmp_path / "task"
        install(read_dependencies(tmp_path / name), Platform("x86_64", python), folder)
        found = {f"{each.name} {each.version}" for each in distributions(path=[str(folder)])}
        (own,) = {name for name in found if name.startswith("asgi-lambda-stream ")}
        assert own != "asgi-lambda-stream 9.9"
        return found - {own}

    return run


def direct(name: str, place: str) -> str:
    """A package of a lock file of PEP 751 that is on no index."""
    return f'[[packages]]\nname = "{name}"\n{place}\n'


@pytest.mark.parametrize(("python", "version"), [("3.12", "1.0"), ("3.13", "2.0")])
def test_uvs_lock_says_which_versions_the_platform_needs(
    wheels: Path, installed: Install, python: str, version: str
) -> None:
    lock = lock_of_uv(wheels)
    make_wheel(wheels, "asgiref", "3.1")
    make_wheel(wheels, "big_numbers", "3.0")
    assert installed("uv.lock", lock, python) == {"asgiref 3.0", f"big_numbers {version}"}


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.lambda.toml"])
def test_a_pylock_says_which_versions_the_platform_needs(
    wheels: Path, installed: Install, name: str
) -> None:
    groups = "dependency_groups"
    text = pylock(
        direct("shop", 'directory = { path = "." }'),
        locked_by_pip(make_wheel(wheels, "asgi_lambda_stream", "9.9")),
        locked_by_pip(make_wheel(wheels, "colorama"), "marker = \"sys_platform == 'win32'\""),
        locked_by_pip(make_wheel(wheels, "starlette"), f"marker = \"'default' in {groups}\""),
        locked_by_pip(make_wheel(wheels, "checker"), f"marker = \"'dev' in {groups}\""),
        groups='["default"]',
    )
    assert installed(name, text) == {"starlette 1.0"}


@pytest.mark.parametrize("kind", ["wheels", "archive"])
def test_a_path_in_a_pylock_counts_from_its_folder(
    tmp_path: Path, wheels: Path, installed: Install, kind: str
) -> None:
    wheel = make_wheel(wheels, "till")
    (tmp_path / "vendor").mkdir()
    wheel = wheel.rename(tmp_path / "vendor" / wheel.name)
    digest = sha256(wheel.read_bytes()).hexdigest()
    file = f'{{ path = "vendor/{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}'
    place = f"{kind} = [{file}]" if kind == "wheels" else f"{kind} = {file}"
    assert installed("pylock.toml", pylock(direct("till", f'version = "1.0"\n{place}'))) == {
        "till 1.0"
    }


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_broken_lock_is_named(installed: Install, name: str) -> None:
    with pytest.raises(PackageError, match=rf"{name} cannot be read"):
        installed(name, "<<<<<<< HEAD")


@pytest.mark.parametrize(
    "source",
    [
        f'git = "https://x.test/y?rev=1#{"0" * 40}"',
        'editable = "libs/till"',
        'directory = "../till"',
    ],
)
def test_a_package_of_uvs_lock_that_is_on_no_index_is_neither_dropped_nor_taken_from_one(
    wheels: Path, installed: Install, source: str
) -> None:
    make_wheel(wheels, "till")
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
    with pytest.raises(PackageError, match=r"(?s)till.* from git or a folder.* --requirements"):
        installed("uv.lock", text)


@pytest.mark.parametrize(
    "place",
    [
        f'vcs = {{ type = "git", url = "https://x.test/y", commit-id = "{"0" * 40}" }}',
        f'archive = {{ path = "y.zip", hashes = {{ sha256 = "{"0" * 64}" }} }}',
        FOLDER,
    ],
)
def test_a_package_of_a_pylock_that_is_on_no_index_is_neither_dropped_nor_taken_from_one(
    wheels: Path, installed: Install, place: str
) -> None:
    make_wheel(wheels, "till")
    with pytest.raises(PackageError, match=r"(?s)till.* from git or a folder.* --requirements"):
        installed("pylock.toml", pylock(direct("till", place)))


@pytest.mark.parametrize("path", [".", "../adapter"])
def test_the_adapter_may_come_from_any_place_as_the_one_that_runs_is_packaged(
    installed: Install, path: str
) -> None:
    own = direct("asgi-lambda-stream", f'directory = {{ path = "{path}" }}')
    assert installed("pylock.toml", pylock(own)) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", 'package = "x"'),
        ("uv.lock", f"{UV_LOCK_HEAD}[[package]]"),
        ("uv.lock", f'{UV_LOCK_HEAD}[[package]]\nname = "till"\nsource = 3'),
        ("pylock.toml", "packages = [1]"),
        ("pylock.toml", pylock(direct("till", ""))),
        ("pylock.toml", pylock(direct("till", 'marker = "3"\ndirectory = { path = "x" }'))),
        ("pylock.toml", pylock(direct("--target=/tmp/x", 'directory = { path = "x" }'))),
        (
            "pylock.toml",
            pylock(direct("till", 'version = "1\\n--pre"\ndirectory = { path = "x" }')),
        ),
        ("pylock.lambda.toml", "packages = [1]"),
    ],
)
def test_a_lock_that_is_not_valid_is_named(installed: Install, name: str, text: str) -> None:
    with pytest.raises(PackageError, match=rf"(?s){name} cannot be read.*Lock again"):
        installed(name, text)


def test_a_hash_that_is_none_is_an_error(wheels: Path, installed: Install) -> None:
    text = pylock(locked_by_pip(make_wheel(wheels, "till"), digest="0 --pre"))
    with pytest.raises(PackageError, match=r"(?si)pylock\.toml.*hash"):
        installed("pylock.toml", text)


def test_a_pylock_without_a_version_has_it_in_the_name_of_the_wheel(
    wheels: Path, installed: Install
) -> None:
    entry = locked_by_pip(make_wheel(wheels, "till")).replace('version = "1.0"\n', "")
    assert installed("pylock.toml", pylock(entry)) == {"till 1.0"}


@pytest.mark.parametrize("is_named", [False, True])
def test_the_lock_of_a_workspace_has_the_versions_of_each_of_its_packages(
    wheels: Path, tmp_path: Path, *, is_named: bool
) -> None:
    text = lock_of_uv(wheels).replace('virtual = "."', 'virtual = "apps/shop"')
    text += '[[package]]\nname = "all"\nversion = "1"\nsource = { virtual = "." }\n'
    members = '[manifest]\nmembers = ["all", "shop"]\n[[package]]'
    (tmp_path / "uv.lock").write_text(text.replace("[[package]]", members, 1))
    workspace = '[tool.uv.workspace]\nmembers = ["apps/*"]\n'
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace("shop", "all") + workspace)
    folder = tmp_path / "apps" / "shop"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    project = find_project(folder, tmp_path / "uv.lock" if is_named else None)
    assert project.dependencies is not None
    assert project.folder == folder
    target = tmp_path / "target"
    install(project.dependencies, Platform("x86_64", "3.12"), target)
    found = {f"{each.name} {each.version}" for each in distributions(path=[str(target)])}
    assert {"big_numbers 1.0", "asgiref 3.0"} <= found


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("poetry.lock", "poetry export -o"),
        ("pdm.lock", "pdm export -o"),
        ("Pipfile.lock", "pipenv requirements >"),
    ],
)
def test_the_lock_of_another_tool_has_to_be_exported(
    installed: Install, name: str, command: str
) -> None:
    with pytest.raises(PackageError, match=rf"{command} requirements\.txt"):
        installed(name, "")
