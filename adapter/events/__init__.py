"""Event in, request out; and the answer in the form each source of events wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import payload_v2
from .source import Source as Source

if TYPE_CHECKING:
    from ..types import JSON


FUNCTION_URL = Source(
    "function URL",
    ("auto", "response_stream"),
    payload_v2.request,
    payload_v2.answer,
    to_stream="to stream it, set invoke_mode to 'auto' (ADAPTER_INVOKE_MODE) and InvokeMode of"
    " the function URL to RESPONSE_STREAM",
)
HTTP_API = Source(
    "HTTP API",
    (),
    payload_v2.request,
    payload_v2.answer,
    to_stream="an HTTP API cannot stream; a function URL or a REST API can",
)


def unwrap(event: JSON | Mapping[str, JSON]) -> JSON:
    """Return the event as Lambda gave it: Powertools' ``event_source`` makes a mapping of it."""
    if type(event) is not dict and isinstance(event, Mapping):
        return dict(event)
    return event


def identify(event: JSON) -> Source | None:
    """Return where an HTTP event came from; None if it is not an HTTP event."""
    if not isinstance(event, dict):
        return None
    if payload_v2.is_http(event):
        if payload_v2.is_function_url(event):
            return FUNCTION_URL
        # What an API asks its Lambda authorizer looks like the request that it is about.
        return HTTP_API if "routeArn" not in event else None
    from . import others  # what a function URL need not pay for

    return others.identify(event)
