"""A forked child that comes back to the adapter ends, and its parent goes on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adapter.invocation import forks
from adapter.invocation.forks import EXIT_FORKED, end_children_on, exit_if_forked

if TYPE_CHECKING:
    from collections.abc import Callable

# Python 3.15 counts threads of the test runner.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# Each way in which a child comes back to an event loop.
PROGRAM = """
import asyncio, os
from adapter.invocation.forks import end_children_on

def fork():
    child = os.fork()
    if child == 0:
        raise RuntimeError("a child that comes back")
    children.append(child)

async def in_a_thread(loop):
    await loop.run_in_executor(None, fork)

async def in_a_coroutine(loop):
    fork()

async def in_a_task(loop):
    await asyncio.create_task(in_a_coroutine(loop))

async def in_a_callback(loop):
    loop.call_soon(fork)
    await asyncio.sleep(0)

async def before_callbacks_that_are_due(loop):
    loop.call_soon(fork)
    loop.call_soon(written.append, "once")
    await asyncio.sleep(0)

children, written = [], []
loop = {loop}
end_children_on(loop)
loop.run_until_complete({way}(loop))
for child in children:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), *written, flush=True)
"""
WAYS = ("in_a_thread", "in_a_coroutine", "in_a_task", "in_a_callback")
LOOPS = {"asyncio": "asyncio.new_event_loop()", "uvloop": "__import__('uvloop').new_event_loop()"}


def output_of(loop: str, way: str) -> str:
    program = [sys.executable, "-c", PROGRAM.format(loop=LOOPS[loop], way=way)]
    return subprocess.run(program, capture_output=True, text=True, timeout=40, check=True).stdout


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.process
def test_a_child_that_comes_back_to_the_loop_ends_at_once(way: str, loop: str) -> None:
    assert output_of(loop, way).split() == [str(EXIT_FORKED)]


@pytest.mark.process
def test_a_child_runs_no_callback_of_its_parent_that_is_due_in_the_same_turn() -> None:
    assert output_of("asyncio", "before_callbacks_that_are_due").split() == ["70", "once"]


def status_of(does: Callable[[], object]) -> int:
    """Return the exit status of a child that does this, and exits with 0 unless that ends it."""
    child = os.fork()
    if child == 0:
        try:
            does()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.process
def test_a_child_is_told_from_its_parent_by_the_count() -> None:
    count = forks.generation
    assert status_of(lambda: exit_if_forked(count)) == EXIT_FORKED
    exit_if_forked(count)
    assert forks.generation == count


@pytest.mark.process
def test_a_child_that_asks_for_the_count_itself_may_go_on() -> None:
    assert status_of(lambda: exit_if_forked(forks.generation)) == 0


@pytest.mark.process
def test_loops_that_are_closed_do_no_harm_to_a_child() -> None:
    loop = asyncio.new_event_loop()
    end_children_on(loop)
    loop.close()
    assert status_of(lambda: None) == 0
