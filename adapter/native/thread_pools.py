"""The threads of an environment: for `asyncio.to_thread`, endpoints that are not async, and DNS."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from ..invocation.threads import anyio_limiter, app_threads, make_when_needed, threads

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

JOIN_SECONDS = 0.02
"""The time in which an idle thread ends after a shutdown of its pool."""

ANYIO_THREADS = 40
"""How many threads anyio allows at once by default."""


class Threads:
    """All threads of an environment in which its apps run synchronous code.

    Args:
        concurrency: how many invocations there may be at once.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._executor: ThreadPoolExecutor | None = None  #: of the event loop
        self._abandoned = 0
        self._added_tokens = 0  #: to anyio's limiter, for abandoned threads
        make_when_needed(asyncio.get_running_loop(), self._make_executor)
        self._limiter = anyio_limiter(is_needed=concurrency > ANYIO_THREADS)
        if self._limiter is not None:
            self._limiter.total_tokens = max(self._limiter.total_tokens, concurrency)

    def _make_executor(self) -> ThreadPoolExecutor:
        self._executor = app_threads(self._concurrency + self._abandoned)
        return self._executor

    def end(self) -> bool:
        """End the idle threads; return whether other threads still run.

        At its end Python waits for every thread, and a thread cannot be stopped.
        """
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        threads().shutdown(wait=False)
        others = [thread for thread in threading.enumerate() if not thread.daemon]
        others.remove(threading.main_thread())
        for thread in others:
            thread.join(JOIN_SECONDS)
        return any(thread.is_alive() for thread in others)

    def make_room(self, count: int) -> None:
        """Let ``count`` more calls run at once, because ``count`` more threads are abandoned.

        Call this method in a task, unless ``count`` is negative.
        """
        self._abandoned += count
        if self._executor is not None:
            self._executor._max_workers += count
        if self._limiter is None and count > 0:
            self._limiter = anyio_limiter()
        if self._limiter is not None:
            self._limiter.total_tokens += self._abandoned - self._added_tokens
            self._added_tokens = self._abandoned
