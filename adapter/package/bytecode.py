"""Compiles a folder ahead of time.

``/var/task`` is read-only, so without bytecode every cold start compiles every module again. The
bytecode files are unchecked and hash-based: they have no time in them, and Python does not compare
them with the source. https://peps.python.org/pep-0552/
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ON_LAMBDA = "/var/task"


def fits(python: str) -> bool:
    """Whether a version of Python runs the bytecode of this one: the minor version is the same."""
    return python == f"{sys.version_info.major}.{sys.version_info.minor}"


def compile_folder(folder: Path, location: str = ON_LAMBDA) -> None:
    """Compile every module below a folder, which will be at ``location``.

    This runs in another process, because the bytes depend on the strings that a process has
    interned.
    """
    compiled = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-W", "ignore", "-m", "compileall", "-qq", "-f"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", str(folder), "-p", location, str(folder)),
        ],
        check=False,
    )
    if compiled.returncode not in (0, 1):  # 1: some files, such as templates, do not compile
        compiled.check_returncode()
