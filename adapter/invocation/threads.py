"""The threads in which functions, sources and apps do work that would block the event loop."""

from __future__ import annotations

import os
import sys
from contextvars import copy_context
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from . import forks
from .current import current

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from concurrent.futures import Executor, ThreadPoolExecutor

T = TypeVar("T")

MAX_THREADS = 10_000
"""How many calls may run at once: more than a runtime ever asks for, abandoned calls included."""


@cache
def threads() -> ThreadPoolExecutor:
    """Return the thread pool for calls on behalf of the adapter itself.

    A pool apart from the event loop's: a function that waits in the last thread of that pool for a
    handler of the adapter, which needs a thread as well, would wait for ever.
    """
    from concurrent.futures import ThreadPoolExecutor  # lazy: cold start

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="handler")


def app_threads(more: int = 0) -> ThreadPoolExecutor:
    """Return a thread pool for the event loop, as large as Python's own.

    It serves `asyncio.to_thread`, endpoints that are not async, and DNS.

    Args:
        more: threads beside those.
    """
    from concurrent.futures import ThreadPoolExecutor  # lazy: cold start

    size = min(32, (os.cpu_count() or 1) + 4) + more
    return ThreadPoolExecutor(size, thread_name_prefix="app")


def shielded(function: Callable[..., T], *args: Any) -> T:
    """Call a function for a future.

    A future cannot hold a StopIteration: on Python 3.11 its awaiter would wait for ever.

    Raises:
        RuntimeError: the function raised StopIteration.
    """
    before = forks.count
    try:
        return function(*args)
    except StopIteration as error:
        raise RuntimeError("The function raised StopIteration.") from error
    finally:
        forks.exit_if_forked(before)


class ThreadWork:
    """One call in a thread, on record in its invocation until it has returned."""

    def __init__(self, unfinished: set[object], call: Callable[[], Any]) -> None:
        self._unfinished = unfinished
        self._call = call
        self._begun = False
        unfinished.add(self)

    def __call__(self) -> Any:
        """Run the call, in the thread."""
        self._begun = True
        self._unfinished.add(self)  # the task may have been cancelled in just this moment
        try:
            return self._call()
        finally:
            self._unfinished.discard(self)

    def forget(self, future: object) -> None:
        """Take a call off the record that was cancelled before it began."""
        if not self._begun:
            self._unfinished.discard(self)


def watch_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Record the calls that apps submit to executors, and run them in the submitter's context.

    Any executor: asgiref has one for each request, in which Django's synchronous views run. The
    deadline has to know of a call that cannot be stopped, and a log record of its request id. An
    event loop offers no hook for this but the method itself, so the method is replaced.
    """
    submit = loop.run_in_executor

    def run_in_executor(
        executor: Executor | None, function: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        variables = copy_context()
        record = current.get(None)
        if record is None:
            return submit(executor, variables.run, function, *args)
        work = ThreadWork(record.unfinished, lambda: variables.run(function, *args))
        try:
            future: asyncio.Future[T] = submit(executor, work)
        except BaseException:
            work.forget(None)
            raise
        future.add_done_callback(work.forget)
        return future

    loop.run_in_executor = run_in_executor  # type: ignore[method-assign,assignment]


def works_in_thread(task: asyncio.Task[Any]) -> bool:
    """Whether the invocation that ``task`` serves waits for a thread of its app.

    Cancelled now, the task would end, and the thread would go on. To be called in a task, in the
    context of the invocation.
    """
    record = current.get(None)
    if record is not None and record.unfinished:
        return True
    limiter = anyio_limiter()
    return limiter is not None and task in limiter.statistics().borrowers


def anyio_limiter(*, is_needed: bool = False) -> Any:
    """Return the limiter of anyio's threads, which are Starlette's; None where there are none yet.

    The first use of anyio imports its asyncio backend, which is 2 % of a cold start of FastAPI, so
    only a limiter that ``is_needed`` is asked for before the app uses one. To be called in a task.
    """
    to_thread = sys.modules.get("anyio.to_thread")
    if to_thread is None or not (is_needed or "anyio._backends._asyncio" in sys.modules):
        return None
    return to_thread.current_default_thread_limiter()
