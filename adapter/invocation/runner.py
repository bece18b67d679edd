"""Runs an event loop in the calling thread, and synchronous functions between its turns.

AWS's runtime calls a function on the main thread, with no event loop running. `LoopRunner` gives
synchronous code the same surroundings: the loop is paused while the code runs. So signal
handlers, objects bound to a thread and ``loop.run_until_complete`` work, and a `LambdaHandler` that
the code calls runs the loop again until its response is over.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from .forks import end_children_on
from .loggers import get_logger
from .tasks import unlisted
from .threads import call_for_future, watch_threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager

logger = get_logger("adapter.runtime")

T = TypeVar("T")

FIRST_POLL_SECONDS = 0.01
MAX_POLL_SECONDS = 0.1
"""How often a waiting thread checks whether it has to run the loop itself."""

_runners: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopRunner] = WeakKeyDictionary()


class LoopRunner:
    """Runs one event loop, in one thread at a time.

    Args:
        loop: the event loop, which is the current one when `call_outside_loop` calls a function.
        concurrent: whether several invocations share the loop, so that it must not be paused.
        contain: whether an exception that stops the loop (a SystemExit in a task of the app, or
            the exception of a signal handler) is logged, and the loop continues. Otherwise the
            exception is raised.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, concurrent: bool = False, contain: bool = True
    ) -> None:
        self.concurrent = concurrent
        self.paused = False  #: while a synchronous function runs
        self._contain = contain
        self._turn = threading.Lock()  # held by the thread that runs the loop
        self._due: list[Callable[[], None]] = []  #: calls for the thread that runs the loop
        self._has_run = False
        self._use_loop(loop)

    def _use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        _runners[loop] = self
        watch_threads(loop)
        end_children_on(loop)
        if self.concurrent:
            _patch_run_until_complete(loop)

    def use_current_loop(self) -> bool:
        """Use the current event loop, if the function's module has set another loop as current.

        The module may have opened pools on that loop. A runner whose loop has run keeps its loop.
        Return whether the loop has changed.
        """
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:  # after asyncio.run, or in a thread
            return False
        if loop is self.loop or loop.is_closed() or loop.is_running() or self._has_run:
            return False
        self._use_loop(loop)
        return True

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the loop until ``coroutine`` has ended; wait for another thread that runs it.

        Raises:
            BaseException: the exception of ``coroutine``; or, unless exceptions are contained, the
                exception that stopped the loop.
        """
        with self._turn:
            begun = self._begin(coroutine)
        return self._run(*begun)

    def run_in_any_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the loop as `run` does; if another thread runs the loop now, have it do the work.

        So the coroutine that the other thread runs may wait for the calling thread.
        """
        if not self._turn.acquire(blocking=False):
            return self._run_in_other_thread(coroutine)
        try:
            begun = self._begin(coroutine)
        finally:
            self._turn.release()
        return self._run(*begun)

    def _begin(
        self, coroutine: Coroutine[Any, Any, T]
    ) -> tuple[asyncio.Task[T], Callable[[], object]]:
        """Return the task of ``coroutine``, and a function that runs the loop until its end."""
        task = unlisted(self.loop.create_task(coroutine))
        waiting = self.loop.create_task(_wait_until_done(task))

        def run_loop() -> None:
            # anyio looks in `asyncio.all_tasks` for the task of run_until_complete, and keeps its
            # threads until the end of this task. So the task is listed, and an app may cancel it.
            nonlocal waiting
            if waiting.done():
                waiting = self.loop.create_task(_wait_until_done(task))
            with suppress(asyncio.CancelledError):
                self.loop.run_until_complete(waiting)

        return task, run_loop

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the loop. Not for the thread that runs the loop now.

        The calling thread runs the loop, unless another thread does. In that case the other thread
        runs the coroutine too, and the calling thread runs the loop when the other thread stops.
        """
        if self._turn.acquire(blocking=False):
            try:
                task = self.loop.create_task(_stop_after(self.loop, coroutine))
                asyncio._unregister_task(task)  # as `unlisted` does; listed again in its first step
            finally:
                self._turn.release()
            return self._run(task, self.loop.run_forever)
        return self._run_in_other_thread(coroutine)

    def _run_in_other_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        seconds = FIRST_POLL_SECONDS
        while not wait((future,), seconds).done:
            seconds = min(2 * seconds, MAX_POLL_SECONDS)
            if not self._turn.locked():
                ended = asyncio.wrap_future(future, loop=self.loop)
                self.run_in_any_thread(_wait_until_done(ended))
        return future.result()

    def keep_paused(self) -> AbstractContextManager[object]:
        """Return a context manager in which no thread runs the loop."""
        return self._turn

    async def call_outside_loop(self, function: Callable[..., T], *args: Any) -> T:
        """Call a synchronous function in the thread that runs the loop, and stop the loop for it.

        Raises:
            BaseException: the exception of ``function``.
        """
        future: asyncio.Future[T] = self.loop.create_future()
        call = partial(copy_context().run, call_for_future, function, *args)
        self._due.append(lambda: self._run_due_call(call, future))
        self.loop.stop()
        return await future

    def _run(self, task: asyncio.Task[T], run_loop: Callable[[], object]) -> T:
        while not task.done():
            if not self._turn.acquire(timeout=MAX_POLL_SECONDS):
                continue  # another thread runs the loop, and with it the task
            try:
                if not task.done():
                    self._run_loop(task, run_loop)
                due, self._due = self._due, []  # before another thread can run the loop
            finally:
                self._turn.release()
            for call in due:
                call()
        return task.result()

    def _run_loop(self, task: asyncio.Task[Any], run_loop: Callable[[], object]) -> None:
        """Run the loop until the end of a task, `call_outside_loop` or the app stops it."""
        self._has_run = True
        was_paused, self.paused = self.paused, False
        try:
            run_loop()
        except BaseException as error:
            if task.done():
                if not task.cancelled() and error is task.exception():
                    raise  # task.result() would lose the traceback
                return
            # asyncio and uvloop say "Event loop stopped before Future completed."
            if type(error) is RuntimeError and "loop stopped" in str(error):
                # nest_asyncio's run_until_complete leaves this set, and the next run would stop.
                self.loop._stopping = False  # type: ignore[attr-defined]
                return
            if self._contain:
                logger.error("A background task or a signal handler raised", exc_info=error)
                return
            task.cancel()
            self.loop.run_until_complete(_wait_until_done(task))
            raise
        finally:
            self.paused = was_paused

    def _run_due_call(self, call: Callable[[], T], future: asyncio.Future[T]) -> None:
        asyncio.set_event_loop(self.loop)  # asyncio.run unsets it
        was_paused, self.paused = self.paused, True
        set_outcome: Callable[[], None]
        try:
            set_outcome = partial(_set_result, future, call())
        except BaseException as error:
            set_outcome = partial(_set_exception, future, error)
        finally:
            self.paused = was_paused
        if self._turn.acquire(blocking=False):
            try:
                set_outcome()
            finally:
                self._turn.release()
        else:  # another thread of the function runs the loop
            self.loop.call_soon_threadsafe(set_outcome)


class KeptOpen:
    """Inside this context manager, ``loop.close()`` does nothing.

    A module or a function may close the current event loop after its last coroutine, but this loop
    serves the app.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        self._loop.close = lambda: None  # type: ignore[method-assign]

    def __exit__(self, *error: object) -> None:
        del self._loop.close


def current_runner() -> LoopRunner | None:
    """Return the runner of the running loop, if it has one."""
    return _runners.get(asyncio.get_running_loop())


def _patch_run_until_complete(loop: asyncio.AbstractEventLoop) -> None:
    """Let one thread call ``loop.run_until_complete`` while another thread runs the loop.

    Under AWS's runtime a function runs on the main thread, and can run coroutines on the current
    event loop. In a concurrent environment the function is called in another thread, and the loop,
    which keeps running, runs the coroutine.
    """
    kind = type(loop)

    def run_until_complete(future: Awaitable[T]) -> T:
        if not loop.is_running() or asyncio._get_running_loop() is not None:
            # Looked up for each call: nest_asyncio replaces the method of the class.
            return kind.run_until_complete(loop, future)
        try:
            return asyncio.run_coroutine_threadsafe(_result(future), loop).result()
        except CancelledError:
            raise asyncio.CancelledError from None

    loop.run_until_complete = run_until_complete  # type: ignore[method-assign,assignment]


async def _result(future: Awaitable[T]) -> T:
    return await future


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


async def _wait_until_done(future: asyncio.Future[Any]) -> None:
    """Wait for the end of ``future``; do not raise its exception."""
    await asyncio.wait((future,))


async def _stop_after(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Stop the loop when ``coroutine`` ends; `run_until_complete` would take one more turn."""
    asyncio._register_task(asyncio.current_task())  # type: ignore[arg-type]
    try:
        return await coroutine
    finally:
        loop.stop()
