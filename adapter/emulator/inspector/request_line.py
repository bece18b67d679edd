"""The HTTP request in an event, as far as the inspector shows it. It does no I/O."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote

from ...diagnosis.observation import BufferingSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import JSON


class HttpRequest(NamedTuple):
    """A request; path and query are as in a URL."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    source: BufferingSource = BufferingSource.UNKNOWN  #: the event source, if it buffers

    @property
    def is_http(self) -> bool:
        """Whether the event is an HTTP request; otherwise ``target`` names its kind."""
        return bool(self.method)


UNKNOWN = HttpRequest("", "event")
PATH_SAFE = "/:@!$&'()*+,;=~"  #: characters that stand in a path as they are

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
    headers = _pairs(event, "multiValueHeaders", "headers")
    body = str(event.get("body") or "")
    data = b64decode(body) if event.get("isBase64Encoded") else body.encode()
    if "http" in context:  # payload 2.0
        cookies = cast("list[str]", event.get("cookies") or [])
        headers += [("cookie", "; ".join(cookies))] if cookies else []
        query = str(event.get("rawQueryString") or "")
        method = str(_object(context, "http")["method"])
        path = str(event["rawPath"])
        if ".lambda-url." in str(context.get("domainName")):
            source = BufferingSource.FUNCTION_URL
        else:
            source, path = BufferingSource.HTTP_API, quote(path, PATH_SAFE)  # an API decodes it
        return HttpRequest(method, _target(path, query), tuple(headers), data, source)
    if "httpMethod" in event:  # payload 1.0, ALB
        source = _source(event, context)
        parameters = _pairs(event, "multiValueQueryStringParameters", "queryStringParameters")
        # a load balancer does not decode the query
        safe = "%" if source is BufferingSource.LOAD_BALANCER else ""
        query = "&".join(f"{quote(name, safe)}={quote(value, safe)}" for name, value in parameters)
        decoded = source is BufferingSource.HTTP_API
        path = quote(str(event.get("path") or "/"), PATH_SAFE if decoded else f"{PATH_SAFE}%")
        path = _target(path, query)
        return HttpRequest(str(event["httpMethod"]), path, tuple(headers), data, source)
    records = cast("list[Mapping[str, JSON]]", event.get("Records") or [{}])
    name = records[0].get("eventSource") or records[0].get("EventSource") or event.get("source")
    return HttpRequest("", str(name or "event"))


def _source(event: Mapping[str, JSON], context: Mapping[str, JSON]) -> BufferingSource:
    """Return the event source of an event with ``httpMethod``."""
    if "elb" in context:
        return BufferingSource.LOAD_BALANCER
    is_http_api = event.get("version") == "1.0"
    return BufferingSource.HTTP_API if is_http_api else BufferingSource.REST_API


def _object(event: Mapping[str, JSON], key: str) -> Mapping[str, JSON]:
    return cast("Mapping[str, JSON]", event.get(key) or {})


def _pairs(event: Mapping[str, JSON], several: str, single: str) -> list[tuple[str, str]]:
    """Return names and values of ``several``, which has lists; without it those of ``single``."""
    lists = cast("Mapping[str, list[JSON]]", _object(event, several))
    if lists:
        return [(name, str(value)) for name, values in lists.items() for value in values]
    return [(name, str(value)) for name, value in _object(event, single).items()]


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
