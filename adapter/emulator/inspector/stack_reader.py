"""Reads the middleware of the app in a separate process, when a finding needs it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

import anyio

from ..function_config import runtime_environ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..console import Console
    from ..function_config import FunctionConfig

TIMEOUT_SECONDS = 20.0
NO_RUNTIME_API = "127.0.0.1:9"  # the port of the discard service, where no server listens


class StackReader:
    """Remembers the middleware of each environment's code: a reload may have changed it."""

    def __init__(self, function: FunctionConfig, console: Console) -> None:
        self._function = function
        self._console = console
        self._known: dict[str, Sequence[str]] = {}
        self._reading = anyio.Lock()

    async def read(self, environment: str) -> Sequence[str]:
        """Return the class names of the middleware in an environment; of Python's runtime only."""
        async with self._reading:
            if environment not in self._known:
                self._known[environment] = await read_stack(self._function, self._console)
            return self._known[environment]


async def read_stack(function: FunctionConfig, console: Console) -> Sequence[str]:
    """Import the target in a process and return its middleware; nothing if that fails.

    The console gets a line about it, as the import may have effects outside of the process.
    """
    if not function.is_native:
        return ()
    console.line(
        f"{function.target} is imported once more, in another process, to name its middleware in a "
        "finding.",
        "platform",
    )
    command = [sys.executable, "-m", "adapter.doctor.app_stack", function.target]
    environ = runtime_environ(function, NO_RUNTIME_API, os.environ)
    with anyio.move_on_after(TIMEOUT_SECONDS), suppress(OSError):
        process = await anyio.run_process(
            command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            check=False,
            cwd=function.task_root,
            env=environ,
        )
        return names_in(process.stdout) if process.returncode == 0 else ()
    return ()


def names_in(output: bytes) -> Sequence[str]:
    """Return the names in the last line of the output; nothing if the app has written another."""
    try:
        names = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return ()
    return names if isinstance(names, list) else ()
