from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from adapter.emulator.console import Console
from adapter.emulator.environments.runtime_process import RuntimeProcess
from adapter.emulator.environments.sandbox import Sandbox
from adapter.emulator.function_config import FunctionConfig

from ..conftest import Log

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.process]

RUNTIME_API = "127.0.0.1:1"
PARENT = """
import subprocess, sys
child = "import signal, sys; file = open(sys.argv[1], 'w'); signal.pause()"
subprocess.run([sys.executable, "-c", child, sys.argv[1]])
"""


def started(log: Log, root: Path, *command: str, memory_mb: int = 1024) -> RuntimeProcess:
    function = FunctionConfig("main:app", root, command, memory_mb=memory_mb)
    return RuntimeProcess(function, Sandbox((), read_only=False), Console(log))


async def test_its_output_and_exit_status_are_kept(tmp_path: Path) -> None:
    log = Log()
    code = "import os; print(os.environ['AWS_LAMBDA_RUNTIME_API']); raise SystemExit(3)"
    process = started(log, tmp_path, sys.executable, "-c", code)
    assert (process.pid, process.returncode) == (None, None)
    await process.run(RUNTIME_API)
    assert (process.returncode, log.lines) == (3, [RUNTIME_API])


async def test_its_children_are_killed_with_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # which only the child has open for writing
    os.mkfifo(pipe)
    process = started(Log(), tmp_path, sys.executable, "-c", PARENT, str(pipe))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(process.run, RUNTIME_API)
        async with await anyio.open_file(pipe) as file:
            process.kill()
            assert await file.read() == ""  # at the end of the child


async def test_it_is_killed_above_its_memory(tmp_path: Path) -> None:
    log = Log()
    code = "x = bytearray(100 << 20); import signal; signal.pause()"
    process = started(log, tmp_path, sys.executable, "-c", code, memory_mb=64)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(process.enforce_memory)
        await process.run(RUNTIME_API)
    assert process.out_of_memory
    assert process.returncode == -9
    assert "used more than its 64 MB" in log.getvalue()


async def test_a_command_that_cannot_be_started_ends_the_wait_for_its_start(tmp_path: Path) -> None:
    process = started(Log(), tmp_path, "/does/not/exist")
    with pytest.raises(OSError, match="exist"):
        await process.run(RUNTIME_API)
    await process.spawned.wait()
    await process.wait()
    process.terminate()
    process.kill()
    assert process.peak_memory_mb is None
