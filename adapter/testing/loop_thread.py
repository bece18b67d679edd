"""An event loop in a thread, for synchronous clients."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for synchronous code on one event loop.

    The thread is a daemon: it never keeps the process alive.
    """

    def __init__(self) -> None:
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="LambdaTransport", daemon=True
        )
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread runs; in a forked child it does not."""
        return self._thread.is_alive()

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """Run ``coroutine`` on the loop, in the caller's context, and return its result.

        Raises:
            TimeoutError: the coroutine was still running after ``timeout`` seconds.
            Exception: any exception of the coroutine.
        """
        loop, _ = self._ready.result()
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout)

    def stop(self) -> None:
        """Tell the loop to cancel its tasks and end; do not wait for that: finalizers call this."""
        loop, stopped = self._ready.result()
        with suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(stopped.set)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    async def _main(self) -> None:
        stopped = asyncio.Event()
        self._ready.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()
