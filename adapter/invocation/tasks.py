"""The tasks of a runtime, which an app must not cancel, and those that close an app's generators.

An app may cancel all tasks and wait for their end, for example to clean up. The tasks of a runtime
would end too, and the environment with them. So `asyncio.all_tasks` does not list them.
"""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context
from typing import Any, TypeVar

from .current import Current, current, drop_caught_app_cancellation

T = TypeVar("T", bound="asyncio.Future[Any]")


def unlisted(task: T) -> T:
    """Remove ``task`` from `asyncio.all_tasks`, and return the task."""
    asyncio._unregister_task(task)  # type: ignore[arg-type]
    return task


def list_current_task() -> None:
    """Add the current task to `asyncio.all_tasks` again.

    A task that is cancelled before its first step never runs. So a task that serves an invocation,
    unless it starts at once, begins unlisted, and is listed when it can report its cancellation.
    """
    task = asyncio.current_task()
    assert task is not None
    asyncio._register_task(task)


async def wait_for_end(task: asyncio.Future[Any], record: Current | None) -> None:
    """Wait for the end of ``task``. A cancellation by the app does not end this wait.

    Raises:
        CancelledError: the current task was cancelled from outside.
    """
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            if not drop_caught_app_cancellation(record):
                raise


async def generators_closed() -> None:
    """Return when the generators are closed that an app has left unfinished.

    Frameworks leave a generator where a disconnect has stopped it, and the event loop closes it in
    a new task. Lambda may freeze the environment when the app has returned: the ``finally`` block
    of the generator would run in the next invocation.

    Raises:
        CancelledError: the current task was cancelled from outside.
    """
    record = current.get(None)
    # In another task: anyio cancels this one in each turn if its cancel scope is left open.
    waiting = unlisted(asyncio.create_task(_wait_for_generators(record)))
    try:
        await wait_for_end(waiting, record)
    finally:
        waiting.cancel()


async def _wait_for_generators(record: Current | None) -> None:
    # A generator that is closed may leave another one, whose task comes a turn later.
    quiet_turns = 0
    while quiet_turns < 2:
        closing = [task for task in asyncio.all_tasks() if _closes(task, record)]
        if closing:
            quiet_turns = 0
            await asyncio.wait(closing)
        else:
            quiet_turns += 1
            await asyncio.sleep(0)


def _closes(task: asyncio.Task[Any], record: Current | None) -> bool:
    """Whether ``task`` closes a generator of the invocation of ``record``."""
    if type(task.get_coro()).__name__ != "async_generator_athrow":
        return False
    if hasattr(task, "get_context"):  # since Python 3.12
        variables: Context = task.get_context()
    else:  # it is the first of a task's contexts; the others are those of its callbacks
        contexts = (each for each in gc.get_referents(task) if type(each) is Context)
        variables = next(contexts, Context())
    return variables.get(current) is record
