"""The HTTP request in an event, as far as the inspector shows it. It does no I/O."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON


class HttpRequest(NamedTuple):
    """A request; path and query are as in a URL."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def is_http(self) -> bool:
        """Whether the event is an HTTP request; otherwise ``target`` names its kind."""
        return bool(self.method)


UNKNOWN = HttpRequest("", "event")

# Fields of an event that is cut off, and so is not JSON.
CUT_METHOD = re.compile(rb'"(?:httpMethod|method)": ?"([A-Z]+)"')
CUT_PATH = re.compile(rb'"(?:rawPath|path)": ?"([^"]*)"')


def read_request(event: bytes) -> HttpRequest:
    """Read the request of a function URL, an API Gateway or an ALB; `UNKNOWN` for other events."""
    try:
        document = cast("JSON", json.loads(event))
    except (ValueError, RecursionError):
        method, path = CUT_METHOD.search(event), CUT_PATH.search(event)
        if method and path:
            return HttpRequest(method[1].decode(), path[1].decode("utf-8", "replace"))
        return UNKNOWN
    if not isinstance(document, dict):
        return UNKNOWN
    try:
        return _read(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        return UNKNOWN


def _read(event: Mapping[str, JSON]) -> HttpRequest:
    context = cast("Mapping[str, JSON]", event.get("requestContext") or {})
    headers = [(str(name), str(value)) for name, value in _object(event, "headers").items()]
    body = str(event.get("body") or "")
    data = b64decode(body) if event.get("isBase64Encoded") else body.encode()
    if "http" in context:  # payload 2.0
        cookies = cast("list[str]", event.get("cookies") or [])
        headers += [("cookie", "; ".join(cookies))] if cookies else []
        query = str(event.get("rawQueryString") or "")
        method = str(_object(context, "http")["method"])
        return HttpRequest(method, _target(str(event["rawPath"]), query), tuple(headers), data)
    if "httpMethod" in event:  # payload 1.0, ALB
        safe = "%" if "elb" in context else ""  # an ALB does not decode the query
        query = "&".join(
            f"{quote(name, safe)}={quote(value, safe)}" for name, value in _parameters(event)
        )
        path = _target(quote(str(event.get("path") or "/"), "/%:@!$&'()*+,;=~"), query)
        return HttpRequest(str(event["httpMethod"]), path, tuple(headers), data)
    records = cast("list[Mapping[str, JSON]]", event.get("Records") or [{}])
    source = records[0].get("eventSource") or records[0].get("EventSource") or event.get("source")
    return HttpRequest("", str(source or "event"))


def _object(event: Mapping[str, JSON], key: str) -> Mapping[str, JSON]:
    return cast("Mapping[str, JSON]", event.get(key) or {})


def _parameters(event: Mapping[str, JSON]) -> list[tuple[str, str]]:
    several = _object(event, "multiValueQueryStringParameters")
    if several:
        lists = cast("Mapping[str, list[str]]", several)
        return [(name, value) for name, values in lists.items() for value in values]
    return [(n, str(value)) for n, value in _object(event, "queryStringParameters").items()]


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
