"""Payload format 2.0: function URLs and HTTP APIs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ..errors import EventError
from .buffered import encode_body
from .request import build_request, latin1

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request

# What may stand in a path unencoded (RFC 3986, 3.3): pchar and "/".
_PATH_SAFE = "/:@!$&'()*+,;=~"


def is_http(event: Event) -> bool:
    """Whether this is an HTTP request in payload format 2.0."""
    context = event.get("requestContext")
    return event.get("version") == "2.0" and isinstance(context, dict) and "http" in context


def is_function_url(event: Event) -> bool:
    """Whether the request came through a function URL. (An HTTP API looks the same but for it.)"""
    context = event.get("requestContext")
    return isinstance(context, dict) and ".lambda-url." in str(context.get("domainName"))


def request(event: Event) -> Request:
    """Turn the event into a request.

    A function URL passes the path on as it was sent. An HTTP API decodes it first, so what
    was encoded can no longer be told (``%2F`` has become ``/``), and puts the stage in front
    of it unless that is ``$default``.

    Raises:
        EventError: a part that every such event has is missing or of the wrong type.
    """
    context = _object(event, "requestContext")
    http = _object(context, "http")
    raw = _text(event, "rawPath") or "/"
    stage = context.get("stage")
    decoded = not is_function_url(event)
    return build_request(
        method=_text(http, "method"),
        path=raw if decoded else unquote(raw),
        raw_path=quote(raw, safe=_PATH_SAFE).encode() if decoded else latin1(raw),
        query_string=_text(event, "rawQueryString").encode("utf-8", "surrogatepass"),
        headers=_headers(event),
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
        root_path=f"/{stage}" if decoded and _is_prefix(f"/{stage}", raw) else "",
        protocol=str(http.get("protocol") or "HTTP/1.1"),
        client=str(http.get("sourceIp") or "") or None,
    )


def answer(head: Prelude, body: bytes) -> JSON:
    """Return the buffered answer in payload format 2.0."""
    return {
        "statusCode": head["statusCode"],
        "headers": {**head["headers"]},
        "cookies": [*head.get("cookies", ())],
        **encode_body(head["headers"], body),
    }


def _headers(event: Event) -> list[tuple[str, str]]:
    """Return the header fields, with exactly one ``cookie`` if there is any.

    An HTTP API takes cookies out of the headers, a function URL leaves them there too.
    """
    headers = event.get("headers") or {}
    if not isinstance(headers, dict):
        raise EventError("The event's 'headers' is not an object.")
    pairs = [(name, str(value)) for name, value in headers.items()]
    cookies = event.get("cookies")
    if isinstance(cookies, list) and cookies:
        pairs = [(name, value) for name, value in pairs if name.lower() != "cookie"]
        pairs.append(("cookie", "; ".join(map(str, cookies))))
    return pairs


def _is_prefix(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _object(parent: Event, key: str) -> Event:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise EventError(f"The event's {key!r} is not an object but {type(value).__name__}.")
    return value


def _text(parent: Event, key: str) -> str:
    value = parent.get(key, "")
    if not isinstance(value, str):
        raise EventError(f"The event's {key!r} is not a string but {type(value).__name__}.")
    return value
