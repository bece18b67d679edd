"""The function that every vendor's package is put around: a FastAPI app that streams."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator  # noqa: TC003 (FastAPI reads the annotation)

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/stream/{name}")
async def stream(name: str) -> StreamingResponse:
    return StreamingResponse(parts(name))


@app.get("/early")
async def early() -> None:
    raise ValueError("before the first byte")


async def parts(name: str) -> AsyncIterator[bytes]:
    """Yield two parts; the second waits until the test, which has seen the first, hangs up."""
    yield b"one "
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["GATE"]))
    await reader.read()
    writer.close()
    if name == "fails":
        raise ValueError("in mid-stream")
    yield b"two"
