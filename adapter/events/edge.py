"""Lambda@Edge: requests that CloudFront sends to a function before or instead of an origin.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EventError
from .body import encode_body
from .multi_value import join_cookies, multi_value_prelude
from .request import (
    build_request,
    decode_path,
    method_at,
    object_at,
    path_at,
    server_of,
    string_at,
)
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


# CloudFront sends a 502 to the viewer if a response has one of these fields. ("X-Accel-Buffering"
# is in the server-sent events of FastAPI and sse-starlette.) It also refuses the hop-by-hop fields,
# which are dropped for every event source.
_REFUSED = frozenset(
    {
        "expect",
        "via",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-amzn-auth",
        "x-amzn-cf-billing",
        "x-amzn-cf-id",
        "x-amzn-cf-xff",
        "x-amzn-errortype",
        "x-amzn-fle-profile",
        "x-amzn-header-count",
        "x-amzn-header-order",
        "x-amzn-lambda-integration-tag",
        "x-amzn-requestid",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
    }
)
_REFUSED_PREFIXES = ("x-amz-cf-", "x-edge-")


def is_http(event: Event) -> bool:
    """Whether this is a request from CloudFront, at one of the two request triggers.

    The events of the response triggers have a response already.
    """
    cloudfront = _cloudfront(event)
    return cloudfront is not None and "request" in cloudfront and "response" not in cloudfront


def request(event: Event) -> Request:
    """Turn the event into a request.

    Raises:
        EventError: a required key is missing or has the wrong type, or CloudFront has truncated
            the body.
    """
    sent = object_at(_cloudfront(event) or {}, "request")
    body = object_at(sent, "body") if sent.get("body") is not None else {}
    if body.get("inputTruncated"):
        raise EventError("CloudFront truncated the body: it is over the limit of Lambda@Edge.")
    raw = path_at(sent, "uri")
    headers = join_cookies(_headers(sent))
    built = build_request(
        method=method_at(sent, "method"),
        path=decode_path(raw),
        raw_path=raw.encode(),
        query_string=string_at(sent, "querystring").encode(),
        headers=headers,
        body=body.get("data"),
        is_base64=body.get("encoding") == "base64",
        client=string_at(sent, "clientIp") or None,
    )
    fields = dict(built.headers)
    if fields.get(b"cloudfront-forwarded-proto") != b"http":
        return built
    host, port = fields.get(b"host", b"localhost"), fields.get(b"x-forwarded-port", b"")
    return built._replace(scheme="http", server=server_of(host, port, "http"))


def response(head: Prelude, body: bytes) -> JSON:
    """Return a generated response: the status is a string, the headers are lists.

    An empty body is left out, because CloudFront sends a 502 for a 204 with a body.
    """
    fields = {name: [value] for name, value in head["headers"].items()}
    fields |= head.get("multiValueHeaders", {})
    generated: Event = {
        "status": str(head["statusCode"]),
        "headers": {
            name: [{"key": name, "value": value} for value in values]
            for name, values in fields.items()
            if name not in _REFUSED and not name.startswith(_REFUSED_PREFIXES)
        },
    }
    if body:
        encoded = encode_body(head["headers"], body)
        generated["body"] = encoded["body"]
        generated["bodyEncoding"] = "base64" if encoded["isBase64Encoded"] else "text"
    return generated


# The limit of an origin request. The limit of a viewer request, 40 KB, is checked by CloudFront.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
EDGE = Source(
    "Lambda@Edge",
    (),
    request,
    response,
    multi_value_prelude,
    max_response_bytes=1024 * 1024,
    to_stream="Lambda@Edge cannot stream; a function URL as the origin of the distribution can",
)


def _cloudfront(event: Event) -> Event | None:
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    found = first.get("cf") if isinstance(first, dict) else None
    return found if isinstance(found, dict) else None


def _headers(sent: Event) -> list[tuple[str, str]]:
    pairs = []
    for name, fields in object_at(sent, "headers").items():
        for field in fields if isinstance(fields, list) else [fields]:
            if not isinstance(field, dict):
                raise EventError(f"The event's header {name!r} is not a list of objects.")
            pairs.append((name, string_at(field, "value")))
    return pairs
