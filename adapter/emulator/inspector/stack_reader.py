"""Reads the middleware of the app in a separate process, when a finding needs it."""

from __future__ import annotations

import json
import os
import sys
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

import anyio

from ..function_config import FunctionConfig, runtime_environ

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 20.0


class StackReader:
    """Remembers the middleware of each environment's code: a reload may have changed it."""

    def __init__(self, function: FunctionConfig) -> None:
        self._function = function
        self._known: dict[str, Sequence[str]] = {}
        self._reading = anyio.Lock()

    async def read(self, environment: str) -> Sequence[str]:
        """Return the class names of the middleware that an environment runs, if it is Python."""
        async with self._reading:
            if environment not in self._known:
                self._known[environment] = await read_stack(self._function)
            return self._known[environment]


async def read_stack(function: FunctionConfig) -> Sequence[str]:
    """Import the target in a process and return its middleware; nothing if that fails."""
    if function.command != FunctionConfig.command:
        return ()  # another runtime
    command = [sys.executable, "-m", "adapter.doctor.app_stack", function.target]
    environ = runtime_environ(function, "127.0.0.1:9", os.environ)
    with anyio.move_on_after(TIMEOUT_SECONDS):
        process = await anyio.run_process(
            command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            check=False,
            cwd=function.task_root,
            env=environ,
        )
        if process.returncode == 0:
            names: list[str] = json.loads(process.stdout.splitlines()[-1])
            return names
    return ()
