"""The native runtime's way from synchronous code to its event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .bridge import Bridge

if TYPE_CHECKING:
    from ..types import JSON, Context, StreamingHandler


class NativeBridge(Bridge):
    """Serves a call on the one event loop of the environment.

    While the environment starts, and in the hooks of a snapshot, that loop stands still: it runs
    for the call then. So an app sees one loop, whenever it is called.
    """

    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner

    def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
        """Do what `Bridge.call` says."""
        loop = self.runner.get_loop()
        responding = self._respond(handler, event, context)
        if loop.is_running():
            return asyncio.run_coroutine_threadsafe(responding, loop).result()
        return self.runner.run(responding)
