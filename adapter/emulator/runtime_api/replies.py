"""Replies of the Runtime API, byte for byte as RAPID sends them.

https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/rapi/rendering).
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import NamedTuple

from ..local_invocation import MAX_PAYLOAD_BYTES

HeaderItems = tuple[tuple[str, str], ...]
SURROGATE = re.compile("[\ud800-\udfff]")
PLAIN_TEXT: HeaderItems = (("Content-Type", "text/plain; charset=utf-8"),)


class Reply(NamedTuple):
    """An HTTP response of the Runtime API: status, header fields and the whole body."""

    status: int
    headers: HeaderItems
    body: bytes


def reply_json(status: int, document: object, headers: HeaderItems = ()) -> Reply:
    """Return JSON as Go's encoder writes it: compact, ``<>&`` escaped, a newline at the end.

    Half of a surrogate pair, which JSON can have, becomes U+FFFD.
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    text = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Reply(status, (("Content-Type", "application/json"), *headers), f"{text}\n".encode())


def failure(status: int, error_type: str, message: str) -> Reply:
    """Return the reply to a call that failed."""
    return reply_json(status, {"errorMessage": message, "errorType": error_type})


def invalid_transition(message: str) -> Reply:
    """Return the reply to a call that the runtime's state does not allow."""
    return failure(HTTPStatus.FORBIDDEN, "InvalidStateTransition", message)


def event(body: bytes, headers: HeaderItems) -> Reply:
    """Return the reply to ``next``: the event, truncated where AWS truncates it.

    The content type is always sent: AWS's Python client crashes without it.
    """
    return Reply(
        HTTPStatus.OK, (("Content-Type", "application/json"), *headers), body[:MAX_PAYLOAD_BYTES]
    )


ACCEPTED = reply_json(HTTPStatus.ACCEPTED, {"status": "OK"})
# AWS's own emulator has no telemetry either, and accepts the calls of extensions for it.
NO_LOGS = reply_json(
    HTTPStatus.ACCEPTED,
    {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"},
)
NO_TELEMETRY = reply_json(
    HTTPStatus.ACCEPTED,
    {"errorMessage": "Telemetry API is not supported", "errorType": "Telemetry.NotSupported"},
)
RESTORED = Reply(HTTPStatus.OK, (), b"")
PONG = Reply(HTTPStatus.OK, PLAIN_TEXT, b"pong")
NOT_FOUND = Reply(
    HTTPStatus.NOT_FOUND,
    (*PLAIN_TEXT, ("X-Content-Type-Options", "nosniff")),
    b"404 page not found\n",
)
NOT_THIS_HOST = Reply(
    HTTPStatus.FORBIDDEN,
    PLAIN_TEXT,
    b"This Runtime API serves localhost only, and the Host header names another host.\n",
)
NOT_FOR_BROWSERS = Reply(
    HTTPStatus.FORBIDDEN,
    PLAIN_TEXT,
    b"This Runtime API refuses requests from browsers: it is for the runtime of a function.\n",
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
    f"Exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).",
)
