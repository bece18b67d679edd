"""The project that a TARGET belongs to: its folders, its dependencies, and how it is built."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import PackageError
from .dependencies import (
    LOCKS,
    PYPROJECT,
    REQUIREMENTS,
    Dependencies,
    find_dependencies,
    is_strings,
    named_dependencies,
    read_pyproject,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIGNS = (PYPROJECT, REQUIREMENTS, *LOCKS)
SETTINGS = ("build", "deploy", "exclude", "include")  #: of [tool.adapter]


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
