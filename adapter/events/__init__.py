"""Turns events into requests, and responses into the JSON that each event source takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from . import payload_v2
from .source import Source as Source

if TYPE_CHECKING:
    from ..types import JSON


FUNCTION_URL = Source(
    "function URL",
    ("auto", "response_stream"),
    partial(payload_v2.request, from_function_url=True),
    payload_v2.response,
    to_stream="to stream it, set invoke_mode to 'auto' (ADAPTER_INVOKE_MODE) and InvokeMode of"
    " the function URL to RESPONSE_STREAM",
)
HTTP_API = Source(
    "HTTP API",
    (),
    partial(payload_v2.request, from_function_url=False),
    payload_v2.response,
    to_stream="an HTTP API cannot stream; a function URL or a REST API can",
)


def unwrap(event: JSON | Mapping[str, JSON]) -> JSON:
    """Return the event as Lambda sent it: Powertools' ``event_source`` makes a mapping of it."""
    if type(event) is not dict and isinstance(event, Mapping):
        return dict(event)
    return event


def identify(event: JSON) -> Source | None:
    """Return the source of an HTTP event; None if the event is not an HTTP request."""
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    if event.get("version") == "2.0" and isinstance(context, dict) and "http" in context:
        # Payload format 2.0. Only the domain distinguishes a function URL from an HTTP API.
        if ".lambda-url." in str(context.get("domainName")):
            return FUNCTION_URL
        # The event of an API's Lambda authorizer has the same keys, and routeArn.
        return HTTP_API if "routeArn" not in event else None
    from . import identification  # lazy: cold start

    return identification.identify_other(event)
