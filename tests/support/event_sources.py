"""Every front door of Lambda, from the client's side: what it makes of a request and an answer.

The readers of answers follow what AWS documents, and refuse what AWS would.
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


def read_v2(answer: Any) -> Reply:
    """Read an answer as function URLs and HTTP APIs do in payload 2.0."""
    assert isinstance(answer["statusCode"], int)
    pairs = [*answer.get("headers", {}).items()]
    pairs += [("set-cookie", cookie) for cookie in answer.get("cookies", ())]
    return _reply(answer["statusCode"], pairs, answer["body"], answer["isBase64Encoded"])


def read_v1(answer: Any) -> Reply:
    """Read an answer as REST APIs do, which take no other keys; where both say it, lists win."""
    assert answer.keys() <= {
        "statusCode",
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
    }
    several = answer.get("multiValueHeaders", {})
    pairs = [(n, v) for n, v in answer.get("headers", {}).items() if n not in several]
    pairs += [(name, value) for name, values in several.items() for value in values]
    return _reply(answer["statusCode"], pairs, answer["body"], answer["isBase64Encoded"])


def read_single(answer: Any) -> Reply:
    """Read an answer as a load balancer without multi-value headers does."""
    pairs = [*answer["headers"].items()]
    return _reply(answer["statusCode"], pairs, answer["body"], answer["isBase64Encoded"])


def read_multi(answer: Any) -> Reply:
    """Read an answer as a load balancer with multi-value headers does."""
    pairs = [(n, v) for n, values in answer["multiValueHeaders"].items() for v in values]
    return _reply(answer["statusCode"], pairs, answer["body"], answer["isBase64Encoded"])


def read_edge(answer: Any) -> Reply:
    """Read an answer as CloudFront does."""
    pairs = [(f["key"], f["value"]) for fields in answer["headers"].values() for f in fields]
    base64 = answer.get("bodyEncoding", "text") == "base64"
    return _reply(int(answer["status"]), pairs, answer["body"], base64)


class Door(NamedTuple):
    """A front door: requests for paths below ``prefix`` come in through it."""

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
DOORS = [
    Door("function URL", function_url_event, read_v2),
    Door("HTTP API", http_api_event, read_v2),
    Door("HTTP API (payload 1.0)", HTTP_1, read_v1),
    Door("REST API", rest_api_event, read_v1, "/prod"),
    Door("load balancer", alb_event, read_single),
    Door("load balancer, multi-value headers", partial(alb_event, multi=True), read_multi),
    Door("Lambda@Edge", edge_event, read_edge),
    Door("VPC Lattice", lattice_event, read_single),
]
#: The same with something in front of the app.
PREFIXED = [
    *(
        Door(f"{d.name}, base path", d.build, d.read, "/api", in_event="/api", base_path="/api")
        for d in DOORS
        if d.name != "REST API"
    ),
    Door("HTTP API, stage", partial(http_api_event, stage="prod"), read_v2, "/prod"),
    Door("HTTP API 1.0, stage", partial(HTTP_1, stage="prod"), read_v1, "/prod"),
    Door(
        "HTTP API, mapping",
        partial(http_api_event, mapping="/shop"),
        read_v2,
        "/shop",
        base_path="/shop",
    ),
    Door(
        "HTTP API 1.0, mapping",
        partial(HTTP_1, mapping="/shop"),
        read_v1,
        "/shop",
        base_path="/shop",
    ),
    Door("REST API, mapping", partial(rest_api_event, mapping="/shop"), read_v1, "/shop"),
    Door(
        "REST API, stage and base path",
        rest_api_event,
        read_v1,
        "/prod/api",
        in_event="/api",
        base_path="/api",
    ),
]
