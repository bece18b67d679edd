"""The HTTP response that a function URL makes from a function's response. It does no I/O.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from .source_response import (
    InvalidResponseError,
    ResponseHead,
    body_of,
    header_field,
    object_in,
    prelude_fields,
    status_of,
    with_content_length,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON, Headers


def streamed_head(prelude: Mapping[str, object], request_id: str, trace_id: str) -> ResponseHead:
    """Return the head that a prelude describes.

    A header's value may be a list (AWS's own web adapter sends lists). Function URLs ignore
    ``multiValueHeaders``.

    Raises:
        InvalidResponseError: a value has a wrong type, or a character that cannot be sent.
    """
    fields = [*prelude_fields(prelude), *url_headers(request_id, trace_id)]
    return ResponseHead(status_of(prelude), fields)


def plain_head(content_type: str, request_id: str, trace_id: str) -> ResponseHead:
    """Return the head of a stream without a prelude."""
    fields = header_field("Content-Type", content_type or "application/octet-stream")
    return ResponseHead(200, [*fields, *url_headers(request_id, trace_id)])


def buffered_response(payload: bytes, request_id: str, trace_id: str) -> tuple[ResponseHead, bytes]:
    """Return head and body of a buffered response.

    An object with ``statusCode`` describes them; any other JSON is the body.

    Raises:
        InvalidResponseError: the response is not JSON, or has values that cannot be sent.
    """
    try:
        response = cast("JSON", json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError(f"The response is not JSON: {error}") from error
    if not isinstance(response, dict) or "statusCode" not in response:
        head = plain_head("application/json", request_id, trace_id)
        return with_content_length(head, payload)
    headers = object_in(response, "headers")
    if any(not isinstance(value, str) for value in headers.values()):
        raise InvalidResponseError("A header's value is not a string.")
    if not any(name.lower() == "content-type" for name in headers):
        response = {**response, "headers": {"Content-Type": "application/json", **headers}}  # type: ignore[dict-item]
    return with_content_length(streamed_head(response, request_id, trace_id), body_of(response))


def url_headers(request_id: str, trace_id: str) -> Headers:
    """Return the headers that the URL adds to each response; the HTTP server adds ``Date``."""
    return [(b"x-amzn-RequestId", request_id.encode()), (b"X-Amzn-Trace-Id", trace_id.encode())]
