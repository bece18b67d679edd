"""A kept-alive connection to the Runtime API."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import TYPE_CHECKING, cast

from ..wire import ProtocolError, Response, ResponseReader

if TYPE_CHECKING:
    from asyncio import Future

HIGH_WATER = 64 * 1024
"""Unsent bytes above which a writer waits for the reader."""

SEND_BUFFER = 128 * 1024
READ_SIZE = 64 * 1024

EXIT_FORKED = 70
"""With what a process ends that is not the one that has opened the connection: EX_SOFTWARE."""

_process = object()  # another one in every child; os.getpid() would be a system call a chunk


def _in_child() -> None:
    global _process
    _process = object()


os.register_at_fork(after_in_child=_in_child)


class Connection(asyncio.BufferedProtocol):
    """One exchange at a time: `expect` an answer, `write` the request, await the answer.

    The answer may come while the request is still being written; it is for the writer to stop.

    A `BufferedProtocol`, because a plain one gets a new 256 KiB buffer from asyncio for every
    read, which the allocator maps and unmaps: six system calls an invocation.
    """

    def __init__(self) -> None:
        self.lost = False
        self.paused = False  #: more than `HIGH_WATER` is unsent
        self._loop = asyncio.get_running_loop()
        self._process = _process
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._transport: asyncio.Transport | None = None
        self._reader = ResponseReader()
        self._answer: Future[Response] | None = None
        self._writable: Future[None] | None = None

    def expect(self) -> Future[Response]:
        """Announce a request; return the future of its answer.

        The future raises `ConnectionError` when the connection ends before an answer, and
        `ProtocolError` when what comes is none.
        """
        self._answer = self._loop.create_future()
        return self._answer

    @property
    def interrupted(self) -> bool:
        """Whether the connection ended in the middle of a response."""
        return self.lost and self._reader.begun

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the socket at once. If the connection is lost, the answer says so."""
        if self._process is not _process:
            # A child that the app has forked, and that came back to us instead of ending: what it
            # writes would stand in the middle of its parent's response.
            os._exit(EXIT_FORKED)
        if not self.lost:  # uvloop would raise what no caller expects
            assert self._transport is not None
            self._transport.write(data)

    def has_news(self) -> bool:
        """Whether something has come, its end included, that the event loop has not seen yet."""
        assert self._transport is not None
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

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
        """Keep the transport; asyncio has set TCP_NODELAY on it.

        The kernel would take some MiB of what nobody reads yet; while Lambda takes 2 MiB/s,
        error trailers would come seconds behind what the app sent last.
        """
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend asyncio the buffer to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Collect an answer."""
        try:
            response = self._reader.feed(self._buffer[:nbytes])
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
        self.paused = True
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self.paused = False
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
