"""A response stream in memory, for tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..events.prelude import decode
from ..streams.response_stream import ResponseStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ..types import Prelude


class MemoryStream(ResponseStream):
    """Keeps every written chunk, and yields each chunk at once to readers of the stream.

    ``chunks`` has all chunks written so far, the prelude first; ``error`` is the error that the
    response failed with; ``disconnect(reason)`` simulates a disconnect of the client.
    """

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []
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
        """Yield all chunks from the first on, and wait for more until the stream is closed."""
        handed_out = 0
        while True:
            while handed_out < len(self.chunks):
                handed_out += 1
                yield self.chunks[handed_out - 1]
            if self.closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def transmit(self, chunks: Sequence[bytes | memoryview], end: bool) -> None:
        """Keep ``chunks`` and wake the readers."""
        self.chunks += [bytes(chunk) for chunk in chunks if chunk]
        self._changed.set()

    @property
    def congested(self) -> bool:
        """Memory is never congested."""
        return False

    async def drain(self) -> None:
        """Return at once."""

    def transmit_error(self, error: BaseException) -> None:
        """Do nothing: ``error`` is kept by `fail`."""

    def _close(self) -> None:
        super()._close()
        self._changed.set()
