"""The bytes of a response, on their way from the Runtime API to a front end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from typing import Self

MAX_WAITING = 2
"""How many chunks may wait for the reader: the prelude and a short body.

As on AWS, the client's speed limits how fast the runtime is read.
"""


class ResponseBody:
    """Chunks of bytes, from one writer to one reader, which iterates over them.

    ``async with`` closes it. anyio's memory object stream is slower: it waits for a turn of the
    event loop at each chunk.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._over = False  #: no chunk is added any more
        self._changed = anyio.Event()  #: only one side waits: for a chunk, or for room

    def __aiter__(self) -> Self:
        """Return the reader."""
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next chunk and return it."""
        while not self._chunks:
            if self._over:
                raise StopAsyncIteration
            await self._wait()
        chunk = self._chunks.popleft()
        self._changed.set()
        return chunk

    async def __aenter__(self) -> Self:
        """Return the reader."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the body."""
        self.close()

    async def put(self, chunk: bytes) -> None:
        """Add a chunk as soon as there is room, or discard it after `end` or `close`."""
        while len(self._chunks) >= MAX_WAITING and not self._over:
            await self._wait()
        if not self._over:
            self._chunks.append(chunk)
            self._changed.set()

    def end(self) -> None:
        """End the body after the chunks that wait."""
        self._over = True
        self._changed.set()

    def close(self) -> None:
        """Stop reading: chunks that wait or follow are discarded."""
        self._chunks.clear()
        self.end()

    async def _wait(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()
