"""Builds the events of function URLs.

The shape follows captured function URL events and
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from ..types import JSON, Event

URL_ID = "k2nq7xw4v5m3p6r8t9y2z4b6c8d1e3f5"
TEXT_TYPES = ("application/json", "application/xml", "application/javascript")

HeaderItems = Mapping[str, str] | Iterable[tuple[str, str]]


def function_url_event(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    domain: str = f"{URL_ID}.lambda-url.eu-west-1.on.aws",
    source_ip: str = "198.51.100.23",
    request_id: str = "6f2c9a34-9a0d-4d7b-8a53-0f6f6f2f9b11",
    epoch_ms: int = 1_792_143_106_412,
    time: str = "16/Oct/2026:09:31:46 +0000",
) -> Event:
    """Return the event of a request to a function URL.

    ``path`` and ``query`` are percent-encoded, as on the request line; ``headers`` may repeat
    a name. ``host``, ``x-forwarded-for``, ``-port`` and ``-proto`` are added if they are missing.
    """
    fields = join_headers(headers)
    fields.setdefault("host", domain)
    fields.setdefault("x-forwarded-for", source_ip)
    fields.setdefault("x-forwarded-port", "443")
    fields.setdefault("x-forwarded-proto", "https")
    if body:
        fields.setdefault("content-length", str(len(body)))
    http: dict[str, JSON] = {
        "method": method,
        "path": unquote(path) or "/",
        "protocol": "HTTP/1.1",
        "sourceIp": source_ip,
        "userAgent": fields.get("user-agent", ""),
    }
    request_context: dict[str, JSON] = {
        "accountId": "anonymous",
        "apiId": domain.partition(".")[0],
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": http,
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time,
        "timeEpoch": epoch_ms,
    }
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path or "/",
        "rawQueryString": query,
        "headers": {**fields},
        "requestContext": request_context,
        **body_keys(body, fields.get("content-type", "")),
    }
    if "cookie" in fields:
        pairs = (pair.strip() for pair in fields["cookie"].split(";"))
        event["cookies"] = [pair for pair in pairs if pair]
    if query:
        event["queryStringParameters"] = {**join_query(query)}
    return event


def header_items(headers: HeaderItems) -> list[tuple[str, str]]:
    """Return the pairs of name and value."""
    return [*(headers.items() if isinstance(headers, Mapping) else headers)]


def join_headers(headers: HeaderItems) -> dict[str, str]:
    """Lower-case the names and join repeats with ``,``, as payload 2.0 does (cookies: ``; ``)."""
    values = by_name((name.lower(), value) for name, value in header_items(headers))
    return {name: ("; " if name == "cookie" else ",").join(values[name]) for name in values}


def by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return each name with its values, in linear time."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[JSON]]:
    """Return each name with all of its values, as JSON for an event."""
    return {name: [*values] for name, values in by_name(pairs).items()}


def join_query(query: str) -> dict[str, str]:
    """Decode a query string; join repeats with ``,``, as payload 2.0 does."""
    values = by_name(parse_qsl(query, keep_blank_values=True))
    return {name: ",".join(values[name]) for name in values}


def body_keys(body: bytes, content_type: str) -> Event:
    """Return ``body`` and ``isBase64Encoded`` as AWS sets them.

    Only a few content types are text to AWS. All others are base64, also forms and bodies without
    a type.
    """
    essence = content_type.partition(";")[0].strip().lower()
    if not body or essence.startswith("text/") or essence in TEXT_TYPES:
        return text_or_base64(body)
    return {"body": b64encode(body).decode("ascii"), "isBase64Encoded": True}


def text_or_base64(body: bytes) -> Event:
    """Return ``body`` and ``isBase64Encoded``: text if the body is UTF-8, else base64."""
    if not body:
        return {"isBase64Encoded": False}
    try:
        return {"body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": b64encode(body).decode("ascii"), "isBase64Encoded": True}
