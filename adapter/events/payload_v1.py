"""Payload format 1.0: REST APIs, and HTTP APIs that were told to use it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .buffered import encode_body
from .multi import header_pairs, multi_prelude, query_pairs, quoted_query
from .request import (
    build_request,
    decoded,
    encoded,
    method_of,
    object_at,
    path_at,
    starts_with,
    text_at,
)
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


def is_http(event: Event) -> bool:
    """Whether this is an HTTP request in payload format 1.0.

    The question of an API's Lambda authorizer looks like the request it is about; no app
    should answer it.
    """
    context = event.get("requestContext")
    return "httpMethod" in event and isinstance(context, dict) and "methodArn" not in event


def is_http_api(event: Event) -> bool:
    """Whether the request came through an HTTP API. (A REST API's event has no version.)"""
    return event.get("version") == "1.0"


def request(event: Event) -> Request:
    """Turn the event into a request.

    A REST API passes the path on as it was sent; an HTTP API decodes it first. What stands in
    front of the app's own path is the ``root_path``: a stage, or the mapping of a domain.

    Raises:
        EventError: a part that every such event has is missing or of the wrong type.
    """
    context = object_at(event, "requestContext")
    paths = _paths(event, context)
    identity = object_at(context, "identity") if context.get("identity") is not None else {}
    return build_request(
        method=method_of(event, "httpMethod"),
        path=paths.path,
        raw_path=encoded(paths.raw) if is_http_api(event) else paths.raw.encode(),
        query_string=quoted_query(query_pairs(event)),
        headers=header_pairs(event),
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
        root_path=paths.root,
        protocol=text_at(context, "protocol"),
        client=text_at(identity, "sourceIp") or None,
    )


def answer(head: Prelude, body: bytes) -> JSON:
    """Return the buffered answer in payload format 1.0; a REST API takes no other key."""
    several: dict[str, JSON] = {
        name: [*values] for name, values in head.get("multiValueHeaders", {}).items()
    }
    return {
        "statusCode": head["statusCode"],
        "headers": {**head["headers"]},
        "multiValueHeaders": several,
        **encode_body(head["headers"], body),
    }


REST_API = Source(
    "REST API",
    ("response_stream",),
    request,
    answer,
    multi_prelude,
    # "Within the first 16 KB": whichever they mean, this is.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    max_prelude=16_000,
    to_stream="to stream it, set invoke_mode to 'response_stream' (ADAPTER_INVOKE_MODE) and"
    " responseTransferMode of the API's integration to STREAM",
)
HTTP_API_V1 = Source(
    "HTTP API (payload 1.0)",
    (),
    request,
    answer,
    multi_prelude,
    to_stream="an HTTP API cannot stream; a function URL or a REST API can",
)


class _Paths(NamedTuple):
    raw: str  #: the whole path, as the event has it
    path: str  #: the same, decoded
    root: str  #: what of it stands in front of the app's own


def _paths(event: Event, context: Event) -> _Paths:
    """Find the path, and what of it stands in front of the app's own.

    A REST API keeps the stage out of ``path`` and in ``requestContext.path``; an HTTP API has it
    in both. The mapping of a custom domain is in both; the route tells it from the rest.
    """
    decode = str if is_http_api(event) else decoded
    raw = path_at(context, "path")
    own = path_at(event, "path")
    if "{" in raw or not decode(raw).rstrip("/").endswith(decode(own).rstrip("/")):
        raw = own  # what stood there was no path of a request
    path, own = decode(raw), decode(own)
    if is_http_api(event):
        stage = text_at(context, "stage")
        if stage not in ("", "$default") and starts_with(path, f"/{stage}"):
            return _Paths(raw, path, f"/{stage}")
    domain = text_at(context, "domainName")
    if domain and ".execute-api." not in domain:
        own = _route(event, own)
    return _Paths(raw, path, path.rstrip("/").removesuffix(own.rstrip("/")))


def _route(event: Event, path: str) -> str:
    """Return the route with its parameters filled in if ``path`` ends with it; else ``path``."""
    route = text_at(event, "resource")
    given = event.get("pathParameters")
    for name, value in given.items() if isinstance(given, dict) else ():
        filled = decoded(str(value)).strip("/")
        route = route.replace(f"{{{name}}}", filled).replace(f"{{{name}+}}", filled)
    is_end = route.startswith("/") and path.rstrip("/").endswith(route.rstrip("/"))
    return route if is_end else path
