"""The native runtime's way from synchronous code to its event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from .bridge import Bridge

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

T = TypeVar("T")


class NativeBridge(Bridge):
    """Serves calls on the loop that takes the events.

    While modules are imported, and in the hooks of a snapshot, that loop stands still; whoever
    calls runs it then. So an app sees one loop, whenever it is called.
    """

    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner

    def _get_loop(self) -> asyncio.AbstractEventLoop:
        return self.runner.get_loop()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)
