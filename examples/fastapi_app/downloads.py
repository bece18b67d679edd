"""`/download`: a big file."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

logger = logging.getLogger(__name__)
router = APIRouter(tags=["files"])

MEGABYTE = 1024 * 1024
BLOCK = random.Random(0).randbytes(64 * 1024)


@router.get("/download", response_class=StreamingResponse)
async def download(
    mb: Annotated[int, Query(ge=1, le=200, description="Lambda streams 200 MB at most.")] = 10,
) -> StreamingResponse:
    """`mb` megabytes, the same bytes each time."""
    size = mb * MEGABYTE
    return StreamingResponse(
        _blocks(size),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{mb}mb.bin"',
            "Content-Length": str(size),
            # Content-Length does not reach the client of a stream on Lambda. The page /demo reads
            # this one for its progress bar.
            "X-Total-Length": str(size),
        },
    )


async def _blocks(size: int) -> AsyncIterator[bytes]:
    sent = 0
    try:
        while sent < size:
            yield BLOCK
            sent += len(BLOCK)
            await asyncio.sleep(0)  # other requests of the process run now
    finally:
        logger.info("/download ended after %d of %d bytes", sent, size)
