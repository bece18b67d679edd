"""The project that a TARGET belongs to: its folders, its dependencies, and how it is built."""

from __future__ import annotations

import tomllib
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import ConfigurationError, PackageError
from ..target import DISTRIBUTION, folders_of_repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PYPROJECT = "pyproject.toml"
REQUIREMENTS = "requirements.txt"
PYLOCK = "pylock.toml"
UV_LOCK = "uv.lock"
FOREIGN_LOCKS = ("poetry.lock", "pdm.lock", "Pipfile.lock")  #: which uv cannot read
FILES = (PYLOCK, UV_LOCK, REQUIREMENTS, *FOREIGN_LOCKS, PYPROJECT)  #: the first one found is used
SETTINGS = {"build": list, "deploy": dict, "exclude": list, "include": list}  #: of [tool.adapter]

#: the types of the values that are read in a pyproject.toml; the lists are of strings
TYPES = {
    **dict.fromkeys(("project", "tool", "tool.adapter", "tool.uv", "tool.uv.sources"), dict),
    **dict.fromkeys(("tool.poetry", "tool.poetry.dependencies"), dict),
    **dict.fromkeys(("project.dependencies", "project.dynamic"), list),
    **{f"tool.adapter.{name}": kind for name, kind in SETTINGS.items()},
}


class Dependencies(NamedTuple):
    """The packages that uv installs: those of a file, and ``lines``, which are requirements.

    ``source`` is for messages. If the file is a pyproject.toml, only its ``lines`` are used.
    ``package`` is the project's name if the file is the uv.lock of its workspace.
    """

    source: str
    file: Path
    lines: tuple[str, ...] = ()
    package: str = ""


class Project(NamedTuple):
    """A project as `find_project` finds it.

    ``folder`` has its pyproject.toml or requirements.txt. ``task_root`` is the folder that becomes
    ``/var/task``: the same folder, or a folder below it. ``build`` are command lines to run first.
    ``exclude`` are patterns of files to leave out. ``include`` are patterns of files to package
    although they would be left out, or are links that lead out of the project.
    """

    folder: Path
    task_root: Path
    dependencies: Dependencies | None
    build: Sequence[str]
    exclude: Sequence[str]
    include: Sequence[str]


def find_project(
    task_root: Path, requirements: Path | None = None, keep: Sequence[str] = ()
) -> Project:
    """Find the project of a task root: the nearest folder with a file that describes one.

    ``keep`` are more patterns of files to include.
    """
    folder = project_folder(task_root)
    pyproject = read_pyproject(folder)
    settings = pyproject.get("tool", {}).get("adapter", {})
    if unknown := sorted(settings.keys() - SETTINGS):
        place = f"[tool.adapter] in {folder / PYPROJECT}"
        raise PackageError(f"{place} has {unknown[0]!r}; it can have {', '.join(SETTINGS)}.")
    if requirements and not requirements.is_file():
        raise ConfigurationError(
            f"--requirements {requirements.absolute()} is not a file. It takes a requirements file,"
            f" a lock file or {PYPROJECT}."
        )
    file = requirements or find_requirements(folder, pyproject)
    if file:
        file.open("rb").close()  # the error of uv would not say that the file cannot be read
    dependencies = read_dependencies(file, folder) if file else None
    build, exclude, include = (settings.get(name, []) for name in ("build", "exclude", "include"))
    return Project(folder, task_root, dependencies, build, exclude, [*include, *keep])


def project_folder(task_root: Path) -> Path:
    """Return the nearest folder with a file that describes a project, within its repository."""
    for folder in folders_of_repository(task_root):
        if any((folder / name).is_file() for name in FILES):
            return folder
    return task_root


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """Read the pyproject.toml of a folder; a missing file is empty."""
    file = folder / PYPROJECT
    if not file.is_file():
        return {}
    try:
        document = tomllib.loads(file.read_text("utf-8-sig"))
    except ValueError as error:  # not TOML, not UTF-8
        raise PackageError(f"{file} is not TOML: {error}") from None
    for path, kind in TYPES.items():
        *tables, name = path.split(".")
        table = reduce(lambda table, key: table.get(key, {}), tables, document)
        value = table.get(name, kind())
        if kind is list and "adapter" in tables and isinstance(value, str):  # build = "make"
            value = table[name] = [value]
        texts = value if isinstance(value, list) else ()
        if not isinstance(value, kind) or not all(isinstance(t, str) and t.strip() for t in texts):
            expected = "a list of strings that are not empty" if kind is list else "a table"
            raise PackageError(f"{file} has {path} = {value!r}, which has to be {expected}.")
    return document


def find_requirements(folder: Path, pyproject: Mapping[str, Any]) -> Path | None:
    """Return the file that has the dependencies of the project in a folder, if there is one.

    A uv.lock is used only if pyproject.toml lists the dependencies.
    """
    is_listed = _listed(pyproject) is not None
    there = [name for name in FILES if name != PYPROJECT and (folder / name).is_file()]
    for name in there:
        if is_listed or name != UV_LOCK:
            return folder / name
    if is_listed and not there and (lock := _workspace_lock(folder)):
        return lock
    is_project = there or "project" in pyproject or "poetry" in pyproject.get("tool", {})
    return folder / PYPROJECT if is_project else None


def read_dependencies(file: Path, folder: Path | None = None) -> Dependencies:
    """Return the dependencies that a file lists; those of a uv.lock are in its pyproject.toml.

    If ``folder`` is a package of the uv.lock's workspace, they are in the pyproject.toml there.
    """
    if file.name not in (PYPROJECT, UV_LOCK, *FOREIGN_LOCKS):
        return Dependencies(file.name, file)
    is_member = folder and file.name == UV_LOCK and _is_member(folder.resolve(), file.resolve())
    place = folder if folder and is_member else file.parent
    pyproject = read_pyproject(place)
    listed = None if file.name in FOREIGN_LOCKS else _listed(pyproject)
    if listed is None:
        raise PackageError(
            f"The dependencies cannot be read from {file}: no [project] lists them, or the file is "
            f"the lock file of another tool. Export them: poetry export -o {REQUIREMENTS}, "
            f"pdm export -o {REQUIREMENTS}, pipenv requirements > {REQUIREMENTS}, "
            f"pip-compile -o {REQUIREMENTS}, "
            f"or uv export --no-dev --no-emit-project -o {REQUIREMENTS}"
        )
    versions = f", at the versions of {UV_LOCK}" if file.name == UV_LOCK else ""
    replaced = _replaced(pyproject) if file.name == PYPROJECT else {}
    place, lines = place / PYPROJECT, []
    for line in listed:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise PackageError(f"{place} has {line!r}, which is no requirement: {error}") from None
        if canonicalize_name(requirement.name) == DISTRIBUTION:
            requirement.url = None  # the adapter that runs this command is packaged
        elif where := replaced.get(canonicalize_name(requirement.name)):
            raise PackageError(f"{place} takes {requirement.name} from {where}")
        lines.append(str(requirement))
    package = pyproject["project"].get("name", "") if is_member else ""
    return Dependencies(f"{PYPROJECT}{versions}", file, tuple(lines), package)


def _workspace_lock(folder: Path) -> Path | None:
    """Return the uv.lock of the workspace that a folder is in, if there is one."""
    for above in folder.parents:
        if (above / UV_LOCK).is_file():
            return above / UV_LOCK if _is_member(folder, above / UV_LOCK) else None
    return None


def _is_member(folder: Path, lock: Path) -> bool:
    """Whether a folder is below that of a uv.lock, and one of the packages of its workspace."""
    if folder == lock.parent or not folder.is_relative_to(lock.parent):
        return False
    try:
        packages = tomllib.loads(lock.read_text("utf-8"))["package"]
        sources = [source for package in packages for source in package["source"].values()]
    except (ValueError, TypeError, KeyError, AttributeError):  # uv reports the mistake
        return False
    return folder.relative_to(lock.parent).as_posix() in sources


def _listed(pyproject: Mapping[str, Any]) -> list[str] | None:
    """Return the dependencies that a pyproject.toml lists; ``None`` if a tool adds them later."""
    project = pyproject.get("project")
    if project is None or "dependencies" in project.get("dynamic", ()):
        return None
    if "dependencies" not in project and _of_poetry(pyproject).keys() - {"python"}:
        return None
    return [*project.get("dependencies", [])]


def _of_poetry(pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the dependencies of a pyproject.toml that only Poetry reads."""
    dependencies: Mapping[str, Any] = (
        pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {})
    )
    return dependencies


def _replaced(pyproject: Mapping[str, Any]) -> dict[str, str]:
    """Return the dependencies that a tool takes from another place, with advice for each.

    Without the tool, a package of the same name from the index would be installed.
    """
    sources = pyproject.get("tool", {}).get("uv", {}).get("sources", {})
    of_uv = (
        f"[tool.uv.sources], which only {UV_LOCK} can use. Run: uv lock; or: "
        f"adapter package --requirements {UV_LOCK}"
    )
    of_poetry = (
        "[tool.poetry.dependencies], which only Poetry can use. Export them: "
        f"poetry export -o {REQUIREMENTS}"
    )
    places = {"path", "git", "url", "file", "source"}
    return {
        **{canonicalize_name(name): of_uv for name in sources},
        **{
            canonicalize_name(name): of_poetry
            for name, value in _of_poetry(pyproject).items()
            if isinstance(value, dict) and not places.isdisjoint(value)
        },
    }
