"""The parts of an HTTP response that all event sources make in the same way.

Each function here reads one part of the response and refuses values that cannot be sent. The module
does no I/O.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple, cast

from .source_event import HOP_BY_HOP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON, Headers

# A function URL sets these headers itself and sends those of the function under other names.
REMAPPED = frozenset({"connection", "content-length", "date", "server"})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD_VALUE = re.compile(r"[^\x00\n\v\f\r]*")


class InvalidResponseError(Exception):
    """The event source cannot make an HTTP response from the function's response."""


class ResponseHead(NamedTuple):
    """Status and header fields for the client."""

    status: int
    headers: Headers

    @property
    def bodiless(self) -> bool:
        """Whether HTTP forbids a body with this status (RFC 9110, 6.4.1)."""
        return self.status in (204, 304)


def response_fields(response: Mapping[str, object]) -> Headers:
    """Return the headers and cookies of a prelude or a buffered response as header fields."""
    fields: Headers = []
    for name, value in object_in(response, "headers").items():
        text = ", ".join(string_list(name, value)) if isinstance(value, list) else value
        fields.extend(header_field(name, text))
    for cookie in string_list("cookies", response.get("cookies") or []):
        fields.extend(header_field("Set-Cookie", cookie))
    return fields


def with_content_length(head: ResponseHead, body: bytes) -> tuple[ResponseHead, bytes]:
    """Add the content length, which the source counts itself."""
    if head.bodiless:
        return head, b""
    return head._replace(headers=[*head.headers, (b"Content-Length", b"%d" % len(body))]), body


def body_of(response: Mapping[str, object]) -> bytes:
    """Return the bytes of the body."""
    body = response.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidResponseError(f"body is not a string but {type(body).__name__}.")
    if not response.get("isBase64Encoded"):
        return utf8(body)
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise InvalidResponseError(f"body is not base64: {error}") from error


def utf8(body: str) -> bytes:
    """Return the bytes of a body that is a string."""
    try:
        return body.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can have
        raise InvalidResponseError(f"body is not UTF-8: {error}") from error


def status_of(response: Mapping[str, object]) -> int:
    """Return the status; the default is 200."""
    status = response.get("statusCode", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponseError(f"statusCode is {status!r}, not a number from 200 to 599.")
    return status


def object_in(response: Mapping[str, object], key: str) -> dict[str, object]:
    """Return the object under ``key``; missing and null are empty."""
    value = response.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidResponseError(f"{key} is not an object but {type(value).__name__}.")
    return value


def string_list(name: str, values: object) -> list[str]:
    """Check that ``values`` is a list of strings, and return it."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidResponseError(f"{name} is not a list of strings.")
    return values


def header_field(name: str, value: object, remapped: frozenset[str] = REMAPPED) -> Headers:
    """Check one header; return it with the name that the client gets, or nothing."""
    if not isinstance(value, str):
        raise InvalidResponseError(f"Header {name!r} is not a string but {type(value).__name__}.")
    if not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
        raise InvalidResponseError(f"Header {name!r} has a character that HTTP does not allow.")
    lower = name.lower()
    if lower in remapped:
        name = f"x-amzn-Remapped-{name}"
    elif lower.encode() in HOP_BY_HOP:
        return []
    try:
        return [(name.encode("ascii"), value.strip(" \t").encode("latin-1"))]
    except UnicodeEncodeError as error:
        raise InvalidResponseError(f"Header {name!r} is not latin-1: {error}") from error


def read_json(payload: bytes) -> JSON:
    """Return the JSON of a response."""
    try:
        return cast("JSON", json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError(f"The response is not JSON: {error}") from error


def read_object(payload: bytes) -> dict[str, JSON]:
    """Return the JSON object that a response has to be."""
    response = read_json(payload)
    if not isinstance(response, dict):
        raise InvalidResponseError(
            f"The response is not a JSON object but {type(response).__name__}."
        )
    return response


def string_headers(response: Mapping[str, object]) -> Mapping[str, object]:
    """Return the headers of a response; each value has to be a string."""
    headers = object_in(response, "headers")
    if any(not isinstance(value, str) for value in headers.values()):
        raise InvalidResponseError("A header's value is not a string.")
    return headers


def id_headers(request_id: str, trace_id: str) -> Headers:
    """Return the headers with the ids of a request; the HTTP server adds ``Date``."""
    return [(b"x-amzn-RequestId", request_id.encode()), (b"X-Amzn-Trace-Id", trace_id.encode())]
