"""The app behind `local_lambda`: a short response, a long one, and server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.types import Receive, Scope, Send

CHUNK = bytes(64 * 1024)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond to ``/``, ``/mib/N`` and ``/sse/SECONDS``."""
    if scope["type"] != "http":
        raise NotImplementedError
    kind, _, number = scope["path"].strip("/").partition("/")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if kind == "mib":
        for _ in range(int(number) * 16):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    elif kind == "sse":
        for second in range(int(number)):
            data = f"data: {second}\n\n".encode()
            await send({"type": "http.response.body", "body": data, "more_body": True})
            await asyncio.sleep(1)
    await send({"type": "http.response.body", "body": b"end"})
