"""Lambda@Edge: requests that CloudFront shows to a function before or instead of an origin.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-generating-http-responses.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EventError
from .buffered import encode_body
from .multi import multi_prelude, one_cookie
from .request import build_request, decoded, method_of, object_at, path_at, text_at
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


def is_http(event: Event) -> bool:
    """Whether this is a request of CloudFront's that can be answered.

    Where there is a response already, at the two response triggers, no app is asked.
    """
    cloudfront = _cloudfront(event)
    return cloudfront is not None and "request" in cloudfront and "response" not in cloudfront


def request(event: Event) -> Request:
    """Turn the event into a request.

    Raises:
        EventError: a part that every such event has is missing or of the wrong type; or the
            body is longer than what CloudFront shows of it.
    """
    sent = object_at(_cloudfront(event) or {}, "request")
    body = object_at(sent, "body") if sent.get("body") is not None else {}
    if body.get("inputTruncated"):
        raise EventError("CloudFront cut the body off: it was longer than Lambda@Edge may see.")
    raw = path_at(sent, "uri")
    headers = one_cookie(_headers(sent))
    built = build_request(
        method=method_of(sent, "method"),
        path=decoded(raw),
        raw_path=raw.encode(),
        query_string=text_at(sent, "querystring").encode(),
        headers=headers,
        body=body.get("data"),
        is_base64=body.get("encoding") == "base64",
        client=text_at(sent, "clientIp") or None,
    )
    scheme = dict(built.headers).get(b"cloudfront-forwarded-proto")
    return built._replace(scheme="http") if scheme == b"http" else built


def answer(head: Prelude, body: bytes) -> JSON:
    """Return the response in place of an origin's; its status is text, its headers are lists."""
    several = {name: [value] for name, value in head["headers"].items()}
    several |= head.get("multiValueHeaders", {})
    encoded = encode_body(head["headers"], body)
    return {
        "status": str(head["statusCode"]),
        "headers": {
            name: [{"key": name, "value": value} for value in values]
            for name, values in several.items()
        },
        "body": encoded["body"],
        "bodyEncoding": "base64" if encoded["isBase64Encoded"] else "text",
    }


# What an origin trigger may generate, headers included. (A viewer trigger: 40 KB.)
EDGE = Source(
    "Lambda@Edge",
    (),
    request,
    answer,
    multi_prelude,
    max_answer=1024 * 1024,
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
            pairs.append((name, text_at(field, "value")))
    return pairs
