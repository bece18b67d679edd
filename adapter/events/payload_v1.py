"""Payload format 1.0: REST APIs, and HTTP APIs that are configured for it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ResponseTooLarge
from ..light_classes import NamedTuple
from .body import encode_body
from .multi_value import encode_query, header_pairs, multi_value_prelude, query_pairs
from .prelude import encode
from .request import (
    build_request,
    decode_path,
    encode_path,
    has_prefix,
    method_at,
    object_at,
    path_at,
    string_at,
)
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request

# "Within the first 16 KB": 16,000 bytes fit, whether a KB is 1,000 or 1,024 bytes.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
MAX_PRELUDE_BYTES = 16_000
"""The limit of the head of a streamed response of a REST API, with its delimiter."""


def is_http(event: Event) -> bool:
    """Whether this is an HTTP request in payload format 1.0.

    The event of an API's Lambda authorizer has the same keys, and ``methodArn``.
    """
    context = event.get("requestContext")
    return "httpMethod" in event and isinstance(context, dict) and "methodArn" not in event


def is_http_api(event: Event) -> bool:
    """Whether the request is from an HTTP API. (A REST API's event has no version.)"""
    return event.get("version") == "1.0"


def request(event: Event) -> Request:
    """Turn the event into a request.

    A REST API keeps the path as the client sent it; an HTTP API decodes it. A stage, or the
    mapping of a custom domain, is the ``root_path``.

    Raises:
        EventError: a required key is missing or has the wrong type.
    """
    context = object_at(event, "requestContext")
    paths = _paths(event, context)
    identity = object_at(context, "identity") if context.get("identity") is not None else {}
    return build_request(
        method=method_at(event, "httpMethod"),
        path=paths.path,
        raw_path=encode_path(paths.raw) if is_http_api(event) else paths.raw.encode(),
        query_string=encode_query(query_pairs(event)),
        headers=header_pairs(event),
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
        root_path=paths.root,
        protocol=string_at(context, "protocol"),
        client=string_at(identity, "sourceIp") or None,
    )


def response(head: Prelude, body: bytes) -> JSON:
    """Return a buffered response in payload format 1.0; a REST API refuses other keys."""
    repeated: dict[str, JSON] = {
        name: [*values] for name, values in head.get("multiValueHeaders", {}).items()
    }
    return {
        "statusCode": head["statusCode"],
        "headers": {**head["headers"]},
        "multiValueHeaders": repeated,
        **encode_body(head["headers"], body),
    }


def encode_rest_head(head: Prelude) -> bytes:
    """Return the bytes to send before a streamed body.

    Raises:
        ResponseTooLarge: the head is larger than a REST API reads.
    """
    data = encode(head)
    if len(data) > MAX_PRELUDE_BYTES:
        raise ResponseTooLarge(
            f"The head of the response is {len(data):,} bytes of JSON, and a REST API reads"
            f" {MAX_PRELUDE_BYTES:,}. Send fewer or shorter headers and cookies."
        )
    return data


REST_API = Source(
    "REST API",
    ("response_stream",),
    request,
    response,
    multi_value_prelude,
    encode_rest_head,
    to_stream="to stream it, set invoke_mode to 'response_stream' (ADAPTER_INVOKE_MODE) and"
    " responseTransferMode of the API's integration to STREAM",
)
HTTP_API_V1 = Source(
    "HTTP API (payload 1.0)",
    (),
    request,
    response,
    multi_value_prelude,
    to_stream="an HTTP API cannot stream; a function URL or a REST API can",
)


class _Paths(NamedTuple):
    raw: str  #: the whole path, as in the event
    path: str  #: the whole path, decoded
    root: str  #: the stage or mapping that it begins with


def _paths(event: Event, context: Event) -> _Paths:
    """Find the whole path and the prefix before the app's own path.

    A REST API has the stage only in ``requestContext.path``, an HTTP API also in ``path``. Both
    have the mapping of a custom domain in both keys; the route says where the mapping ends.
    """
    decode = str if is_http_api(event) else decode_path
    raw = path_at(context, "path")
    own = path_at(event, "path")
    if "{" in raw or not decode(raw).rstrip("/").endswith(decode(own).rstrip("/")):
        raw = own  # requestContext.path is not the path of the request
    path, own = decode(raw), decode(own)
    if is_http_api(event):
        stage = string_at(context, "stage")
        if stage not in ("", "$default") and has_prefix(path, f"/{stage}"):
            return _Paths(raw, path, f"/{stage}")
    domain = string_at(context, "domainName")
    if domain and ".execute-api." not in domain:
        own = _route(event, own)
    return _Paths(raw, path, path.rstrip("/").removesuffix(own.rstrip("/")))


def _route(event: Event, path: str) -> str:
    """Return the route with its parameters filled in, if ``path`` ends with it; else ``path``."""
    route = string_at(event, "resource")
    parameters = event.get("pathParameters")
    for name, value in parameters.items() if isinstance(parameters, dict) else ():
        filled = decode_path(str(value)).strip("/")
        route = route.replace(f"{{{name}}}", filled).replace(f"{{{name}+}}", filled)
    is_suffix = route.startswith("/") and path.rstrip("/").endswith(route.rstrip("/"))
    return route if is_suffix else path
