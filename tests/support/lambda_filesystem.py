"""A folder laid out like a Lambda execution environment, and a function URL that runs in it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx

from adapter.emulator.console import Console
from adapter.emulator.environments.pool import open_pool
from adapter.emulator.environments.sandbox import find_sandbox
from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.http_front_end import HttpFrontEnd
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.function_config import FunctionConfig
from adapter.package.tree import unpack_archive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

# What /var/runtime/bootstrap.py of the managed runtimes does before its client starts.
BOOTSTRAP = """
import os, site, sys
var = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
root = os.environ["LAMBDA_TASK_ROOT"]
packages = f"{var}/lang/lib/python%d.%d/site-packages" % sys.version_info[:2]
runtime = f"{var}/runtime"
sys.path[:] = [root, packages, runtime, *(p for p in sys.path if p and p != runtime)]
os.environ.setdefault("PYTHONPATH", runtime)
site.addsitedir(root)
from awslambdaric.__main__ import main
main([root, os.environ["_HANDLER"]])
"""

# The interpreter of the runtime has nothing installed but what is in its folders.
INTERPRETER = '#!/bin/sh\nexec "{python}" -s -S "$@"\n'


class LambdaRoot(NamedTuple):
    """The folder that stands for ``/``."""

    folder: Path

    @property
    def task(self) -> Path:
        """Where the code is."""
        return self.folder / "var" / "task"

    @property
    def python(self) -> Path:
        """The interpreter of the managed runtime."""
        return self.folder / "var" / "lang" / "bin" / PYTHON

    @property
    def managed(self) -> tuple[str, ...]:
        """The command that starts AWS's own runtime."""
        return str(self.python), str(self.folder / "var" / "runtime" / "bootstrap.py")

    @property
    def native(self) -> tuple[str, ...]:
        """The same with ``AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap``."""
        return str(self.task / "adapter" / "bootstrap"), *self.managed

    @property
    def container(self) -> tuple[str, ...]:
        """The command of an image: its working directory is where the code is."""
        return str(self.python), "-m", "adapter", "run"


def make_lambda_root(folder: Path) -> LambdaRoot:
    """Lay out everything but the code."""
    root = LambdaRoot(folder)
    root.task.mkdir(parents=True)
    root.python.parent.mkdir(parents=True)
    base = Path(sys.base_prefix, "bin", PYTHON)
    root.python.write_text(INTERPRETER.format(python=base))
    root.python.chmod(0o755)
    (folder / "var" / "runtime").mkdir()
    (folder / "var" / "runtime" / "bootstrap.py").write_text(BOOTSTRAP)
    packages = folder / "var" / "lang" / "lib" / PYTHON / "site-packages"
    copy_distribution("awslambdaric", packages)
    return root


def copy_distribution(name: str, target: Path) -> None:
    """Copy an installed distribution, and what it needs, somewhere else."""
    distribution = metadata.distribution(name)
    for file in distribution.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(distribution.locate_file(file)), copy)
    for line in distribution.requires or ():
        needed = re.match(r"[\w.-]+", line)
        if needed and "extra ==" not in line:
            copy_distribution(needed[0], target)


def unpack(archive: Path, task: Path) -> None:
    """Unpack as Lambda does: the modes are those in the zip, and nothing can be written."""
    unpack_archive(archive, task)
    for file in task.rglob("*"):
        file.chmod(file.stat().st_mode & 0o555)


class Running(NamedTuple):
    """A function that can be called by its URL, and what it has logged."""

    client: httpx.AsyncClient
    log: io.StringIO


@asynccontextmanager
async def function_url(
    root: LambdaRoot, command: tuple[str, ...], handler: str, timeout_seconds: float = 30.0
) -> AsyncIterator[Running]:
    """Serve the code in a root, read-only, from a function URL."""
    function = FunctionConfig(
        handler, root.task, command, timeout_seconds=timeout_seconds, throttle=False
    )
    sandbox = find_sandbox(root.task)
    log = io.StringIO()
    console = Console(log)
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with listening:
        async with (
            open_pool(function, sandbox, console, 2) as pool,
            serve(HttpFrontEnd(pool, FrontEndSettings(), console), listening),
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            yield Running(client, log)
            await pool.close()
