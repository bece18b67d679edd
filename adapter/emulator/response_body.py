"""The bytes of a response, on their way from the Runtime API to a front end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from typing import Self

MAX_WAITING = 2
"""How many pieces may wait for the reader: the prelude and a short body.

As on AWS, the client's speed limits how fast the runtime is read.
"""


class ResponseBody:
    """Pieces of bytes, from one writer to one reader, which iterates over them.

    ``async with`` closes it. anyio's memory object stream is slower: it waits for a turn of the
    event loop at each piece.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._over = False  #: no piece is added any more
        self._changed = anyio.Event()  #: only one side waits: for a piece, or for a free place

    def __aiter__(self) -> Self:
        """Return the reader."""
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next piece and return it."""
        while not self._pieces:
            if self._over:
                raise StopAsyncIteration
            await self._wait()
        piece = self._pieces.popleft()
        self._changed.set()
        return piece

    async def __aenter__(self) -> Self:
        """Return the reader."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the body."""
        self.close()

    async def put(self, piece: bytes) -> None:
        """Add a piece as soon as there is a free place, or discard it after `end` or `close`."""
        while len(self._pieces) >= MAX_WAITING and not self._over:
            await self._wait()
        if not self._over:
            self._pieces.append(piece)
            self._changed.set()

    def end(self) -> None:
        """End the body after the pieces that wait."""
        self._over = True
        self._changed.set()

    def close(self) -> None:
        """Stop reading: pieces that wait or follow are discarded."""
        self._pieces.clear()
        self.end()

    async def _wait(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()
