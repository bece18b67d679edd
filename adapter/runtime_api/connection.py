"""A kept-alive connection to the Runtime API."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from select import POLLIN, poll
from typing import TYPE_CHECKING, cast

from ..invocation import forks
from .wire import ApiReply, ProtocolError, ReplyReader

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    ReplyOrError = ApiReply | Exception
    OnReply = Callable[[ReplyOrError], None]

HIGH_WATER_BYTES = 64 * 1024
"""Unsent bytes above which a writer waits for the client."""

SEND_BUFFER_BYTES = 128 * 1024
READ_BUFFER_BYTES = 64 * 1024


class Connection(asyncio.BufferedProtocol):
    """One exchange at a time: set `on_reply`, `write` the request, and get the reply.

    The reply may come while the request is still being written; the writer must stop then.

    A `BufferedProtocol`, because asyncio gives a plain `Protocol` a new 256 KiB buffer for every
    read, which the allocator maps and unmaps: six system calls per invocation.
    """

    def __init__(self) -> None:
        self.lost = False
        self.paused = False  #: more than `HIGH_WATER_BYTES` are unsent
        self._loop = asyncio.get_running_loop()
        self._generation = forks.generation
        self._buffer = _read_buffer_of(self._loop)
        self._transport: asyncio.Transport | None = None
        self._unread = poll()  #: finds bytes that the event loop has not read
        self._reader = ReplyReader()
        #: Called once, as soon as the last byte of the next reply has been read; must not raise.
        #: The argument is the reply, or a `ConnectionError` if the connection ends before the
        #: reply, or a `ProtocolError` if the reply is malformed. (A future would cost a turn of
        #: the event loop.)
        self.on_reply: OnReply | None = None
        self._writable: Future[None] | None = None

    def expect(self) -> Future[ApiReply]:
        """Announce a request; return the future of the reply, or of an error."""
        reply: Future[ApiReply] = self._loop.create_future()
        self.on_reply = partial(_set_reply, reply)
        return reply

    @property
    def interrupted(self) -> bool:
        """Whether the connection ended in the middle of a reply."""
        return self.lost and self._reader.begun

    def is_stale(self) -> bool:
        """Whether the other side has closed this connection, on which no request is open.

        The event loop may not have read the end yet: the loop was paused, or the process frozen.
        """
        return self.lost or bool(self._unread.poll(0))

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the socket at once. If the connection is lost, do nothing."""
        if self._generation != forks.generation:
            # A forked child of the app that returned here instead of exiting: its bytes would
            # corrupt the response of its parent.
            forks.exit_if_forked(self._generation)
        if not self.lost:  # uvloop would raise; asyncio would not
            assert self._transport is not None
            self._transport.write(data)

    async def drain(self) -> None:
        """If writing is paused, wait until at most a quarter of `HIGH_WATER_BYTES` is unsent."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close(self) -> None:
        """Close the connection without waiting."""
        self.lost = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection and drop unsent bytes, because the other side reads no more.

        A task that waits in `drain` is woken; after `close` the task would wait until the other
        side closes the connection, too.
        """
        self.lost = True
        if self._transport is not None:
            self._transport.abort()

    # The callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio has set TCP_NODELAY on it.

        The send buffer is limited, because the kernel would buffer some MiB. Lambda reads 2 MiB/s,
        so error trailers would arrive seconds after the app's last chunk.
        """
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._unread.register(sock, POLLIN)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that the event loop reads into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes of a reply."""
        try:
            reply = self._reader.feed(bytes(self._buffer[:nbytes]))
        except ProtocolError as error:
            self._fail(error)
            self.close()
            return
        if reply is not None:
            self._deliver(reply)

    def eof_received(self) -> None:
        """Complete a reply that ends with the connection."""
        reply = self._reader.eof()
        if reply is not None:
            self._deliver(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the tasks that wait for the reply or for `drain`."""
        self.lost = True
        reason = "" if exc is None else f" ({exc})"
        self._fail(ConnectionResetError(f"The Runtime API closed the connection{reason}."))
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make writers wait."""
        self.paused = True
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let writers continue."""
        self.paused = False
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _deliver(self, reply: ApiReply) -> None:
        assert self._transport is not None
        on_reply, self.on_reply = self.on_reply, None
        if reply.status >= 400 and self._transport.get_write_buffer_size():
            self.abort()  # the rest of the refused request would come before the next request
        elif on_reply is None or not reply.keep_alive:  # None: no request is open
            self.close()
        if on_reply is not None:
            on_reply(reply)

    def _fail(self, error: Exception) -> None:
        on_reply, self.on_reply = self.on_reply, None
        if on_reply is not None:
            on_reply(error)


_latest_read_buffer: tuple[asyncio.AbstractEventLoop, memoryview] | None = None


def _read_buffer_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    """Return the read buffer of ``loop``; only that of the latest loop is remembered.

    All connections of a loop share the buffer: 64 buffers would take 4 MiB in a concurrent
    environment. A connection copies what it has read before the loop reads from the next one.
    """
    global _latest_read_buffer
    found = _latest_read_buffer
    if found is None or found[0] is not loop:
        _latest_read_buffer = found = (loop, memoryview(bytearray(READ_BUFFER_BYTES)))
    return found[1]


def _set_reply(future: Future[ApiReply], reply: ReplyOrError) -> None:
    """Set the reply, or the error, as the outcome of ``future``, unless the future is done."""
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
        future.exception()  # so that asyncio does not log it if no task awaits it
    else:
        future.set_result(reply)


async def connect(address: str) -> Connection:
    """Connect to ``host:port``.

    Raises:
        OSError: no server listens there.
    """
    loop = asyncio.get_running_loop()
    if original_class() is socket.socket:
        _, connection = await loop.create_connection(Connection, *host_and_port(address))
        return connection
    # asyncio would make a socket of the app's class. This does not block for long: the Runtime API
    # is on the same machine.
    sock = open_socket(address)
    sock.setblocking(False)
    _, connection = await loop.create_connection(Connection, sock=sock)
    return connection


def open_socket(address: str) -> socket.socket:
    """Connect a blocking socket to ``host:port``.

    Raises:
        OSError: no server listens there.
    """
    error: OSError | None = None
    for family, kind, protocol, _, target in socket.getaddrinfo(
        *host_and_port(address), type=socket.SOCK_STREAM
    ):
        sock = original_class()(family, kind, protocol)
        try:
            sock.settimeout(None)  # an app may have set a default for all sockets
            sock.connect(target)
        except BaseException as failure:
            sock.close()
            if not isinstance(failure, OSError):  # a signal handler of the app raised it
                raise
            error = failure
        else:
            return sock
    raise error or OSError(f"{address} has no address.")


def original_class() -> type[socket.socket]:
    """Return the standard library's `socket.socket`, also if the app has replaced this class.

    The app's class may connect through a proxy, as that of PySocks does, and the Runtime API is not
    behind the proxy. The original class is found among the base classes of the app's class.
    """
    classes = (kind for kind in socket.socket.__mro__ if kind.__module__ == "socket")
    return next(classes, socket.socket)


def host_and_port(address: str) -> tuple[str, int]:
    """Split ``host:port``; the brackets of an IPv6 address are removed."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
