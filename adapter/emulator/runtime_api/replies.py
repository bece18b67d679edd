"""The Runtime API's answers, byte for byte as RAPID gives them.

https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/rapi/rendering).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple

MAX_PAYLOAD = 6 * 1024 * 1024 + 100
"""Bytes of an event, and of a buffered answer, that pass the Runtime API."""

HeaderItems = tuple[tuple[str, str], ...]


class Reply(NamedTuple):
    """An HTTP answer: status, header fields and the whole body."""

    status: int
    headers: HeaderItems
    body: bytes


def reply_json(status: int, document: object, headers: HeaderItems = ()) -> Reply:
    """Answer with JSON as Go's encoder writes it: compact, ``<>&`` escaped, a newline after it."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Reply(status, (("Content-Type", "application/json"), *headers), f"{text}\n".encode())


def failure(status: int, error_type: str, message: str) -> Reply:
    """Answer that a call failed, and why."""
    return reply_json(status, {"errorMessage": message, "errorType": error_type})


def invalid_transition(message: str) -> Reply:
    """Answer to a call that is not legal now."""
    return failure(HTTPStatus.FORBIDDEN, "InvalidStateTransition", message)


def event(body: bytes, headers: HeaderItems) -> Reply:
    """Answer to ``next``: the event, cut where AWS cuts it.

    The content type is never left out: AWS's own Python client crashes without it.
    """
    return Reply(
        HTTPStatus.OK, (("Content-Type", "application/json"), *headers), body[:MAX_PAYLOAD]
    )


ACCEPTED = reply_json(HTTPStatus.ACCEPTED, {"status": "OK"})
RESTORED = Reply(HTTPStatus.OK, (), b"")
PONG = Reply(HTTPStatus.OK, (("Content-Type", "text/plain; charset=utf-8"),), b"pong")
NOT_FOUND = Reply(
    HTTPStatus.NOT_FOUND,
    (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")),
    b"404 page not found\n",
)
NOT_THIS_HOST = Reply(
    HTTPStatus.FORBIDDEN,
    (("Content-Type", "text/plain; charset=utf-8"),),
    b"This Runtime API answers to localhost only, and the Host header names something else.\n",
)
NOT_FOR_BROWSERS = Reply(
    HTTPStatus.FORBIDDEN,
    (("Content-Type", "text/plain; charset=utf-8"),),
    b"This is the Runtime API of a local Lambda: it refuses requests that a browser has sent.\n",
)
METHOD_NOT_ALLOWED = Reply(HTTPStatus.METHOD_NOT_ALLOWED, (), b"")
INVALID_REQUEST_ID = failure(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
INVALID_RESPONSE_MODE = failure(
    HTTPStatus.BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid function response mode"
)
TRUNCATED = failure(
    HTTPStatus.BAD_REQUEST, "TruncatedHTTPRequest", "HTTP request detected as truncated"
)
INVOKE_TIMEOUT = failure(HTTPStatus.GONE, "InvokeTimeout", "Invoke timeout")
INTERNAL_ERROR = failure(
    HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error"
)
TOO_LARGE = failure(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "RequestEntityTooLarge",
    f"Exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).",
)
