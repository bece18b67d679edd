"""The HTTP responses that REST APIs, HTTP APIs and load balancers make. It does no I/O.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from .prelude_reader import DELIMITER, PRELUDE_CONTENT_TYPE, parse_prelude
from .source_response import (
    InvalidResponseError,
    ResponseHead,
    body_of,
    header_field,
    object_in,
    prelude_fields,
    status_of,
    string_list,
    with_content_length,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON, Headers

MAX_LOAD_BALANCER_BYTES = 1024 * 1024
REST_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
STREAM_KEYS = (REST_KEYS - {"body", "isBase64Encoded"}) | {"cookies"}
REST_REMAPPED = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "host",
        "server",
        "www-authenticate",
        "x-amzn-requestid",
        "x-forwarded-for",
    }
)
STREAM_REMAPPED = REST_REMAPPED - {"content-length"}  # a stream keeps its length
NOTHING: frozenset[str] = frozenset()


def read_object(payload: bytes) -> dict[str, JSON]:
    """Return the JSON object that a response has to be."""
    try:
        response = cast("JSON", json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError(f"The response is not JSON: {error}") from error
    if not isinstance(response, dict):
        raise InvalidResponseError(
            f"The response is not a JSON object but {type(response).__name__}."
        )
    return response


def rest_response(payload: bytes, content_type: str, own: Headers) -> tuple[ResponseHead, bytes]:
    """Return head and body of a buffered response of a REST API.

    Raises:
        InvalidResponseError: the API would respond with 502.
    """
    if content_type == PRELUDE_CONTENT_TYPE and DELIMITER in payload:
        # As AWS documents, a stream behind a buffered integration loses its body.
        head = rest_stream_head(parse_prelude(payload.partition(DELIMITER)[0]), own)
        return with_content_length(head, b"")
    response = read_object(payload)
    if unknown := sorted(response.keys() - REST_KEYS):
        raise InvalidResponseError(
            f"A REST API does not accept {unknown[0]!r} in a response. For more than one cookie "
            "use multiValueHeaders."
        )
    fields = merged_fields(response, REST_REMAPPED)
    if not any(name.lower() == b"content-type" for name, _ in fields):
        fields.insert(0, (b"Content-Type", b"application/json"))
    head = ResponseHead(status_of(response), [*fields, *own])
    return with_content_length(head, body_of(response))


def rest_stream_head(prelude: Mapping[str, object], own: Headers) -> ResponseHead:
    """Return the head of a streamed response of a REST API.

    Raises:
        InvalidResponseError: a header is a list, which the API refuses, or is not valid.
    """
    if unknown := sorted(prelude.keys() - STREAM_KEYS):
        raise InvalidResponseError(f"A REST API does not accept {unknown[0]!r} in a prelude.")
    fields = merged_fields(prelude, STREAM_REMAPPED)
    for cookie in string_list("cookies", prelude.get("cookies") or []):
        fields.extend(header_field("Set-Cookie", cookie))
    return ResponseHead(status_of(prelude), [*fields, *own])


def merged_fields(response: Mapping[str, object], remapped: frozenset[str]) -> Headers:
    """Return ``headers`` and ``multiValueHeaders``; the latter win for a name that both have."""
    fields: Headers = []
    lists = object_in(response, "multiValueHeaders")
    names = {name.lower() for name in lists}
    for name, value in object_in(response, "headers").items():
        if name.lower() not in names:
            fields.extend(header_field(name, value, remapped))
    for name, values in lists.items():
        for value in string_list(f"multiValueHeaders[{name!r}]", values):
            fields.extend(header_field(name, value, remapped))
    return fields


def http_api_response(payload: bytes, own: Headers) -> tuple[ResponseHead, bytes]:
    """Return head and body of a response of an HTTP API, payload format 2.0.

    Raises:
        InvalidResponseError: the API would respond with 500.
    """
    try:
        response = cast("JSON", json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError(f"The response is not JSON: {error}") from error
    if not isinstance(response, dict) or "statusCode" not in response:
        body = response.encode() if isinstance(response, str) else payload
        return with_content_length(
            ResponseHead(200, [(b"Content-Type", b"application/json"), *own]), body
        )
    headers = object_in(response, "headers")
    if any(not isinstance(value, str) for value in headers.values()):
        raise InvalidResponseError("A header's value is not a string.")
    fields = prelude_fields(response)
    if not any(name.lower() == "content-type" for name in headers):
        fields.insert(0, (b"Content-Type", b"text/plain; charset=utf-8"))
    head = ResponseHead(status_of(response), [*fields, *own])
    return with_content_length(head, body_of(response))


def load_balancer_response(payload: bytes, *, multi: bool) -> tuple[ResponseHead, bytes]:
    """Return head and body of a response of a load balancer.

    Raises:
        InvalidResponseError: the load balancer would respond with 502.
    """
    if len(payload) > MAX_LOAD_BALANCER_BYTES:
        raise InvalidResponseError(
            f"The response has {len(payload)} bytes; a load balancer takes at most 1 MiB."
        )
    response = read_object(payload)
    fields: Headers = []
    if multi:
        for name, values in object_in(response, "multiValueHeaders").items():
            for value in reversed(string_list(f"multiValueHeaders[{name!r}]", values)):
                fields.extend(header_field(name, value, NOTHING))
    else:
        for name, single in object_in(response, "headers").items():
            fields.extend(header_field(name, single, NOTHING))
    # The load balancer counts the length itself.
    fields = [field for field in fields if field[0].lower() != b"content-length"]
    if "statusCode" not in response:
        raise InvalidResponseError("The response has no statusCode.")
    return with_content_length(ResponseHead(status_of(response), fields), body_of(response))
