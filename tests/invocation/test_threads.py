from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from anyio import to_thread

from adapter.invocation.current import Current, current
from adapter.invocation.threads import (
    app_threads,
    make_when_needed,
    threads,
    watch_threads,
    works_in_thread,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def watched() -> None:
    """The event loop watches its threads, as under both runtimes."""
    watch_threads(asyncio.get_running_loop())
    current.set(Current())


def this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


@pytest.mark.parametrize("way", ["asyncio", "executor", "anyio"])
async def test_a_task_that_waits_for_a_thread_is_known_until_the_thread_is_done(
    watched: None, way: str
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()

    async def wait() -> None:
        if way == "asyncio":
            await asyncio.to_thread(work)
        elif way == "executor":
            await asyncio.get_running_loop().run_in_executor(None, work)
        else:
            await to_thread.run_sync(work)

    task = asyncio.create_task(wait())
    assert not works_in_thread(task)
    while not begun.is_set():  # noqa: ASYNC110  # set by a thread
        await asyncio.sleep(0.001)
    assert works_in_thread(task)
    go_on.set()
    await task
    assert not works_in_thread(task)


async def test_what_a_task_of_the_apps_own_has_given_to_a_thread_counts_too(
    watched: None,
) -> None:
    go_on = threading.Event()
    group = asyncio.gather(asyncio.to_thread(go_on.wait), asyncio.to_thread(go_on.wait))
    await asyncio.sleep(0)
    assert works_in_thread(this_task())
    go_on.set()
    await group
    assert not works_in_thread(this_task())


async def test_the_threads_of_another_invocation_do_not_count(watched: None) -> None:
    go_on = threading.Event()

    async def other() -> None:
        current.set(Current())
        await asyncio.gather(asyncio.to_thread(go_on.wait), to_thread.run_sync(go_on.wait))

    task = asyncio.create_task(other())
    await asyncio.sleep(0.01)
    assert not works_in_thread(this_task())
    go_on.set()
    await task


async def test_functions_that_wait_for_functions_never_run_out_of_threads() -> None:
    barrier = threading.Barrier(100, timeout=10)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(threads(), barrier.wait) for _ in range(100)))


@pytest.mark.parametrize("record", [Current(), None], ids=["in an invocation", "in a lifespan"])
async def test_an_executor_of_processes_gets_the_plain_call(record: Current | None) -> None:
    watch_threads(asyncio.get_running_loop())
    if record is not None:
        current.set(record)
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        calling = asyncio.get_running_loop().run_in_executor(processes, math.pow, 2, 5)
        if record is not None:
            assert works_in_thread(this_task())
        assert await calling == 32
    await asyncio.sleep(0)  # the callback of the future
    assert not works_in_thread(this_task())


@pytest.fixture
async def made() -> list[ThreadPoolExecutor]:
    """The default executors that were made because a call needed one."""
    made: list[ThreadPoolExecutor] = []

    def make() -> ThreadPoolExecutor:
        made.append(app_threads())
        return made[-1]

    make_when_needed(asyncio.get_running_loop(), make)
    return made


async def test_the_first_call_without_an_executor_makes_the_default_one(
    made: list[ThreadPoolExecutor],
) -> None:
    with ThreadPoolExecutor() as own:
        await asyncio.get_running_loop().run_in_executor(own, this_thread)
    assert made == []
    assert await asyncio.to_thread(this_thread) == "app_0"
    # Another call may need another thread: a result arrives before its thread counts as idle.
    assert (await asyncio.to_thread(this_thread)).startswith("app_")
    assert len(made) == 1


async def test_the_default_executor_of_the_app_is_kept(made: list[ThreadPoolExecutor]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="own"))
    assert await asyncio.to_thread(this_thread) == "own_0"
    assert made == []


def this_thread() -> str:
    return threading.current_thread().name


@pytest.mark.process
def test_a_start_without_threads_and_packed_imports_imports_neither() -> None:
    program = """
import asyncio, sys
from adapter.native import run

async def start():
    from adapter.native.thread_pools import Threads
    Threads(1)

run("main:app")  # fails: this is not a Lambda environment
asyncio.run(start())
print({"concurrent.futures.thread", "adapter.imports.packed"} & sys.modules.keys())
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, env=environ
    )
    assert ran.stdout == b"set()\n"
