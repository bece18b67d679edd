"""Payload format 2.0: function URLs and HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EventError
from .request import (
    build_request,
    decode_path,
    encode_path,
    has_prefix,
    method_at,
    object_at,
    path_at,
    string_at,
    strings_at,
)

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


def request(event: Event, *, from_function_url: bool) -> Request:
    """Turn the event into a request.

    A function URL keeps the path as the client sent it. An HTTP API decodes the path, so that
    ``%2F`` cannot be distinguished from ``/``, and puts the stage before it unless the stage is
    ``$default``.

    Raises:
        EventError: a required key is missing or has the wrong type.
    """
    context = event.get("requestContext")
    http = context.get("http") if type(context) is dict else None
    if type(context) is not dict or type(http) is not dict:
        context = object_at(event, "requestContext")
        http = object_at(context, "http")
    raw, query = strings_at(event, "rawPath", "rawQueryString")
    method, protocol, client = strings_at(http, "method", "protocol", "sourceIp")
    if not raw.startswith("/"):  # as ASGI requires
        # A test may leave ``rawPath`` out, because Mangum reads the other path.
        raw = f"/{raw}" if raw else path_at(http, "path")
    headers = event.get("headers")
    if type(headers) is not dict:
        headers = {} if headers is None else object_at(event, "headers")
    built = build_request(
        method=method or method_at(http, "method"),
        path=decode_path(raw) if from_function_url and "%" in raw else raw,
        raw_path=raw.encode() if from_function_url else encode_path(raw),
        query_string=query.encode(),
        headers=headers.items(),
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
        root_path="" if from_function_url else _stage(context, raw),
        protocol=protocol,
        client=client or None,
        # An HTTP API removes the cookies from the headers; a function URL keeps them there too.
        cookie=_joined(cookies) if (cookies := event.get("cookies")) else "",
    )
    return built if from_function_url else built._replace(mapped=_is_custom(context))


def response(head: Prelude, body: bytes) -> JSON:
    """Return a buffered response in payload format 2.0."""
    from .body import encode_body  # lazy: cold start

    return {
        "statusCode": head["statusCode"],
        "headers": {**head["headers"]},
        "cookies": [*head.get("cookies", ())],
        **encode_body(head["headers"], body),
    }


def _is_custom(context: Event) -> bool:
    """Whether the API has a custom domain: ``rawPath`` then lacks the domain's mapping."""
    domain = context.get("domainName")
    return isinstance(domain, str) and domain != "" and ".execute-api." not in domain


def _stage(context: Event, path: str) -> str:
    """Return the stage as a path, if ``path`` begins with it: a custom domain may hide it."""
    stage = string_at(context, "stage")
    in_path = stage not in ("", "$default") and has_prefix(path, f"/{stage}")
    return f"/{stage}" if in_path else ""


def _joined(cookies: JSON) -> str:
    try:
        if isinstance(cookies, list):
            return "; ".join(cookies)  # type: ignore[arg-type]  # raises if a cookie is not a string
    except TypeError:
        pass
    raise EventError("The event's 'cookies' is not a list of strings.")
