"""What a runtime posts in answer to an invocation, read from its connection."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from ..local_invocation import EndOfResponse, InvocationFailure, ResponseEnd, known_error_type
from . import replies
from .bandwidth import Bucket
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
    """An error report is larger than is read of it."""


def mode_is_known(connection: ServerConnection) -> bool:
    """Whether the runtime names a response mode that there is, or none."""
    return connection.header(RESPONSE_MODE) in ("", "streaming")


async def copy_response(
    connection: ServerConnection, invocation: LocalInvocation, *, throttle: bool
) -> Reply:
    """Read a response to its end, no faster than its client does; return the reply to it.

    Raises:
        TruncatedError: it broke off.
    """
    bucket = Bucket() if throttle and invocation.streaming else None
    try:
        async for data in connection.body():
            # One byte more than is allowed shows the client that it is not all.
            data = data[: invocation.limit + 1 - invocation.bytes]
            if bucket:
                await take(bucket, len(data))
            await invocation.write(data)
            if invocation.bytes > invocation.limit:
                invocation.finish(
                    ResponseEnd(EndOfResponse.OVERSIZED, "Function.ResponseSizeTooLarge")
                )
                return replies.TOO_LARGE
    except TruncatedError:
        invocation.finish(ResponseEnd(EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse"))
        raise
    invocation.finish(end_of(connection, invocation))
    return replies.ACCEPTED


def end_of(connection: ServerConnection, invocation: LocalInvocation) -> ResponseEnd:
    """Return the end of a response that was read whole, with the error in its trailers if any."""
    heard = invocation.streaming or connection.header(RESPONSE_MODE) == "streaming"
    trailers = connection.trailers if heard else {}
    return ResponseEnd(
        EndOfResponse.COMPLETE,
        trailers.get(ERROR_TYPE.lower(), ""),
        trailers.get(ERROR_BODY.lower(), ""),
    )


async def take(bucket: Bucket, size: int) -> None:
    """Wait until ``size`` bytes may be sent."""
    delay = bucket.take(size, monotonic())
    while delay:
        await anyio.sleep(delay)
        delay = bucket.take(size, monotonic())


async def read_failure(connection: ServerConnection, limit: int | None = None) -> InvocationFailure:
    """Read the body and the headers of an error report.

    Raises:
        TruncatedError: it broke off.
        ReportTooLargeError: it is larger than ``limit``.
    """
    payload = b""
    async for data in connection.body():
        payload += data
        if limit is not None and len(payload) > limit:
            raise ReportTooLargeError
    content_type = connection.header("Content-Type")
    if content_type == ERROR_CAUSE_TYPE:
        try:
            document = json.loads(payload)
            document.pop("errorCause", None)
            payload, content_type = json.dumps(document).encode(), "application/json"
        except (ValueError, AttributeError, TypeError, RecursionError):  # no JSON, no object
            payload, content_type = b"Invalid error body", "application/octet-stream"
    return InvocationFailure(known_error_type(connection.header(ERROR_TYPE)), payload, content_type)


def is_json(payload: bytes) -> bool:
    """Whether the payload parses as JSON."""
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
