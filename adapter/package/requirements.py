"""What a project needs, and where it says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import PackageError
from .lockfile import LOCKS, PYLOCK, is_pylock, pins
from .own_wheel import DISTRIBUTION, normalised
from .pyproject import PYPROJECT, read_pyproject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True)
class Requirements:
    """What a resolver is told.

    ``source`` is what people are told; ``lines`` are requirements, ``pins`` limit them,
    ``file`` is a requirements file that the resolver reads by itself.
    """

    source: str
    lines: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    file: Path | None = None


def read_requirements(file: Path) -> Requirements:
    """Read the file that the user has named.

    Raises:
        PackageError: it is not there, or not of a known kind.
    """
    if not file.is_file():
        raise PackageError(f"There is no file {file}. Paths are relative to where you are.")
    if file.name in LOCKS or is_pylock(file):
        return _locked(file.parent, file, read_pyproject(file.parent))
    if file.name == PYPROJECT:
        return _of_project(file.parent, read_pyproject(file.parent))
    return Requirements(file.name, file=file)


def find_requirements(folder: Path, pyproject: Mapping[str, Any]) -> Requirements | None:
    """Return what a project needs: from its lock file, else requirements.txt, else pyproject.toml.

    Raises:
        PackageError: what it says cannot be used as it is.
    """
    locks = [folder / name for name in LOCKS if (folder / name).is_file()]
    # Poetry's own tables are not read; a requirements file beside them was exported from them.
    usable = [lock for lock in locks if lock.name == PYLOCK or _dependencies(pyproject) is not None]
    if usable:
        return _locked(folder, usable[0], pyproject)
    if (folder / REQUIREMENTS).is_file():
        return Requirements(REQUIREMENTS, file=folder / REQUIREMENTS)
    if locks or "project" in pyproject or "poetry" in pyproject.get("tool", {}):
        return _of_project(folder, pyproject)
    return None


def _locked(folder: Path, lock: Path, pyproject: Mapping[str, Any]) -> Requirements:
    locked = _checked(pins(lock), lock)
    if is_pylock(lock):
        return Requirements(lock.name, lines=locked)
    project = _of_project(folder, pyproject)
    source = f"{PYPROJECT}, at the versions of {lock.name}"
    return Requirements(source, lines=project.lines, pins=locked)


def _of_project(folder: Path, pyproject: Mapping[str, Any]) -> Requirements:
    dependencies = _dependencies(pyproject)
    if dependencies is None:
        raise PackageError(
            f"{folder / PYPROJECT} does not list its dependencies under [project], so they cannot "
            f"be read from it. Export them: poetry export -o {REQUIREMENTS}, "
            f"uv export --no-dev --no-emit-project -o {REQUIREMENTS}, "
            f"or pip-compile -o {REQUIREMENTS}"
        )
    # The adapter itself is always the one that runs, wherever the project gets it from.
    lines = (without_url(line) if is_adapter(line) else line for line in dependencies)
    return Requirements(PYPROJECT, lines=_checked(lines, folder / PYPROJECT))


def _checked(lines: Iterable[str], file: Path) -> tuple[str, ...]:
    """Refuse a line that would be an option of uv and pip, such as another index."""
    checked = tuple(lines)
    for line in checked:
        if line.strip().startswith("-") or len(line.splitlines()) > 1:
            raise PackageError(f"{file} has {line!r}, which is no requirement. Remove it.")
    return checked


def _dependencies(pyproject: Mapping[str, Any]) -> list[str] | None:
    project = pyproject.get("project")
    if project is None or "dependencies" in project.get("dynamic", ()):
        return None
    found: list[str] = project.get("dependencies", [])
    return found


def is_adapter(line: str) -> bool:
    """Whether a requirement names the adapter."""
    name = re.match(r"[\w.-]+", line.strip())
    return name is not None and normalised(name[0]) == DISTRIBUTION


def without_url(line: str) -> str:
    """Return a requirement without the place it comes from, but with its extras and marker."""
    return re.sub(r"\s*@.*?(?=\s;|$)", "", line.strip())
