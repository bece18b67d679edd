"""A minimal asyncio program that streams an ASGI app over the Runtime API, to compare with.

It uses the streams of asyncio and two connections. It knows nothing of errors, deadlines, lifespans
and event sources. ``_HANDLER`` is ``module.app``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from typing import Any

    from adapter.types import ASGIApp, Message, Scope

PATH = "/2018-06-01/runtime/invocation"
HEAD = (
    "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
)


async def main() -> None:
    """Take events and respond to them, without end."""
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    host, _, port = address.rpartition(":")
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    app: ASGIApp = getattr(importlib.import_module(module), name)
    events, ask = await asyncio.open_connection(host, int(port))
    replies, post = await asyncio.open_connection(host, int(port))
    while True:
        ask.write(f"GET {PATH}/next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        head = (await events.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:-2])
        event = json.loads(await events.readexactly(int(fields["content-length"])))
        path = f"{PATH}/{fields['lambda-runtime-aws-request-id']}/response"
        request = f"POST {path} HTTP/1.1\r\nHost: {address}\r\n{HEAD}".encode()
        await respond(app, event, request, post)
        await take_reply(replies)


async def respond(app: ASGIApp, event: Any, request: bytes, post: StreamWriter) -> None:
    """Run the app, and write what it sends behind ``request``."""
    begun: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = {name.decode(): value.decode() for name, value in message["headers"]}
            head = {"statusCode": message["status"], "headers": headers, "cookies": []}
            prelude = json.dumps(head).encode() + bytes(8)
            begun.append(request + b"%x\r\n%b\r\n" % (len(prelude), prelude))
            return
        frames = begun.copy()
        begun.clear()
        body = message.get("body", b"")
        if body:
            frames += [b"%x\r\n" % len(body), body, b"\r\n"]
        if not message.get("more_body"):
            frames.append(b"0\r\n\r\n")
        post.writelines(frames)
        await post.drain()

    await app(scope_of(event), receive, send)


def scope_of(event: Any) -> Scope:
    """Return the scope for an event of a function URL."""
    http = event["requestContext"]["http"]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": http["method"],
        "path": event["rawPath"],
        "raw_path": event["rawPath"].encode(),
        "query_string": event["rawQueryString"].encode(),
        "root_path": "",
        "scheme": "https",
        "headers": [(name.encode(), value.encode()) for name, value in event["headers"].items()],
        "client": (http["sourceIp"], 0),
        "server": ("localhost", 443),
        "state": {},
    }


async def take_reply(replies: StreamReader) -> None:
    """Read the reply to a response."""
    await replies.readuntil(b"\r\n\r\n")
    await replies.readexactly(len(b'{"status":"OK"}\n'))


if __name__ == "__main__":
    asyncio.run(main())
