"""The apps that the benchmarks run: as little app as ASGI allows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.types import Receive, Scope, Send

CHUNKS = int(os.environ.get("BENCH_CHUNKS", "1"))
CHUNK = b"x" * int(os.environ.get("BENCH_CHUNK_BYTES", "70"))
if "BENCH_TURN_SECONDS" in os.environ:
    from adapter.streams import response_stream as stream

    stream.TURN_SECONDS = float(os.environ["BENCH_TURN_SECONDS"])
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with ``BENCH_CHUNKS`` chunks of ``BENCH_CHUNK_BYTES`` each."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for _ in range(CHUNKS - 1):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": CHUNK})
