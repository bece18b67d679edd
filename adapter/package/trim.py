"""Leaves out of installed packages what no request ever reads."""

from __future__ import annotations

import shutil
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CACHE = "__pycache__"

#: for type checkers and compilers
SUFFIXES = {".pyi", ".pyc", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp"}
NAMES = {"py.typed"}

#: of a distribution's metadata: what `importlib.metadata` and licences are asked for
METADATA = {"METADATA", "entry_points.txt", "top_level.txt"}
LICENCES = ("licen", "copying", "notice", "authors")


def trim(folder: Path, keep: Sequence[str]) -> None:
    """Remove tests, stubs, sources of extensions and most of the metadata, but what matches."""
    _remove_scripts(folder)
    suites = [path for path in folder.rglob("*") if is_test_suite(path)]
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or matches(name, keep):
            continue
        is_test = any(suite in file.parents for suite in suites) and not is_helper(file)
        if is_test or (is_bulk(name) and not is_imported_by(file)):
            file.unlink()
        elif file.name == "METADATA" and file.parent.suffix == ".dist-info":
            file.write_bytes(without_description(file.read_bytes()))


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file, or a folder it is in, matches one of the patterns."""
    return any(
        fnmatchcase(path, pattern.rstrip("/")) for path in _prefixes(name) for pattern in patterns
    )


def is_test_suite(path: Path) -> bool:
    """Whether a folder is a test suite: not all are whose name says so (``django.test``)."""
    return (
        path.name in ("test", "tests")
        and path.is_dir()
        and next(path.rglob("test_*.py"), None) is not None
    )


def is_helper(file: Path) -> bool:
    """Whether a file of a test suite is a module that code may import (``numpy.testing`` does)."""
    tests = ("test_*.py", "*_test.py", "conftest.py")
    return file.suffix == ".py" and not matches(file.name, tests)


def is_bulk(name: str) -> bool:
    """Whether a file is for building, checking or installing, not for running."""
    *folders, file = name.split("/")
    if folders and folders[0].endswith(".dist-info"):
        return file not in METADATA and not any(mark in name.lower() for mark in LICENCES)
    suffix = file[file.rfind(".") :] if "." in file else ""
    return CACHE in folders or suffix in SUFFIXES or file in NAMES


def is_imported_by(file: Path) -> bool:
    """Whether a file is a stub that its module reads, to import by: lazy_loader does (SPEC 1).

    https://scientific-python.org/specs/spec-0001/
    """
    module = file.with_suffix(".py")
    return file.suffix == ".pyi" and module.is_file() and b"attach_stub" in module.read_bytes()


def without_description(metadata: bytes) -> bytes:
    """Return the fields of a METADATA file without the text after them, often a whole README."""
    return metadata.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"


def _remove_scripts(folder: Path) -> None:
    scripts = folder / "bin"
    if scripts.is_dir() and not any(scripts.glob("*.py")):
        shutil.rmtree(scripts)


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split("/")
    for length in range(1, len(parts) + 1):
        yield "/".join(parts[:length])
