"""Events that are not HTTP requests: warm-up events, and the message for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import JSON, Event

_WARM_UP_SOURCE = "serverless-plugin-warmup"


def is_warm_up(event: JSON) -> bool:
    """Whether the event only keeps the environment warm.

    https://github.com/juanjoDiaz/serverless-plugin-warmup sends its name as ``source``;
    https://github.com/jeremydaly/lambda-warmer sends ``{"warmer": true}``.
    """
    return isinstance(event, dict) and (
        event.get("source") == _WARM_UP_SOURCE or event.get("warmer") is True
    )


def explain(event: JSON) -> str:
    """Describe an event that no option handles, and name the options that can handle it."""
    if isinstance(event, dict) and _is_websocket(event):
        return (
            "This event is from a WebSocket API. Lambda invokes a function once for each"
            " message, and the function has no connection, so there is no ASGI websocket. Stream"
            " server-sent events from a function URL instead, or handle the messages in a function"
            " of (event, context) as LambdaHandler(app, on_event=...)."
        )
    if isinstance(event, dict) and ("methodArn" in event or "routeArn" in event):
        return (
            "This event asks a Lambda authorizer for a decision, and is not a request to the app."
            " Use a separate function as the authorizer, or pass a function of (event,"
            " context) as LambdaHandler(app, on_event=...)."
        )
    keys = ", ".join(map(repr, event)) if isinstance(event, dict) else ""
    what = f"has the keys {keys}" if keys else f"is a {type(event).__name__}"
    return (
        "This event is not an HTTP request, and no option handles other events. The event"
        f" {what}. Handle it with one of these options of LambdaHandler: on_event (a function of"
        " (event, context)), event_path (a path of the app, to which the event is POSTed),"
        " custom_handlers (a class that turns the event into a request)."
    )


def _is_websocket(event: Event) -> bool:
    context = event.get("requestContext")
    return isinstance(context, dict) and "connectionId" in context and "eventType" in context
