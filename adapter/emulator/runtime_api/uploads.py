"""Responses and error reports that a runtime posts, read from its connection."""

from __future__ import annotations

import json
from base64 import b64decode
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from ..invocation_steps import Written
from ..outcome import EndOfResponse, InvocationFailure, ResponseEnd, known_error_type
from . import replies
from .bandwidth import TokenBucket
from .server_connection import TruncatedError

if TYPE_CHECKING:
    from ..local_invocation import LocalInvocation
    from .replies import Reply
    from .server_connection import ServerConnection

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
ERROR_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"


class ReportTooLargeError(Exception):
    """An error report is larger than the limit."""


def has_known_mode(connection: ServerConnection) -> bool:
    """Whether the response mode header is absent or has a known value."""
    return connection.header(RESPONSE_MODE) in ("", "streaming")


async def copy_response(
    connection: ServerConnection,
    invocation: LocalInvocation,
    *,
    throttle: bool,
    sanitise: bool = False,
) -> Reply:
    """Copy a response to the invocation, no faster than the client reads; return the reply.

    ``sanitise``: check the error trailers, as Lambda Managed Instances do.

    Raises:
        TruncatedError: the response is incomplete.
    """
    bucket = TokenBucket() if throttle and invocation.streaming else None
    try:
        async for data in connection.body():
            # One byte above the limit shows the client that the response was longer.
            data = data[: invocation.max_bytes + 1 - invocation.bytes]
            invocation.notify(Written(monotonic(), data))
            if bucket:
                await wait_for_bandwidth(bucket, len(data))
            await invocation.write(data)
            if invocation.bytes > invocation.max_bytes:
                invocation.finish(
                    ResponseEnd(EndOfResponse.OVERSIZED, "Function.ResponseSizeTooLarge")
                )
                return replies.TOO_LARGE
    except TruncatedError:
        invocation.finish(ResponseEnd(EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse"))
        raise
    end = complete_end(connection, invocation)
    invocation.finish(sanitised(end) if sanitise else end)
    await anyio.lowlevel.cancel_shielded_checkpoint()  # send to the client first
    return replies.ACCEPTED


def complete_end(connection: ServerConnection, invocation: LocalInvocation) -> ResponseEnd:
    """Return the end of a complete response, with the error in its trailers if it has one."""
    streamed = invocation.streaming or connection.header(RESPONSE_MODE) == "streaming"
    trailers = connection.trailers if streamed else {}
    return ResponseEnd(
        EndOfResponse.COMPLETE,
        trailers.get(ERROR_TYPE.lower(), ""),
        trailers.get(ERROR_BODY.lower(), ""),
    )


def sanitised(end: ResponseEnd) -> ResponseEnd:
    """Return the end with a known error type, and with its text only if that is base64."""
    if not end.error_type:
        return end
    try:
        b64decode(end.error_body, validate=True)
    except ValueError:
        end = end._replace(error_body="")
    return end._replace(error_type=known_error_type(end.error_type))


async def wait_for_bandwidth(bucket: TokenBucket, size: int) -> None:
    """Wait until ``size`` bytes may be sent."""
    delay = bucket.take(size, monotonic())
    while delay:
        await anyio.sleep(delay)
        delay = bucket.take(size, monotonic())


async def read_failure(
    connection: ServerConnection, max_bytes: int | None = None
) -> InvocationFailure:
    """Read an error report.

    Raises:
        TruncatedError: the report is incomplete.
        ReportTooLargeError: the report is larger than ``max_bytes``.
    """
    report = bytearray()
    async for data in connection.body():
        report += data
        if max_bytes is not None and len(report) > max_bytes:
            raise ReportTooLargeError
    return reported_failure(connection, bytes(report))


def reported_failure(connection: ServerConnection, payload: bytes) -> InvocationFailure:
    """Return the failure that a report describes: type in its head, text in its body."""
    content_type = connection.header("Content-Type")
    if content_type == ERROR_CAUSE_TYPE:
        try:
            document = json.loads(payload)
            document.pop("errorCause", None)
            payload, content_type = json.dumps(document).encode(), "application/json"
        except (ValueError, AttributeError, TypeError, RecursionError):  # not a JSON object
            payload, content_type = b"Invalid error body", "application/octet-stream"
    return InvocationFailure(known_error_type(connection.header(ERROR_TYPE)), payload, content_type)


def is_json(payload: bytes) -> bool:
    """Whether the payload is JSON."""
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
