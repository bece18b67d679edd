"""Tools for tests of Lambda functions: events, a context, a stream in memory, an HTTP transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..samples.api_events import http_api_event, rest_api_event
from ..samples.proxy_events import alb_event, edge_event, lattice_event
from ..samples.record_events import (
    dynamodb_event,
    eventbridge_event,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)
from ..samples.url_event import function_url_event
from .context import lambda_context
from .memory import MemoryStream
from .reader import StreamedResponse, read_stream

if TYPE_CHECKING:
    from .transport import LambdaTransport as LambdaTransport

__all__ = [
    "LambdaTransport",
    "MemoryStream",
    "StreamedResponse",
    "alb_event",
    "dynamodb_event",
    "edge_event",
    "eventbridge_event",
    "function_url_event",
    "http_api_event",
    "lambda_context",
    "lattice_event",
    "read_stream",
    "rest_api_event",
    "s3_event",
    "schedule_event",
    "sns_event",
    "sqs_event",
]


def __getattr__(name: str) -> object:
    if name == "LambdaTransport":  # needs httpx
        from .transport import LambdaTransport

        return LambdaTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
