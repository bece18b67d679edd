"""The event loop's own threads: for `asyncio.to_thread`, endpoints that are not async, and DNS."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..threads import threads, working

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")

MOMENT = 0.02
"""Seconds in which an idle thread ends when it is told."""

SIZE = min(32, (os.cpu_count() or 1) + 4)
"""How many threads there are in Python's own pool."""


class Executor(ThreadPoolExecutor):
    """Runs everything in the context of who asked for it, and knows what is not done yet.

    So a log record has the request id, which ``loop.run_in_executor`` would lose; and nothing that
    outlives its time is lost sight of.
    """

    def __init__(self, size: int = SIZE) -> None:
        super().__init__(size, thread_name_prefix="app")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do what every executor does."""
        future = super().submit(partial(copy_context().run, fn, *args, **kwargs))
        unfinished = working.get(None)
        if unfinished is not None:
            unfinished.add(future)
            future.add_done_callback(unfinished.discard)
        return future

    def make_room(self, count: int) -> None:
        """Let ``count`` more calls run at once."""
        self._max_workers += count


class Threads:
    """All threads of an environment in which its apps do what is not async.

    Args:
        concurrency: how many invocations there may be at once.
    """

    def __init__(self, concurrency: int) -> None:
        self._executor = Executor(SIZE + concurrency)
        self._limiter: Any = None
        asyncio.get_running_loop().set_default_executor(self._executor)
        to_thread = sys.modules.get("anyio.to_thread")  # whose are Starlette's; only if it is used
        if to_thread is not None:
            self._limiter = to_thread.current_default_thread_limiter()
            self._limiter.total_tokens = max(self._limiter.total_tokens, concurrency)

    def end(self) -> bool:
        """Let the threads end that have nothing to do; return whether any other will not.

        Python waits for every thread when it ends, and nobody can stop them.
        """
        self._executor.shutdown(wait=False)
        threads().shutdown(wait=False)
        others = [thread for thread in threading.enumerate() if not thread.daemon]
        others.remove(threading.main_thread())
        for thread in others:
            thread.join(MOMENT)
        return any(thread.is_alive() for thread in others)

    def make_room(self, count: int) -> None:
        """Let ``count`` more calls run at once, for there are some that nobody can stop."""
        self._executor.make_room(count)
        if self._limiter is not None:
            self._limiter.total_tokens += count
