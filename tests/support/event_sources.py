"""Every event source, from the client's side: what it makes of a request and a response.

The readers of responses follow what AWS documents, and refuse what AWS would.
"""

from __future__ import annotations

from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.testing import (
    alb_event,
    edge_event,
    function_url_event,
    http_api_event,
    lattice_event,
    rest_api_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.types import JSON, Event


class Reply(NamedTuple):
    """What the client gets."""

    status: int
    headers: dict[str, list[str]]  #: names in lower case; without ``set-cookie``
    cookies: list[str]
    body: bytes


def _reply(status: int, pairs: list[tuple[str, str]], body: str, base64: bool) -> Reply:
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        assert isinstance(value, str), f"the value of {name} is not text"
        headers.setdefault(name.lower(), []).append(value)
    cookies = headers.pop("set-cookie", [])
    return Reply(status, headers, cookies, b64decode(body) if base64 else body.encode())


def read_v2(response: Any) -> Reply:
    """Read a response as function URLs and HTTP APIs do in payload 2.0."""
    assert isinstance(response["statusCode"], int)
    pairs = [*response.get("headers", {}).items()]
    pairs += [("set-cookie", cookie) for cookie in response.get("cookies", ())]
    return _reply(response["statusCode"], pairs, response["body"], response["isBase64Encoded"])


def read_v1(response: Any) -> Reply:
    """Read a response as REST APIs do, which take no other keys; where both say it, lists win."""
    assert response.keys() <= {
        "statusCode",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    }
    several = response.get("multiValueHeaders", {})
    pairs = [(n, v) for n, v in response.get("headers", {}).items() if n not in several]
    pairs += [(name, value) for name, values in several.items() for value in values]
    return _reply(response["statusCode"], pairs, response["body"], response["isBase64Encoded"])


def read_single(response: Any) -> Reply:
    """Read a response as a load balancer without multi-value headers does."""
    pairs = [*response["headers"].items()]
    return _reply(response["statusCode"], pairs, response["body"], response["isBase64Encoded"])


def read_multi(response: Any) -> Reply:
    """Read a response as a load balancer with multi-value headers does."""
    pairs = [(n, v) for n, values in response["multiValueHeaders"].items() for v in values]
    return _reply(response["statusCode"], pairs, response["body"], response["isBase64Encoded"])


def read_edge(response: Any) -> Reply:
    """Read a response as CloudFront does."""
    pairs = [(f["key"], f["value"]) for fields in response["headers"].values() for f in fields]
    base64 = response.get("bodyEncoding", "text") == "base64"
    return _reply(int(response["status"]), pairs, response.get("body", ""), base64)


class EventSource(NamedTuple):
    """An event source, which takes requests for paths below ``prefix``."""

    name: str
    build: Callable[..., Event]
    read: Callable[[JSON], Reply]
    prefix: str = ""  #: what the client has in front of the app's own paths
    in_event: str = ""  #: what of the prefix is part of the path that the event is built of
    base_path: str = ""  #: the option that this takes

    def event(self, path: str = "/", **parts: Any) -> Event:
        """Return the event of a request for ``path`` below the prefix."""
        return self.build(f"{self.in_event}{path}", **parts)


HTTP_1 = partial(http_api_event, version="1.0")
#: One for each source.
EVENT_SOURCES = [
    EventSource("function URL", function_url_event, read_v2),
    EventSource("HTTP API", http_api_event, read_v2),
    EventSource("HTTP API (payload 1.0)", HTTP_1, read_v1),
    EventSource("REST API", rest_api_event, read_v1, "/prod"),
    EventSource("load balancer", alb_event, read_single),
    EventSource("load balancer, multi-value headers", partial(alb_event, multi=True), read_multi),
    EventSource("Lambda@Edge", edge_event, read_edge),
    EventSource("VPC Lattice", lattice_event, read_single),
]
#: The same with something in front of the app.
PREFIXED = [
    *(
        EventSource(
            f"{d.name}, base path", d.build, d.read, "/api", in_event="/api", base_path="/api"
        )
        for d in EVENT_SOURCES
        if d.name != "REST API"
    ),
    EventSource("HTTP API, stage", partial(http_api_event, stage="prod"), read_v2, "/prod"),
    EventSource("HTTP API 1.0, stage", partial(HTTP_1, stage="prod"), read_v1, "/prod"),
    EventSource(
        "HTTP API, mapping",
        partial(http_api_event, mapping="/shop"),
        read_v2,
        "/shop",
        base_path="/shop",
    ),
    EventSource(
        "HTTP API 1.0, mapping",
        partial(HTTP_1, mapping="/shop"),
        read_v1,
        "/shop",
        base_path="/shop",
    ),
    EventSource("REST API, mapping", partial(rest_api_event, mapping="/shop"), read_v1, "/shop"),
    EventSource(
        "REST API, stage and base path",
        rest_api_event,
        read_v1,
        "/prod/api",
        in_event="/api",
        base_path="/api",
    ),
]
