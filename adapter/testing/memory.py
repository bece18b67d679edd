"""A response stream in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..prelude import decode
from ..stream import BufferedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ..types import Prelude


class MemoryStream(BufferedStream):
    """Keeps each chunk as the handler wrote it. Iterate the stream to get chunks as they come.

    ``chunks`` has the chunks so far, the prelude first; ``error`` is the error of a failed
    response; ``disconnect(reason)`` acts as a client that disconnects.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    @property
    def prelude(self) -> Prelude:
        """The status, headers and cookies of an HTTP response.

        Raises:
            EventError: the chunks do not begin with a prelude.
        """
        return decode(b"".join(self.chunks))[0]

    @property
    def body(self) -> bytes:
        """The body of an HTTP response so far.

        Raises:
            EventError: the chunks do not begin with a prelude.
        """
        return decode(b"".join(self.chunks))[1]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield all chunks from the first on, until the stream is closed."""
        count = 0
        while True:
            while count < len(self.chunks):
                count += 1
                yield self.chunks[count - 1]
            if self.closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Keep ``chunks`` and wake the iterators."""
        self._changed.set()
        return super().transmit(chunks, end)

    def _close(self) -> None:
        super()._close()
        self._changed.set()
