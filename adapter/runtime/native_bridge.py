"""The native runtime's way from synchronous code to its event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from .bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..types import JSON, Context, StreamingHandler

T = TypeVar("T")

TURN = 0.01
"""Seconds between two looks at whether the loop has begun to run."""


class NativeBridge(Bridge):
    """Serves calls on the one event loop of the environment.

    While modules are imported, and in the hooks of a snapshot, that loop stands still: it runs in
    the calling thread then. So an app sees one loop, whenever it is called.
    """

    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner
        self._makes = threading.Lock()
        self._runs = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, which is made when it is asked for, by one thread or another."""
        with self._makes:
            return self.runner.get_loop()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the loop until ``coroutine`` has ended."""
        with self._runs:
            return self.runner.run(coroutine)

    def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
        """Do what `Bridge.call` says."""
        loop = self.loop
        responding = self._respond(handler, event, context)
        while not loop.is_running():
            if self._runs.acquire(timeout=TURN):
                try:
                    return self.runner.run(responding)
                finally:
                    self._runs.release()
        return asyncio.run_coroutine_threadsafe(responding, loop).result()
