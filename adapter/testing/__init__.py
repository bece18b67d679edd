"""What our own tests use, for yours: events, a context, a stream in memory, an HTTP transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events.build import function_url_event
from .context import lambda_context
from .memory import MemoryStream
from .reader import StreamedAnswer, read_stream

if TYPE_CHECKING:
    from .transport import LambdaTransport as LambdaTransport

__all__ = [
    "LambdaTransport",
    "MemoryStream",
    "StreamedAnswer",
    "function_url_event",
    "lambda_context",
    "read_stream",
]


def __getattr__(name: str) -> object:
    if name == "LambdaTransport":  # needs httpx, which the rest does not
        from .transport import LambdaTransport

        return LambdaTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
