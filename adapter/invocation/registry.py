"""The handlers of this process, and the runtime that calls them."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from ..streams.streaming_handler import RegisteredHandler, StreamingHandler
    from ..types import JSON, Context

    class Host(Protocol):
        """A runtime that can stream the response of a handler that synchronous code calls."""

        def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
            """Let ``handler`` respond to the current invocation."""
            ...


_host: Host | None = None
_handlers: list[weakref.ref[RegisteredHandler]] = []


def set_host(host: Host) -> None:
    """Make ``host`` the runtime of this process. Called by the native runtime."""
    global _host
    _host = host


def get_host() -> Host | None:
    """Return the runtime of this process, or None if it is not a runtime that streams."""
    if _host is not None or "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return _host
    from ..sync.awslambdaric import install  # lazy: cold start

    return install()


def register(handler: RegisteredHandler) -> None:
    """Add ``handler`` to `handlers` by a weak reference: a handler may exist for a single call."""
    _handlers.append(weakref.ref(handler, _handlers.remove))


def handlers() -> list[RegisteredHandler]:
    """Return all handlers of the adapter, in the order of their creation.

    The handlers that a wrapper calls are unknown, so all handlers start and end with the wrapper.
    """
    alive = [reference() for reference in _handlers]
    return [handler for handler in alive if handler is not None]
