"""The interface through which the runtimes call a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..types import JSON, Context
    from .response_stream import ResponseStream


@runtime_checkable
class StreamingHandler(Protocol):
    """A handler that a runtime calls, and that can write to the response stream.

    A runtime calls `startup` once, before the first invocation; `respond` once per
    invocation, on one long-lived event loop; `shutdown` once, when the environment ends.
    """

    async def startup(self) -> bool:
        """Start the handler, once per environment; return whether `shutdown` has work to do."""
        ...

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Respond on ``stream``; or write nothing and return the buffered response."""
        ...

    async def shutdown(self) -> None:
        """Undo `startup`, when the environment ends."""
        ...
