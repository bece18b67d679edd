"""The threads for code that would block the event loop: of functions, of apps, of the adapter."""

from __future__ import annotations

import os
import sys
from contextvars import copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from . import forks
from .current import current

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from concurrent.futures import Executor, ThreadPoolExecutor

T = TypeVar("T")

MAX_THREADS = 10_000
"""How many calls may run at once. No runtime reaches this number, even with abandoned calls."""


@cache
def threads() -> ThreadPoolExecutor:
    """Return the thread pool for the adapter's own calls.

    This pool is not the event loop's. A function in the last thread of that pool may wait for a
    handler of the adapter, which needs a thread too: in one pool this would be a deadlock.
    """
    from concurrent.futures import ThreadPoolExecutor  # lazy: cold start

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="handler")


def app_threads(more: int = 0) -> ThreadPoolExecutor:
    """Return a thread pool for the event loop, as large as Python's own.

    It serves `asyncio.to_thread`, endpoints that are not async, and DNS.

    Args:
        more: the number of additional threads.
    """
    from concurrent.futures import ThreadPoolExecutor  # lazy: cold start

    size = min(32, (os.cpu_count() or 1) + 4) + more
    return ThreadPoolExecutor(size, thread_name_prefix="app")


def call_for_future(function: Callable[..., T], *args: Any) -> T:
    """Call a function whose result a future will hold.

    A future cannot hold a StopIteration: on Python 3.11 its awaiter would wait for ever.

    Raises:
        RuntimeError: the function raised StopIteration.
    """
    before = forks.generation
    try:
        return function(*args)
    except StopIteration as error:
        raise RuntimeError("The function raised StopIteration.") from error
    finally:
        forks.exit_if_forked(before)


class ThreadWork:
    """A call in a thread, which is in `Current.unfinished` until the call has returned.

    The call runs in a copy of the current context. An executor whose workers are processes or
    other interpreters pickles the call: only the function and its arguments are sent to the worker.
    """

    def __init__(
        self, unfinished: set[object], function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self._unfinished = unfinished
        self._function = function
        self._args = args
        self._variables = copy_context()
        self._begun = False
        unfinished.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the parts of the plain call, for pickle."""
        return partial, (self._function, *self._args)

    def __call__(self) -> Any:
        """Run the call, in the thread."""
        self._begun = True
        self._unfinished.add(self)  # `forget` may just have removed the call
        try:
            return self._variables.run(self._function, *self._args)
        finally:
            self._unfinished.discard(self)

    def forget(self, future: object) -> None:
        """Remove a call that was cancelled before it began."""
        if not self._begun:
            self._unfinished.discard(self)


def watch_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Record the calls that apps submit to executors, and run them in the submitter's context.

    This includes every executor: asgiref has one for each request, in which Django's synchronous
    views run. The deadline needs to know which calls still run, and a log record needs the request
    id. An event loop has no hook for this, so its method ``run_in_executor`` is replaced.
    """
    submit = loop.run_in_executor

    def run_in_executor(
        executor: Executor | None, function: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        record = current.get(None)
        work = ThreadWork(set() if record is None else record.unfinished, function, args)
        try:
            future: asyncio.Future[T] = submit(executor, work)
        except BaseException:
            work.forget(None)
            raise
        future.add_done_callback(work.forget)
        return future

    loop.run_in_executor = run_in_executor  # type: ignore[method-assign,assignment]


def make_when_needed(
    loop: asyncio.AbstractEventLoop, make: Callable[[], ThreadPoolExecutor]
) -> None:
    """Make the default executor of ``loop`` when a call needs it, unless the app has set one.

    The modules of a thread pool take 1 % of a cold start without a framework. An event loop has no
    hook for this, so two of its methods are replaced.
    """
    submit, set_executor = loop.run_in_executor, loop.set_default_executor
    is_set = getattr(loop, "_default_executor", None) is not None  # not shown by uvloop

    def set_default_executor(executor: ThreadPoolExecutor) -> None:
        nonlocal is_set
        set_executor(executor)
        is_set = True

    def run_in_executor(
        executor: Executor | None, function: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        if executor is None and not is_set:
            set_default_executor(make())
        future: asyncio.Future[T] = submit(executor, function, *args)
        return future

    loop.set_default_executor = set_default_executor  # type: ignore[method-assign,assignment]
    loop.run_in_executor = run_in_executor  # type: ignore[method-assign,assignment]


def works_in_thread(task: asyncio.Task[Any]) -> bool:
    """Whether the invocation that ``task`` serves waits for a thread of its app.

    If the task were cancelled now, the thread would continue. Call this function in a task, in the
    context of the invocation.
    """
    record = current.get(None)
    if record is not None and record.unfinished:
        return True
    limiter = anyio_limiter()
    return limiter is not None and task in limiter.statistics().borrowers


def anyio_limiter(*, is_needed: bool = False) -> Any:
    """Return the limiter of anyio's threads, which Starlette uses; None if there is none yet.

    The first use of anyio imports its asyncio backend, which is 2 % of a cold start of FastAPI, so
    the limiter is made before the app uses anyio only if ``is_needed``. Call this in a task.
    """
    to_thread = sys.modules.get("anyio.to_thread")
    if to_thread is None or not (is_needed or "anyio._backends._asyncio" in sys.modules):
        return None
    return to_thread.current_default_thread_limiter()
