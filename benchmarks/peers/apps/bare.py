"""An app without a framework: it streams chunks of ``BENCH_CHUNK_BYTES``, or time stamps."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.types import Receive, Scope, Send

CHUNKS = int(os.environ.get("BENCH_CHUNKS", "1"))
CHUNK = b"x" * int(os.environ.get("BENCH_CHUNK_BYTES", "70"))
TURNS = "BENCH_TURNS" in os.environ
STAMPS = "BENCH_STAMPS" in os.environ
STAMP_SECONDS = 0.005
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream the chunks that the environment variables ask for."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for _ in range(CHUNKS - 1):
        body = CHUNK
        if STAMPS:
            await asyncio.sleep(STAMP_SECONDS)
            body = b"sent: %d\n" % time.monotonic_ns()
        elif TURNS:
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": CHUNK})
