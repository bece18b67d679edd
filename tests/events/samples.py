"""Events for the tests here: one function URL's and one HTTP API's, with overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.samples.url_event import function_url_event

if TYPE_CHECKING:
    from adapter.types import JSON, Event

GATEWAY = "a1b2c3d4e5.execute-api.us-east-2.amazonaws.com"


def http_api_event(path: str = "/", *, stage: str = "$default", **keys: JSON) -> Event:
    """The event an HTTP API makes of a request; ``path`` is decoded, the stage in front of it."""
    event = function_url_event(path, domain=GATEWAY)
    context = event["requestContext"]
    assert isinstance(context, dict)
    return {**event, "requestContext": {**context, "stage": stage}, **keys}


def with_http(event: Event, **keys: JSON) -> Event:
    """``event`` with other keys in ``requestContext.http``; None takes one away."""
    context = event["requestContext"]
    assert isinstance(context, dict)
    http = context["http"]
    assert isinstance(http, dict)
    changed: Event = {k: value for k, value in {**http, **keys}.items() if value is not None}
    return {**event, "requestContext": {**context, "http": changed}}


def without(event: Event, *keys: str) -> Event:
    return {key: value for key, value in event.items() if key not in keys}
