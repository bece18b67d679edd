"""An ASGI app with every oddity that a response and a request may have."""

from __future__ import annotations

import json
from typing import Any

Headers = list[tuple[bytes, bytes]]

#: by path: status, headers, and the body messages
RESPONSES: dict[str, tuple[int, Headers, list[bytes]]] = {
    "/plain": (200, [(b"content-type", b"text/plain")], [b"hello"]),
    "/empty": (200, [], [b""]),
    "/chunks": (
        200,
        [(b"content-type", b"text/event-stream")],
        [b"", b"one", b"", b"two", b"x" * 70000],
    ),
    "/length": (200, [(b"content-length", b"5")], [b"he", b"llo"]),
    "/cookies": (200, [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")], [b"x"]),
    "/repeated": (200, [(b"x-a", b"1"), (b"x-a", b"2"), (b"vary", b"a"), (b"Vary", b"b")], [b"x"]),
    "/latin": (200, [(b"x-latin", "café".encode("latin-1")), (b"x-empty", b"")], ["é€".encode()]),
    "/redirect": (307, [(b"location", b"/elsewhere?a=%20")], [b""]),
    "/no-content": (204, [(b"x-a", b"1")], [b""]),
    "/not-modified": (304, [(b"etag", b'"1"')], [b""]),
    "/teapot": (418, [(b"content-type", b"text/html; charset=utf-8")], [b"<p>"]),
    "/599": (599, [], [b"x"]),
    "/binary": (200, [(b"content-type", b"image/png")], [bytes(range(256))]),
    "/nuls": (200, [(b"content-type", b"application/octet-stream")], [bytes(20)]),
    "/json": (200, [(b"content-type", b"application/json")], [b'{"statusCode": 404}']),
    "/compressed": (200, [(b"content-encoding", b"gzip")], [b"\x1f\x8bnot really"]),
    "/hop": (200, [(b"keep-alive", b"timeout=9"), (b"upgrade", b"x")], [b"x"]),
    "/dated": (200, [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"server", b"mine")], [b"x"]),
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/raises":
        raise ValueError("on purpose")
    found = RESPONSES.get(scope["path"])
    if found is None:
        found = 200, [(b"content-type", b"application/json")], [await echo(scope, receive)]
    status, headers, pieces = found
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def echo(scope: Any, receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "root_path": scope["root_path"],
        "scheme": scope["scheme"],
        "headers": [[n.decode("latin-1"), v.decode("latin-1")] for n, v in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    return json.dumps(told).encode()
