"""Mangum and this adapter, side by side: the same requests, and the same app."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mangum import Mangum

from adapter import LambdaHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapter.types import JSON, Event, Receive, Scope, Send

    from .event_sources import EventSource

NO_CONTEXT: Any = None


class Case(NamedTuple):
    """A request, and how the app responds to it."""

    name: str
    request: Mapping[str, Any] = MappingProxyType({})
    path: str = "/x"
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ((b"content-type", b"text/plain"),)
    body: bytes = b"hello"
    fails: str = ""  #: "before" or "after" the head
    base_path: str = ""
    sources: tuple[str, ...] = ()  #: if not all that Mangum has too
    address: bool = True  #: whether the event has the client's address


def sent(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the parts of a request with a body."""
    headers = {"content-type": content_type, "content-length": str(len(body))}
    return {"method": "POST", "headers": headers, "body": body}


TEXT = (b"content-type", b"text/plain")
CASES = [
    Case("a plain request"),
    Case("an encoded path", path="/caf%C3%A9/a%20b"),
    Case("an encoded percent sign in the path", path="/a%252Fb"),
    Case("repeated parameters", {"query": "tag=1&other=2&tag=3"}),
    Case("a query in another spelling", {"query": "q=a%20b&sig=%2f~"}),
    Case("a parameter without a value", {"query": "flag"}),
    Case("cookies", {"headers": {"cookie": "a=1; b=2"}}),
    Case("repeated request headers", {"headers": [("x-a", "1"), ("x-a", "2")]}),
    Case("a latin-1 request header", {"headers": {"x-name": "Café"}}),
    Case("addresses in X-Forwarded-For", {"headers": {"x-forwarded-for": "10.0.0.1, 10.0.0.2"}}),
    Case("an IPv6 host", {"headers": {"host": "[::1]:8080"}}),
    Case("a text body", sent(b"{}", "application/json")),
    Case("a form", sent(b"a=1&b=2", "application/x-www-form-urlencoded")),
    Case("a binary body", sent(bytes(range(256)), "image/png")),
    Case(
        "cookies in the response",
        headers=[TEXT, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/")],
    ),
    Case("one cookie in the response", headers=[TEXT, (b"set-cookie", b"a=1")]),
    Case(
        "repeated headers in the response",
        headers=[TEXT, (b"vary", b"accept"), (b"vary", b"cookie")],
    ),
    Case("a latin-1 header in the response", headers=[TEXT, (b"x-name", b"Caf\xe9")]),
    Case("a binary response", headers=[(b"content-type", b"image/png")], body=b"\x89PNG\xff"),
    Case("a JSON response", headers=[(b"content-type", b"application/json")], body=b"{}"),
    Case(
        "a compressed response",
        headers=[TEXT, (b"content-encoding", b"gzip")],
        body=gzip.compress(b"hello"),
    ),
    Case("a response without a type", headers=[], body=b"hello"),
    Case("a 204", status=204, headers=[], body=b""),
    Case("a 304", status=304, headers=[(b"etag", b'"1"')], body=b""),
    Case("a HEAD request", {"method": "HEAD"}),
    Case("`X-Accel-Buffering` in the response", headers=[TEXT, (b"x-accel-buffering", b"no")]),
    Case("a response with its length", headers=[TEXT, (b"content-length", b"5")]),
    Case("an error before the response", fails="before"),
    Case("an error within the response", fails="after"),
    Case("a base path", path="/api/x", base_path="/api"),
    Case("a base path that is no whole segment", path="/apifoo", base_path="/api"),
    Case(
        "no `sourceIp` in the event",
        sources=("function URL", "HTTP API", "HTTP API (payload 1.0)", "REST API"),
        address=False,
    ),
    Case("a stage", {"stage": "dev"}, sources=("HTTP API", "HTTP API (payload 1.0)")),
]


def without_address(event: Event) -> Event:
    """Return an event as tests write it by hand, and as some consoles send it."""
    text = re.sub(r'"sourceIp": "[^"]*"', '"other": ""', json.dumps(event))
    changed: Event = json.loads(text)
    return changed


class Recorder:
    """The app: remembers the scope and the body, and responds as the case says."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.scope: Scope = {}
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.body = scope, (await receive())["body"]
        if self.case.fails == "before":
            raise ValueError("boom")
        await send(
            {
                "type": "http.response.start",
                "status": self.case.status,
                "headers": self.case.headers,
            }
        )
        if self.case.fails == "after":
            await send({"type": "http.response.body", "body": b"hel", "more_body": True})
            raise ValueError("boom")
        await send({"type": "http.response.body", "body": self.case.body})


def outcome(
    handler: Callable[[Event], JSON], recorder: Recorder, source: EventSource, case: Case
) -> dict[str, object]:
    """Return what the app saw and what the client got, by aspect."""
    try:
        event = source.event(case.path, **case.request)
        reply = source.read(handler(event if case.address else without_address(event)))
    except (KeyError, ValueError) as error:
        return {"raises": type(error).__name__}
    scope = recorder.scope
    path = scope["path"].removeprefix(scope["root_path"]) or "/"
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {
        "spec_version": scope["asgi"]["spec_version"],
        "method": scope["method"],
        "raw_path": scope["raw_path"],
        "root_path": scope["root_path"],
        "path": path,
        "query": scope["query_string"],
        "headers": headers,
        "body": recorder.body,
        "client": scope["client"],
        "server": scope["server"],
        "scheme": scope["scheme"],
        "status": reply.status,
        "response headers": reply.headers,
        "response cookies": reply.cookies,
        "response body": reply.body,
    }


def by_mangum(source: EventSource, case: Case) -> dict[str, object]:
    """Run a case through Mangum, which wants an event loop to be set."""
    app = Recorder(case)
    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    try:
        handler = Mangum(app, lifespan="off", api_gateway_base_path=case.base_path or "/")
        return outcome(lambda event: handler(event, NO_CONTEXT), app, source, case)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def by_us(source: EventSource, case: Case) -> dict[str, object]:
    """Run a case through this adapter."""
    app = Recorder(case)
    handler = LambdaHandler(app, lifespan="off", base_path=case.base_path)
    return outcome(lambda event: asyncio.run(handler.respond(event, None, None)), app, source, case)


def differing(source: EventSource, case: Case) -> dict[str, tuple[object, object]]:
    """Return the aspects in which the two differ, with what each did."""
    theirs, ours = by_mangum(source, case), by_us(source, case)
    if "raises" in theirs or "raises" in ours:
        return {"raises": (theirs.get("raises"), ours.get("raises"))}
    return {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]}
