"""The context object of an invocation in a test."""

from __future__ import annotations

import time

from ..invocation.context import LambdaContext


def lambda_context(
    request_id: str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd", *, seconds: float = 30
) -> LambdaContext:
    """Return a context with ``seconds`` left."""
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
