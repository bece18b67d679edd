"""Stream any ASGI app from AWS Lambda, and run it locally as Lambda would.

``handler = LambdaHandler(app)`` is the whole of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import AdapterError as AdapterError
    from .errors import ClientDisconnected as ClientDisconnected
    from .handler import LambdaHandler as LambdaHandler
    from .invocation.context import LambdaContext as LambdaContext
    from .invocation.current import xray_trace_id as xray_trace_id
    from .snapstart import after_restore as after_restore
    from .snapstart import before_snapshot as before_snapshot
    from .streamify import streamify_response as streamify_response
    from .streams.metadata import HttpResponseStream as HttpResponseStream
    from .streams.response_stream import ResponseStream as ResponseStream

__version__ = "0.1.0"

# Names are imported when they are asked for: `import adapter` alone costs a cold start nothing,
# and the command line does not pay for the handler.
_HOMES = {
    "AdapterError": "errors",
    "ClientDisconnected": "errors",
    "HttpResponseStream": "streams.metadata",
    "LambdaContext": "invocation.context",
    "LambdaHandler": "handler",
    "ResponseStream": "streams.response_stream",
    "after_restore": "snapstart",
    "before_snapshot": "snapstart",
    "streamify_response": "streamify",
    "xray_trace_id": "invocation.current",
}

__all__ = [
    "AdapterError",
    "ClientDisconnected",
    "HttpResponseStream",
    "LambdaContext",
    "LambdaHandler",
    "ResponseStream",
    "__version__",
    "after_restore",
    "before_snapshot",
    "streamify_response",
    "xray_trace_id",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
