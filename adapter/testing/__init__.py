"""What our own tests use, for yours: events, a context, a stream in memory, an HTTP transport."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..context import LambdaContext
from ..events.build import function_url_event
from .memory import MemoryStream

if TYPE_CHECKING:
    from .transport import LambdaTransport as LambdaTransport

__all__ = ["LambdaTransport", "MemoryStream", "function_url_event", "lambda_context"]


def lambda_context(
    request_id: str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd", *, seconds: float = 30
) -> LambdaContext:
    """Return a context with ``seconds`` left from now on."""
    return LambdaContext(
        aws_request_id=request_id,
        deadline_ms=int((time.time() + seconds) * 1000),
        invoked_function_arn="arn:aws:lambda:eu-west-1:111122223333:function:test",
        function_name="test",
        function_version="$LATEST",
        memory_limit_in_mb="512",
        log_group_name="/aws/lambda/test",
        log_stream_name="2026/10/16/[$LATEST]0123456789abcdef0123456789abcdef",
    )


def __getattr__(name: str) -> object:
    if name == "LambdaTransport":  # needs httpx, which the rest does not
        from .transport import LambdaTransport

        return LambdaTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
