"""The project that a TARGET belongs to: its files, its needs, and how it is built."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import PackageError
from .lockfile import LOCKS
from .pyproject import PYPROJECT, is_texts, read_pyproject
from .requirements import REQUIREMENTS, Requirements, find_requirements, read_requirements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIGNS = (PYPROJECT, REQUIREMENTS, *LOCKS)
TABLE = "[tool.adapter]"


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
    requirements: Requirements | None
    build: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def find_project(task_root: Path, requirements: Path | None = None) -> Project:
    """Find the project of a task root: the nearest folder that says what it needs.

    Raises:
        PackageError: what it says cannot be used.
    """
    folder = project_folder(task_root)
    pyproject = read_pyproject(folder)
    settings = pyproject.get("tool", {}).get("adapter", {})
    where = f"{TABLE} in {folder / PYPROJECT}"
    unknown = sorted(settings.keys() - {"build", "exclude", "include"})
    if unknown:
        raise PackageError(
            f"{where} has {unknown[0]!r}; what it can have is: build, exclude, include."
        )
    return Project(
        folder,
        task_root,
        read_requirements(requirements)
        if requirements is not None
        else find_requirements(folder, pyproject),
        tuple(_words(line, where) for line in _texts(settings, "build", where)),
        tuple(_texts(settings, "exclude", where)),
        tuple(_texts(settings, "include", where)),
    )


def project_folder(task_root: Path) -> Path:
    """Return the nearest folder with a file that describes a project, within its repository."""
    for folder in (task_root, *task_root.parents):
        if any((folder / name).is_file() for name in SIGNS):
            return folder
        if (folder / ".git").exists():
            break
    return task_root


def _texts(settings: Mapping[str, Any], name: str, where: str) -> list[str]:
    value = settings.get(name, [])
    values = [value] if isinstance(value, str) else value
    if not (is_texts(values) and all(map(str.strip, values))):
        raise PackageError(
            f"{name!r} of {where} is {value!r}; it has to be a text or a list of them."
        )
    return values


def _words(line: str, where: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise PackageError(f"'build' of {where} has {line!r}: {error}.") from None
