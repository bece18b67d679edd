"""The app of ``concurrency.py``: slow event streams, and one that never awaits anything else."""

from __future__ import annotations

import asyncio
import os
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.types import Receive, Scope, Send

SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
INTERVAL = 0.1
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
BUSY = b"x" * 1024


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream for ``BENCH_SECONDS``: an event with the time in it, or as much as will go."""
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    end = monotonic() + SECONDS
    busy = scope["path"].startswith("/busy")
    while monotonic() < end:
        if not busy:
            await asyncio.sleep(INTERVAL)
        body = BUSY if busy else b"data: %d\n\n" % monotonic_ns()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body"})
