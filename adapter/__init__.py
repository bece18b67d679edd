"""Stream any ASGI app from AWS Lambda, and run it locally as Lambda would.

Use: ``handler = LambdaHandler(app)``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not from `typing`: see `imports.collector`
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

# A name is imported at its first use: `import adapter` imports no other module at a cold start, and
# the command line does not import the handler.
_MODULES = {
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
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
