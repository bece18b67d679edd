"""A kept-alive connection to the Runtime API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from ..wire import ProtocolError, Response, ResponseReader

if TYPE_CHECKING:
    from asyncio import Future

HIGH_WATER = 64 * 1024
"""Unsent bytes above which a writer waits for the reader."""


class Connection(asyncio.Protocol):
    """One exchange at a time: `expect` an answer, `write` the request, await the answer.

    The answer may come while the request is still being written; it is for the writer to stop.
    """

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._reader = ResponseReader()
        self._answer: Future[Response] | None = None
        self._writable: Future[None] | None = None

    def expect(self) -> Future[Response]:
        """Announce a request; return the future of its answer.

        The future raises `ConnectionError` when the connection ends before an answer, and
        `ProtocolError` when what comes is none.
        """
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the socket at once."""
        assert self._transport is not None
        self._transport.write(data)

    async def drain(self) -> None:
        """Wait until at most a quarter of `HIGH_WATER` is unsent, if more than that was."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close(self) -> None:
        """Close the connection without waiting."""
        self.lost = True
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio has set TCP_NODELAY on it."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Collect an answer."""
        try:
            response = self._reader.feed(data)
        except ProtocolError as error:
            self._fail(error)
            self.close()
            return
        if response is not None:
            self._deliver(response)

    def eof_received(self) -> None:
        """Complete an answer whose end is the end of the connection."""
        response = self._reader.eof()
        if response is not None:
            self._deliver(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        self.lost = True
        self._fail(ConnectionResetError(f"The Runtime API closed the connection ({exc})."))
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make writers wait."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let writers go on."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _deliver(self, response: Response) -> None:
        if not response.keep_alive:
            self.close()
        if self._answer is None:
            self.close()  # nobody asked
        elif not self._answer.done():
            self._answer.set_result(response)
        self._answer = None

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # whoever asked may be gone
        self._answer = None


async def connect(address: str) -> Connection:
    """Connect to ``host:port``.

    Raises:
        OSError: nobody is there.
    """
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, host.strip("[]"), int(port))
    return connection
