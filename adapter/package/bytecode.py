"""Compiles modules ahead of time, and packs those of dependencies into one file.

``/var/task`` is read-only, so without bytecode every cold start compiles every module again. The
bytecode files are unchecked and hash-based: they have no time in them, and Python does not compare
them with the source. https://peps.python.org/pep-0552/
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import cache_from_source
from typing import TYPE_CHECKING

from ..imports import packed
from .tree import files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

ON_LAMBDA = "/var/task"

#: read by AWS's runtime (see `site`), which then imports from the packed file for any handler
PTH = "packed_imports.pth", "import adapter.imports.packed; adapter.imports.packed.install()\n"


def compile_folder(folder: Path, location: str = ON_LAMBDA) -> None:
    """Compile every module below a folder, which will be at ``location``.

    This runs in another process: the bytes depend on the strings that a process has interned.
    """
    command = (sys.executable, "-I", "-S", "-W", "ignore", "-m", "compileall", "-qq", "-f")
    options = ("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", location)
    compiled = subprocess.run([*command, *options, str(folder)], check=False)
    if compiled.returncode not in (0, 1):  # 1: some files, such as templates, do not compile
        compiled.check_returncode()


def pack_imports(folder: Path, owned: Collection[str], location: str = ON_LAMBDA) -> None:
    """Write the bytecode of dependencies, whose files are ``owned``, into one file.

    The project's own modules are not packed, so that an edit in Lambda's console has an effect. A
    source file that an extension module or a package hides from Python is left out.
    """
    # The module of each file: the name without suffixes, as .cpython-313-x86_64-linux-gnu.so
    modules = {name: re.sub(r"\.[^/]*$", "", name) for name, _ in files(folder)}
    hidden = {module for name, module in modules.items() if name.endswith(".so")}
    hidden |= {name.partition("/__init__.")[0] for name in modules if "/__init__." in name}
    content = {}
    for name in sorted(modules.keys() & owned):
        compiled = folder / cache_from_source(name)
        if name.endswith(".py") and modules[name] not in hidden and compiled.is_file():
            content[name] = compiled.read_bytes()
    (folder / packed.NAME).write_bytes(packed.pack(content, location))
    (folder / PTH[0]).write_text(PTH[1])
