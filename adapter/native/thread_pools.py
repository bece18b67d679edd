"""The event loop's own threads: for `asyncio.to_thread`, endpoints that are not async, and DNS."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from ..invocation.threads import app_threads, threads

JOIN_SECONDS = 0.02
"""In which an idle thread ends when it is told to."""


class Threads:
    """All threads of an environment in which its apps run synchronous code.

    Args:
        concurrency: how many invocations there may be at once.
    """

    def __init__(self, concurrency: int) -> None:
        self._executor = app_threads(concurrency)
        self._limiter: Any = None
        asyncio.get_running_loop().set_default_executor(self._executor)
        to_thread = sys.modules.get("anyio.to_thread")  # Starlette's threads, where it is used
        if to_thread is not None:
            self._limiter = to_thread.current_default_thread_limiter()
            self._limiter.total_tokens = max(self._limiter.total_tokens, concurrency)

    def end(self) -> bool:
        """End the idle threads; return whether any other thread is left.

        Python waits for every thread when it ends, and a thread cannot be stopped.
        """
        self._executor.shutdown(wait=False)
        threads().shutdown(wait=False)
        others = [thread for thread in threading.enumerate() if not thread.daemon]
        others.remove(threading.main_thread())
        for thread in others:
            thread.join(JOIN_SECONDS)
        return any(thread.is_alive() for thread in others)

    def make_room(self, count: int) -> None:
        """Let ``count`` more calls run at once, because as many threads are abandoned."""
        self._executor._max_workers += count
        if self._limiter is not None:
            self._limiter.total_tokens += count
