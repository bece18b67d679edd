"""Event in, request out; and the answer in the form each source of events wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import payload_v2

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import JSON, Event, Prelude, Request


class Source(NamedTuple):
    """A front door of Lambda: how its events are read and what answer it takes."""

    name: str
    streams_in: tuple[str, ...]  #: the invoke modes in which its answers are streamed
    request: Callable[[Event], Request]
    answer: Callable[[Prelude, bytes], JSON]


FUNCTION_URL = Source(
    "function URL", ("auto", "response_stream"), payload_v2.request, payload_v2.answer
)
HTTP_API = Source("HTTP API", (), payload_v2.request, payload_v2.answer)


def identify(event: JSON) -> Source | None:
    """Return where an HTTP event came from; None if it is not an HTTP event."""
    if not isinstance(event, dict):
        return None
    if payload_v2.is_http(event):
        return FUNCTION_URL if payload_v2.is_function_url(event) else HTTP_API
    return None
