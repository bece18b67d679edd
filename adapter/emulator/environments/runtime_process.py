"""The process of a runtime: its start, its output, its memory and its end."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from ..console import forward
from ..function_config import exec_wrapper, runtime_environ
from . import log_lines
from .process_memory import peak_memory_mb, uses_more_than

if TYPE_CHECKING:
    from anyio.abc import Process

    from ..console import Console
    from ..function_config import FunctionConfig
    from .environment_log import EnvironmentLog
    from .sandbox import Sandbox

OUTPUT_GRACE_SECONDS = 1.0
"""How long the output of a process is read after its exit; its children may hold it open."""

MEMORY_CHECK_SECONDS = 0.1


class RuntimeProcess:
    """One process of a runtime, with the children that it starts."""

    def __init__(
        self, function: FunctionConfig, sandbox: Sandbox, log: Console | EnvironmentLog
    ) -> None:
        self._function = function
        self._sandbox = sandbox
        self._log = log
        self._process: Process | None = None
        self.spawned = anyio.Event()  #: the process has started, or could not be started
        self.started_at = 0.0  #: the time of a monotonic clock
        self.out_of_memory = False

    @property
    def pid(self) -> int | None:
        """Return the process id; ``None`` if the process has not started."""
        return self._process.pid if self._process is not None else None

    @property
    def returncode(self) -> int | None:
        """Return the exit status; ``None`` while the process runs, or if it has not started."""
        return self._process.returncode if self._process is not None else None

    @property
    def peak_memory_mb(self) -> int | None:
        """Return the peak memory of the running process, if it can be read."""
        return peak_memory_mb(self._process.pid) if self._process is not None else None

    async def run(self, runtime_api: str) -> None:
        """Start the process, write its output to the log, and return when it has exited.

        ``runtime_api`` is host and port of the Runtime API.

        Raises:
            OSError: the command cannot be started.
        """
        self.started_at = monotonic()
        try:
            self._process = process = await self._spawn(runtime_api)
        finally:
            self.spawned.set()
        async with process, anyio.create_task_group() as readers:
            for output in filter(None, (process.stdout, process.stderr)):
                readers.start_soon(forward, output, self._log.line)
            await process.wait()
            self.kill()  # children of the runtime end with it
            readers.cancel_scope.deadline = anyio.current_time() + OUTPUT_GRACE_SECONDS

    async def enforce_memory(self) -> None:
        """Kill the process when it and its children use more memory than the function has."""
        await self.spawned.wait()
        while self._process is not None and self._process.returncode is None:
            if uses_more_than(self._process.pid, self._function.memory_mb):
                self.out_of_memory = True
                line = log_lines.out_of_memory_line(self._function.memory_mb)
                self._log.line(line, "error")
                self.kill()
                return
            await anyio.sleep(MEMORY_CHECK_SECONDS)

    def terminate(self) -> None:
        """Send SIGTERM to the process, but not to its children."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process and its children."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                kill = os.killpg if self._function.isolated else os.kill
                kill(self._process.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Wait until the process has exited, if it has started."""
        if self._process is not None:
            await self._process.wait()

    async def _spawn(self, runtime_api: str) -> Process:
        function = self._function
        environ = runtime_environ(function, runtime_api, os.environ)
        command = self._sandbox.command(function.command, exec_wrapper(function, environ))
        if not function.isolated:  # a debugger needs the terminal
            return await anyio.open_process(
                command, stdin=None, stdout=None, stderr=None, cwd=function.task_root, env=environ
            )
        return await anyio.open_process(
            command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=function.task_root,
            env=environ,
            # A new process group: Ctrl-C does not reach it, and one signal ends all its processes.
            start_new_session=True,
        )
