"""Custom event handlers, with Mangum's interface.

The class method ``infer(event, context, config)`` says whether the class handles an event. An
instance, created with the same arguments, has the ``scope`` and the ``body`` of the request;
called with ``{"status", "headers", "body"}``, it returns the response in the form of its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..types import ASGI
from .body import TEXT_TYPES
from .source import MAX_RESPONSE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..types import JSON, Context, Head, Scope


class EventHandler(Protocol):
    """The interface of a custom handler; ``config`` is a dictionary, as in Mangum."""

    def __init__(self, event: Any, context: Any, config: Any) -> None: ...

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        """Whether this class handles the event."""
        ...

    @property
    def scope(self) -> Any:
        """The ASGI scope of the request."""
        ...

    @property
    def body(self) -> bytes:
        """The body of the request."""
        ...

    def __call__(self, response: Any) -> Any:
        """Render ``{"status": int, "headers": [[name, value]], "body": bytes}``."""
        ...


class CustomSource(NamedTuple):
    """The event source of an event that a custom handler handles."""

    handler: EventHandler
    name: str
    streams_in: tuple[str, ...] = ()
    max_response_bytes: int = MAX_RESPONSE_BYTES
    to_stream: str = "the response of a custom handler is not streamed"

    def format(self, head: Head, body: bytes) -> JSON:
        """Return the response that the handler renders."""
        pairs = [[name, value] for name, value in head.headers]
        response: JSON = self.handler({"status": head.status, "headers": pairs, "body": body})
        return response

    def http_scope(self, state: Mapping[str, Any] | None) -> Scope:
        """Return the handler's scope, with the adapter's ASGI version and the lifespan's state."""
        scope: Scope = {"extensions": {}, **self.handler.scope, "asgi": ASGI.copy()}
        if state is not None:
            scope["state"] = {**state}
        return scope


def infer(
    handlers: Iterable[type[EventHandler]], event: JSON, context: Context | None, base_path: str
) -> CustomSource | None:
    """Return the source for the first handler that handles the event, or None."""
    config = {
        "api_gateway_base_path": base_path or "/",
        "text_mime_types": [*TEXT_TYPES],
        "exclude_headers": [],
    }
    for handler in handlers:
        if handler.infer(event, context, config):
            return CustomSource(handler(event, context, config), handler.__name__)
    return None
