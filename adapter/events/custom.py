"""Event handlers of the user's own, with the interface that Mangum gave them.

A class with ``infer(event, context, config)`` that says whether an event is its own; its
instances, made of the same three, have the ``scope`` and the ``body`` of the request, and make
an answer of ``{"status", "headers", "body"}`` when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..scope import ASGI
from .buffered import TEXT_TYPES
from .source import MAX_ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..response import Head
    from ..types import JSON, Context, Scope


class EventHandler(Protocol):
    """What an instance of such a class has; ``config`` is a dictionary, as Mangum's."""

    def __init__(self, event: Any, context: Any, config: Any) -> None: ...

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        """Whether the event is one for this class."""
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
        """Return the answer of ``{"status": int, "headers": [[name, value]], "body": bytes}``."""
        ...


class CustomSource(NamedTuple):
    """One event in the hands of the user's own handler."""

    handler: EventHandler
    name: str
    streams_in: tuple[str, ...] = ()
    max_answer: int = MAX_ANSWER
    to_stream: str = "a custom handler's answer is not streamed"

    def format(self, head: Head, body: bytes) -> JSON:
        """Return the response that the handler makes."""
        pairs = [[name, value] for name, value in head.headers]
        response: JSON = self.handler({"status": head.status, "headers": pairs, "body": body})
        return response

    def http_scope(self, state: Mapping[str, Any] | None) -> Scope:
        """Return the handler's scope, with what it cannot know put right."""
        scope: Scope = {"extensions": {}, **self.handler.scope, "asgi": ASGI.copy()}
        if state is not None:
            scope["state"] = {**state}
        return scope


def infer(
    handlers: Iterable[type[EventHandler]], event: JSON, context: Context | None, base_path: str
) -> CustomSource | None:
    """Return the event in the hands of the first handler that wants it."""
    config = {
        "api_gateway_base_path": base_path or "/",
        "text_mime_types": [*TEXT_TYPES],
        "exclude_headers": [],
    }
    for handler in handlers:
        if handler.infer(event, context, config):
            return CustomSource(handler(event, context, config), handler.__name__)
    return None
