"""The project's own files: which of them become part of the function, and their copy."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .errors import PackageError
from .own_wheel import is_package
from .trim import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .project import Project

#: anywhere: what tools leave behind, and everything hidden, ``.env`` with its secrets too
NEVER = (".*", "__pycache__", "*.pyc", "*.pyo", "*.egg-info", "node_modules")

#: beside the code: what describes, tests or deploys the project
AT_THE_TOP = (
    *("pyproject.toml", "setup.py", "setup.cfg", "*.lock", "pylock*.toml", "requirements*.txt"),
    *("Dockerfile*", "Makefile", "template*.y*ml", "cloudformation*.y*ml", "samconfig.*", "wheels"),
    *("README*", "CHANGELOG*", "tests", "test", "conftest.py", "*.zip"),
)


def project_files(project: Project, keep: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Go through the files of a project that are packaged, by their name in the zip.

    Raises:
        PackageError: there is something that is not a file.
    """
    for name, file in _walk(project.task_root, "", keep):
        left_out = matches(name.partition("/")[0], AT_THE_TOP) or matches(name, project.exclude)
        if left_out and not matches(name, keep):
            continue
        if not file.is_file():
            raise PackageError(
                f"{file} is neither a file nor a link to one, so it cannot be packaged. "
                f"Remove it, or {_leave_out(name)}"
            )
        if matches(name, keep) or not is_package(file):
            yield name, file


def copy_sources(sources: Mapping[str, Path], target: Path) -> None:
    """Copy the project's files among what it needs, each to its name.

    Raises:
        PackageError: a file cannot be read, or is in the way of one that is there already.
    """
    for name, file in sources.items():
        copy = target / name
        if copy.exists():
            raise PackageError(
                f"{file} would replace a file of the same name from a dependency. "
                f"Rename it, or {_leave_out(name)}"
            )
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        except OSError as error:
            raise PackageError(
                f"{file} cannot be copied: {error.strerror}. Mend that, or {_leave_out(name)}"
            ) from None


def _leave_out(name: str) -> str:
    return f'leave it out: [tool.adapter] exclude = ["{name}"] in pyproject.toml'


def _walk(folder: Path, prefix: str, keep: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        is_folder = path.is_dir()
        never = matches(path.name, NEVER) or (is_folder and is_package(path))
        if never and not matches(name, keep):
            continue
        if not is_folder:
            yield name, path
        elif not (path / "pyvenv.cfg").exists() and not _leads_up(path):
            yield from _walk(path, f"{name}/", keep)


def _leads_up(path: Path) -> bool:
    """Whether a link leads to a folder that it is in itself."""
    folder = path.parent.resolve()
    return path.is_symlink() and path.resolve() in (folder, *folder.parents)
