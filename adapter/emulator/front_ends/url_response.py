"""What a function URL makes of a function's answer. It does no I/O.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple, cast

from ...errors import EventError
from ...prelude import DROPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON, Headers

# The URL sets these itself; the function's own come out under another name.
REMAPPED = frozenset({"connection", "content-length", "date", "server"})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(r"[^\x00\r\n]*")


class UrlHead(NamedTuple):
    """Status and header fields, ready for the client."""

    status: int
    headers: Headers

    @property
    def bodiless(self) -> bool:
        """Whether HTTP forbids a body with this status (RFC 9110, 6.4.1)."""
        return self.status in (204, 304)


def streamed_head(prelude: Mapping[str, object], request_id: str, trace_id: str) -> UrlHead:
    """Map a prelude.

    A list of values is taken (AWS's own web adapter sends them); ``multiValueHeaders`` is
    ignored, as function URLs do.

    Raises:
        EventError: a value has a type, or text, that cannot be sent.
    """
    fields: Headers = []
    for name, value in mapping_of(prelude, "headers").items():
        text = ", ".join(texts(name, value)) if isinstance(value, list) else value
        fields.extend(field(name, text))
    for cookie in texts("cookies", prelude.get("cookies") or []):
        fields.extend(field("Set-Cookie", cookie))
    return UrlHead(status_of(prelude), [*fields, *added(request_id, trace_id)])


def plain_head(content_type: str, request_id: str, trace_id: str) -> UrlHead:
    """Return the head of a stream that has no prelude."""
    fields = field("Content-Type", content_type or "application/octet-stream")
    return UrlHead(200, [*fields, *added(request_id, trace_id)])


def buffered_response(payload: bytes, request_id: str, trace_id: str) -> tuple[UrlHead, bytes]:
    """Map a buffered answer: an object with ``statusCode``, or any JSON, which is the body.

    Raises:
        EventError: it is not JSON, or has values that cannot be sent.
    """
    try:
        answer = cast("JSON", json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise EventError(f"The answer is not JSON: {error}") from error
    if not isinstance(answer, dict) or "statusCode" not in answer:
        head = plain_head("application/json", request_id, trace_id)
        return sized(head, payload)
    headers = mapping_of(answer, "headers")
    if any(not isinstance(value, str) for value in headers.values()):
        raise EventError("A header's value is not a string.")
    if not any(name.lower() == "content-type" for name in headers):
        answer = {**answer, "headers": {"Content-Type": "application/json", **headers}}  # type: ignore[dict-item]
    return sized(streamed_head(answer, request_id, trace_id), body_of(answer))


def sized(head: UrlHead, body: bytes) -> tuple[UrlHead, bytes]:
    """Add the content length, which the URL computes by itself."""
    if head.bodiless:
        return head, b""
    return head._replace(headers=[*head.headers, (b"Content-Length", b"%d" % len(body))]), body


def body_of(answer: Mapping[str, object]) -> bytes:
    """Return the body's bytes."""
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise EventError(f"body is not a string but {type(body).__name__}.")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise EventError(f"body is not base64: {error}") from error


def status_of(answer: Mapping[str, object]) -> int:
    """Return the status; 200 if none is given."""
    status = answer.get("statusCode", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise EventError(f"statusCode is {status!r}, not a number from 200 to 599.")
    return status


def mapping_of(answer: Mapping[str, object], key: str) -> dict[str, object]:
    """Return the object under ``key``; empty if there is none."""
    value = answer.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EventError(f"{key} is not an object but {type(value).__name__}.")
    return value


def texts(name: str, values: object) -> list[str]:
    """Check a list of strings."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise EventError(f"{name} is not a list of strings.")
    return values


def field(name: str, value: object) -> Headers:
    """Check one header field and return it under the name the client sees; or nothing."""
    if not isinstance(value, str):
        raise EventError(f"Header {name!r} is not a string but {type(value).__name__}.")
    if not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
        raise EventError(f"Header {name!r} has a character that HTTP does not allow.")
    lower = name.lower()
    if lower in REMAPPED:
        name = f"x-amzn-Remapped-{name}"
    elif lower.encode() in DROPPED:
        return []
    try:
        return [(name.encode("ascii"), value.strip(" \t").encode("latin-1"))]
    except UnicodeEncodeError as error:
        raise EventError(f"Header {name!r} is not latin-1: {error}") from error


def added(request_id: str, trace_id: str) -> Headers:
    """Return what the URL adds to every answer; ``Date`` is the HTTP server's."""
    return [(b"x-amzn-RequestId", request_id.encode()), (b"X-Amzn-Trace-Id", trace_id.encode())]
