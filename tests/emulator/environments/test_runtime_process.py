from __future__ import annotations

import fcntl
import sys
from functools import partial
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
child = '''
import fcntl, signal, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
signal.pause()
'''
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
    log, file = Log(), tmp_path / "file"
    process = started(log, tmp_path, sys.executable, "-c", PARENT, str(file))
    with anyio.fail_after(30), file.open("w") as locked:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(process.run, RUNTIME_API)
            while log.lines != ["locked"]:  # noqa: ASYNC110 - it is a log
                await anyio.sleep(0.01)
            process.kill()
        # Only the end of the child releases its lock.
        lock = partial(fcntl.flock, locked, fcntl.LOCK_EX)
        await anyio.to_thread.run_sync(lock, abandon_on_cancel=True)


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
