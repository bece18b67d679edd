"""What all the apps have in common: a startup that is counted, and the body of a stream."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

startups = 0


async def started() -> None:
    """Count a startup; the responses say how many there were."""
    global startups
    startups += 1


async def parts(end: str) -> AsyncIterator[bytes]:
    """Yield a part, wait until the test has seen it and hangs up, and go on as ``end`` says."""
    try:
        yield b"one "
        reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["GATE"]))
        await reader.read()
        writer.close()
        if end == "fails":
            raise ValueError("in mid-stream")
        while end == "endless":
            yield b"and "
            await asyncio.sleep(0.01)
        yield b"two"
    finally:
        os.write(1, b"cleaned up\n")
