"""The project that a TARGET belongs to: its folders, its dependencies, and how it is built."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import PackageError
from .resolve import DISTRIBUTION, UvError, run_uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from packaging.pylock import Package as LockedPackage

PYPROJECT = "pyproject.toml"
REQUIREMENTS = "requirements.txt"
PYLOCK = "pylock.toml"
UV_LOCK = "uv.lock"
FOREIGN_LOCKS = {"poetry.lock": "poetry", "pdm.lock": "pdm"}  #: and the tool that exports each
LOCKS = (PYLOCK, UV_LOCK, *FOREIGN_LOCKS)

#: tables and lists of strings that are read in a pyproject.toml
TABLES = ("project", "tool", "tool.adapter")
LISTS = ("project.dependencies", "project.dynamic")
SIGNS = (PYPROJECT, REQUIREMENTS, *LOCKS)
SETTINGS = ("build", "deploy", "exclude", "include")  #: of [tool.adapter]


@dataclass(frozen=True)
class Dependencies:
    """The packages that uv installs.

    ``source`` is for messages; ``lines`` are requirements, ``file`` is a requirements file that uv
    reads, ``lock`` has the versions and the hashes.
    """

    source: str
    lines: tuple[str, ...] = ()
    file: Path | None = None
    lock: Pylock | None = None

    def locked(self, markers: Mapping[str, str]) -> Iterator[str]:
        """Return the packages of the lock file that a platform needs, as requirements."""
        if self.lock is None:
            return
        groups = frozenset(self.lock.default_groups or ())
        environment: dict[str, str | frozenset[str]] = {**markers}
        environment |= {"extras": frozenset(), "dependency_groups": groups}
        for package in self.lock.packages:
            marker = package.marker
            if _is_own(package) or (marker and not marker.evaluate(environment, "lock_file")):
                continue
            hashes = [f"--hash={name}:{digest}" for name, digest in _hashes(package)]
            yield " ".join((f"{package.name}=={package.version}", *hashes))


@dataclass(frozen=True)
class Project:
    """A project as `find_project` finds it.

    ``folder`` has its pyproject.toml or requirements.txt, ``task_root`` is the folder that
    becomes ``/var/task``: the same one, or one below it. ``build`` are command lines to run
    first, ``exclude`` patterns of files that are not packaged, ``include`` of files that are,
    though they would be left out or are links that lead out of the project.
    """

    folder: Path
    task_root: Path
    dependencies: Dependencies | None
    build: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def find_project(task_root: Path, requirements: Path | None = None) -> Project:
    """Find the project of a task root: the nearest folder with a file that describes one.

    Raises:
        PackageError: its settings or its dependencies cannot be used.
    """
    folder = project_folder(task_root)
    pyproject = read_pyproject(folder)
    settings = pyproject.get("tool", {}).get("adapter", {})
    where = f"[tool.adapter] in {folder / PYPROJECT}"
    unknown = sorted(settings.keys() - SETTINGS)
    if unknown:
        raise PackageError(f"{where} has {unknown[0]!r}; it can have {', '.join(SETTINGS)}.")
    if requirements is not None:
        dependencies: Dependencies | None = named_dependencies(requirements)
    else:
        dependencies = find_dependencies(folder, pyproject)
    return Project(
        folder,
        task_root,
        dependencies,
        build=tuple(_words(line, where) for line in _strings(settings, "build", where)),
        exclude=tuple(_strings(settings, "exclude", where)),
        include=tuple(_strings(settings, "include", where)),
    )


def project_folder(task_root: Path) -> Path:
    """Return the nearest folder with a file that describes a project, within its repository."""
    for folder in (task_root, *task_root.parents):
        if any((folder / name).is_file() for name in SIGNS):
            return folder
        if (folder / ".git").exists():
            break
    return task_root


def _strings(settings: Mapping[str, Any], name: str, where: str) -> list[str]:
    value = settings.get(name, [])
    values = [value] if isinstance(value, str) else value
    if not (is_strings(values) and all(map(str.strip, values))):
        raise PackageError(
            f"{name!r} of {where} is {value!r}; it has to be a string or a list of strings."
        )
    return list(values)


def _words(line: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise PackageError(f"'build' of {where} has {line!r}: {error}.") from None


def named_dependencies(file: Path) -> Dependencies:
    """Read the file that the user has named.

    Raises:
        PackageError: it is not there, or not of a known kind.
    """
    if not file.is_file():
        raise PackageError(f"There is no file {file}. Paths are relative to the working directory.")
    if file.name in LOCKS or is_pylock(file):
        return _from_lock(file, read_pyproject(file.parent))
    if file.name == PYPROJECT:
        return Dependencies(PYPROJECT, _lines(file.parent, read_pyproject(file.parent)))
    return Dependencies(file.name, file=file)


def find_dependencies(folder: Path, pyproject: Mapping[str, Any]) -> Dependencies | None:
    """Return the dependencies of the project in a folder; ``None`` if no file lists them.

    A lock file comes first, then requirements.txt, then pyproject.toml.

    Raises:
        PackageError: a file cannot be used as it is.
    """
    is_listed = _listed(pyproject) is not None
    there = {name for name in (*LOCKS, REQUIREMENTS) if (folder / name).is_file()}
    if PYLOCK in there:
        return _from_lock(folder / PYLOCK, pyproject)
    if UV_LOCK in there and is_listed:
        return _from_lock(folder / UV_LOCK, pyproject)
    if REQUIREMENTS in there:  # possibly an export of one of the other lock files
        return Dependencies(REQUIREMENTS, file=folder / REQUIREMENTS)
    for name in FOREIGN_LOCKS:
        if name in there and is_listed:
            return _from_lock(folder / name, pyproject)
    if there or "project" in pyproject or "poetry" in pyproject.get("tool", {}):
        return Dependencies(PYPROJECT, _lines(folder, pyproject))
    return None


def is_pylock(lock: Path) -> bool:
    """Whether a file is a lock file of PEP 751: pylock.toml or pylock.NAME.toml."""
    return lock.name.startswith("pylock.")


def _from_lock(lock: Path, pyproject: Mapping[str, Any]) -> Dependencies:
    if is_pylock(lock):
        return Dependencies(lock.name, lock=read_pylock(lock, lock.read_bytes()))
    if lock.name in FOREIGN_LOCKS:
        tool = FOREIGN_LOCKS[lock.name]
        raise PackageError(
            f"{lock} is {tool}'s own lock file. Export it, which keeps the hashes as well: "
            f"{tool} export -o {REQUIREMENTS}"
        )
    lines = _lines(lock.parent, pyproject)
    try:
        exported = run_uv(
            *("export", "--frozen", "--format", "pylock.toml", "--no-default-groups"),
            *("--no-emit-project", "--no-emit-package", DISTRIBUTION),
            folder=lock.parent,
        )
    except UvError as error:
        raise PackageError(f"{lock} cannot be read:\n{error}\nLock again: uv lock") from None
    source = f"{PYPROJECT}, at the versions of {lock.name}"
    return Dependencies(source, lines, lock=read_pylock(lock, exported.encode()))


def read_pylock(file: Path, document: bytes) -> Pylock:
    """Read a lock file of PEP 751.

    Raises:
        PackageError: it is not valid, or has a package that is on no index.
    """
    try:
        lock = Pylock.from_dict(tomllib.loads(document.decode()))
    except (ValueError, PylockValidationError, PylockUnsupportedVersionError) as error:
        raise PackageError(f"{file} cannot be read: {error}. Lock again by its tool.") from None
    for package in lock.packages:
        if not _is_own(package):
            _check_locked(package, file)
    return lock


def _check_locked(package: LockedPackage, file: Path) -> None:
    if package.is_direct:
        raise PackageError(
            f"{package.name} comes from {_place(package)}, which cannot be taken from a lock "
            f"file: {file}. Export a requirements.txt, have it name a version or a wheel of "
            f"{package.name}, and name that file with --requirements"
        )
    if package.version is None:
        raise PackageError(f"{file} has no version of {package.name}. Lock again by its tool.")
    for name, digest in _hashes(package):
        if not (name.isalnum() and digest.isalnum()):
            raise PackageError(
                f"{file} has {name}:{digest!r} for {package.name}, which is no hash. "
                "Lock again by its tool."
            )


def _is_own(package: LockedPackage) -> bool:
    """Whether a package of a lock file is the adapter, or the project itself."""
    is_project = package.directory is not None and package.directory.path == "."
    return is_project or package.name == DISTRIBUTION


def _place(package: LockedPackage) -> str:
    if package.vcs is not None:
        return f"{package.vcs.type} {package.vcs.url or package.vcs.path}"
    if package.archive is not None:
        return f"archive {package.archive.url or package.archive.path}"
    return f"directory {package.directory.path}" if package.directory is not None else "no index"


def _hashes(package: LockedPackage) -> Iterator[tuple[str, str]]:
    for wheel in package.wheels or ():
        yield from wheel.hashes.items()


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """Read the pyproject.toml of a folder; a missing file is empty.

    Raises:
        PackageError: it is not TOML, or has a value of the wrong type.
    """
    file = folder / PYPROJECT
    if not file.is_file():
        return {}
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except ValueError as error:  # not TOML, not UTF-8
        raise PackageError(f"{file} cannot be read: {error}") from None
    for path in TABLES:
        if not isinstance(table := _value(document, path, {}), dict):
            raise PackageError(f"{file} has {path} = {table!r}, which has to be a table.")
    for path in LISTS:
        if not is_strings(strings := _value(document, path, [])):
            raise PackageError(
                f"{file} has {path} = {strings!r}, which has to be a list of strings."
            )
    return document


def is_strings(value: object) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _value(document: Mapping[str, Any], path: str, default: object) -> object:
    *tables, name = path.split(".")
    for table in tables:
        document = document.get(table, {})
    return document.get(name, default)


def _lines(folder: Path, pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dependencies of a pyproject.toml; the adapter is always the one that runs.

    Raises:
        PackageError: they are not listed there, or are not requirements (PEP 508).
    """
    listed = _listed(pyproject)
    file = folder / PYPROJECT
    if listed is None:
        raise PackageError(
            f"{file} does not list its dependencies under [project], so they cannot "
            f"be read from it. Export them: poetry export -o {REQUIREMENTS}, "
            f"uv export --no-dev --no-emit-project -o {REQUIREMENTS}, "
            f"or pip-compile -o {REQUIREMENTS}"
        )
    return tuple(_line(line, file) for line in listed)


def _line(line: str, file: Path) -> str:
    try:
        if len(line.splitlines()) > 1:  # in a string of its marker, which may pass
            raise InvalidRequirement("it has several lines")
        requirement = Requirement(line)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise PackageError(f"{file} has {line!r}, which is no requirement: {reason}.") from None
    if canonicalize_name(requirement.name) == DISTRIBUTION:
        requirement.url = None
    return str(requirement)


def _listed(pyproject: Mapping[str, Any]) -> list[str] | None:
    project = pyproject.get("project")
    if project is None or "dependencies" in project.get("dynamic", ()):
        return None
    found: list[str] = project.get("dependencies", [])
    return found
