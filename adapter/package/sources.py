"""The project's own files: which of them become part of the function, and their copy."""

from __future__ import annotations

import re
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

#: private keys and credentials: the file names that tools use, and the first line of a key
KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials*", "*.p12", "*.pfx")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
MAX_KEY_BYTES = 64 * 1024


def project_files(project: Project, keep: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Go through the files of a project that are packaged, by their name in the zip.

    Raises:
        PackageError: there is something that is not a file, or that must not be packaged.
    """
    keep = (*keep, *project.include)
    for name, file in _walk(project, project.task_root, "", keep):
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PackageError(
                f"{str(file)!a} cannot be packaged: its name is not UTF-8. Rename it, or "
                'leave it out by a pattern: [tool.adapter] exclude = ["..."] in pyproject.toml'
            ) from None
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


def keys_among(sources: Mapping[str, Path]) -> Iterator[str]:
    """Go through the names of files that seem to be private keys or credentials."""
    for name, file in sources.items():
        if not name.endswith(".py") and (matches(file.name, KEYS) or _has_private_key(file)):
            yield name


def _has_private_key(file: Path) -> bool:
    try:
        return file.stat().st_size <= MAX_KEY_BYTES and bool(PRIVATE_KEY.search(file.read_bytes()))
    except OSError:
        return False  # copy_sources reports it


def _leave_out(name: str) -> str:
    return f'leave it out: [tool.adapter] exclude = ["{name}"] in pyproject.toml'


def _walk(
    project: Project, folder: Path, prefix: str, keep: Sequence[str]
) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        is_folder = path.is_dir()
        never = matches(path.name, NEVER) or (is_folder and is_package(path))
        if never and not matches(name, keep):
            continue
        if is_folder and ((path / "pyvenv.cfg").exists() or _leads_up(path)):
            continue
        left_out = _is_left_out(name, project, keep)
        if _leads_out(path, project) and not matches(name, project.include):
            if left_out:
                continue
            raise PackageError(
                f"{path} is a link to {path.resolve()}, outside of the project in "
                f"{project.folder}. To package its target, add it to pyproject.toml: "
                f'[tool.adapter] include = ["{name}"]. To leave it out: exclude = ["{name}"]'
            )
        if is_folder:
            yield from _walk(project, path, f"{name}/", keep)
        elif not left_out:
            yield name, path


def _is_left_out(name: str, project: Project, keep: Sequence[str]) -> bool:
    is_apart = matches(name.partition("/")[0], AT_THE_TOP) or matches(name, project.exclude)
    return is_apart and not matches(name, keep)


def _leads_out(path: Path, project: Project) -> bool:
    """Whether a link leads out of the project."""
    return path.is_symlink() and not path.resolve().is_relative_to(project.folder.resolve())


def _leads_up(path: Path) -> bool:
    """Whether a link leads to a folder that contains the link."""
    folder = path.parent.resolve()
    return path.is_symlink() and path.resolve() in (folder, *folder.parents)
