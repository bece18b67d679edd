"""Compiles a folder ahead of time.

``/var/task`` is read-only, so without this every cold start compiles every module again. The
files are unchecked and hash-based: they have no time in them, and Python does not compare them
with the source. https://peps.python.org/pep-0552/

Run as a script, this module compiles a folder in a separate process, because the strings that
a process has interned before change the bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ON_LAMBDA = "/var/task"


def fits(python: str) -> bool:
    """Whether a version of Python runs the bytecode of this one: the minor version is the same."""
    return python == f"{sys.version_info.major}.{sys.version_info.minor}"


def compile_folder(folder: Path, location: str = ON_LAMBDA) -> None:
    """Compile every module below a folder, which will be at ``location``."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-W", "ignore", __file__, str(folder), location],
        env={**environment, "PYTHONHASHSEED": "0"},
        check=True,
    )


def compile_modules(folder: Path, location: str) -> None:
    """Compile in a fixed order, and skip files that do not compile: templates, old syntax."""
    from py_compile import PycInvalidationMode, PyCompileError, compile

    for file in sorted(folder.rglob("*.py")):
        name = f"{location}/{file.relative_to(folder).as_posix()}"
        try:
            compile(
                str(file),
                dfile=name,
                doraise=True,
                invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            )
        except (PyCompileError, ValueError, RecursionError):
            continue


if __name__ == "__main__":
    compile_modules(Path(sys.argv[1]), sys.argv[2])
