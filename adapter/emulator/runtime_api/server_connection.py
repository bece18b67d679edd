"""One connection of a runtime to the Runtime API: h11 over an anyio socket.

h11 reads the requests. Replies are written without h11, in a third of the time that it takes. Each
reply has a ``Content-Length``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING

import anyio
import h11

from .chunk_sizes import ChunkSizes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import SocketStream

    from .replies import Reply

READ_BYTES = 256 * 1024  # as much as asyncio reads from a socket at once
BACKLOG_BYTES = 32 * 1024  # RAPID copies up to 32 KiB at once
MAX_HEAD_BYTES = 1024 * 1024  # Go's default, which RAPID uses
MAX_TRAILER_BYTES = 4096  # Go's read buffer, which has to hold all trailers
MAX_DISCARD_BYTES = 256 * 1024  # Go reads this much of an unwanted body to keep the connection
LINGER_SECONDS = 0.5
LINE_BREAK = re.compile(r"[\r\n]")

CONNECTION_LOST = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class TruncatedError(Exception):
    """The body of a request is incomplete: end of file, a bad chunk, bad or oversized trailers."""


class ServerConnection:
    """Reads requests and sends replies, one after the other."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER, MAX_HEAD_BYTES)  #: of one request
        self._broken = False
        self._has_backlog = False  #: the last read filled RAPID's buffer
        self._pushed_back: object = h11.NEED_DATA  #: the event that ended a backlog
        self._chunk_sizes: ChunkSizes | None = None  #: of a chunked body that is being read
        self.request: h11.Request
        self.trailers: dict[str, str] = {}

    async def next_request(self) -> bool:
        """Read the next head into `request`; return false if the connection ended instead."""
        if self._http.their_state is not h11.IDLE:
            data, _ = self._http.trailing_data
            self._http = h11.Connection(h11.SERVER, MAX_HEAD_BYTES)
            if data:
                self._http.receive_data(data)
            self._pushed_back = h11.NEED_DATA
        try:
            event = await self._next_event()
        except h11.RemoteProtocolError:
            with anyio.move_on_after(LINGER_SECONDS):
                await self._send_bad_request()
            return False
        except CONNECTION_LOST:
            return False
        if not isinstance(event, h11.Request):
            return False
        self.request = event
        self.trailers = {}
        self._chunk_sizes = None
        return True

    def header(self, name: str) -> str:
        """Return a request header's value, or an empty string."""
        wanted = name.lower().encode()
        return next((v.decode("latin-1") for n, v in self.request.headers if n == wanted), "")

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body chunk by chunk as it arrives, then set `trailers`.

        If the runtime sends faster than the body is read, all chunks of one read are joined, as in
        Go. One by one they would delay everything else on the event loop. `trailers` is empty if
        the head declares no trailers; otherwise it has all of them.

        Raises:
            TruncatedError: the body is incomplete.
        """
        if self._http.they_are_waiting_for_100_continue:
            self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
            await self._stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_bytes = 0
        while True:
            try:
                self._check_chunks(read_bytes)
                event = await self._next_event()
            except (h11.RemoteProtocolError, TruncatedError, *CONNECTION_LOST) as error:
                self._broken = True
                raise TruncatedError from error
            if isinstance(event, h11.Data):
                data = b"".join([event.data, *self._backlog()])
                if self._chunk_sizes is not None and self._chunk_sizes.broken:
                    data = data[: self._chunk_sizes.payload_bytes - read_bytes]
                read_bytes += len(data)
                if data:
                    yield data
            elif isinstance(event, h11.EndOfMessage):
                self._take_trailers(event)
                return
            else:
                self._broken = True
                raise TruncatedError

    async def wait_closed(self) -> None:
        """Wait until the peer closes the connection; bytes that it sends before that are kept."""
        data = b" "
        while data:
            try:
                data = await self._stream.receive(READ_BYTES)
            except CONNECTION_LOST:
                data = b""
            self._http.receive_data(data)

    def abandon(self) -> None:
        """Stop reading the request. The reply to it will close the connection."""
        self._broken = True

    async def reply(self, reply: Reply) -> bool:
        """Send the reply; return whether the connection can carry another request."""
        keep = await self._discard_body()
        headers = [
            *reply.headers,
            ("Date", date_at(int(time()))),
            ("Content-Length", str(len(reply.body))),
            *([] if keep else [("Connection", "close")]),
        ]
        # A client context may contain any character. Go writes UTF-8, and spaces for line breaks.
        fields = [f"{name}: {LINE_BREAK.sub(' ', value)}\r\n" for name, value in headers]
        status = HTTPStatus(reply.status)
        head = f"HTTP/1.1 {status} {status.phrase}\r\n{''.join(fields)}\r\n"
        await self._stream.send(head.encode() + reply.body)
        if keep:
            return True
        with anyio.move_on_after(LINGER_SECONDS):
            await self._linger()
        return False

    async def _next_event(self) -> object:
        event, self._pushed_back = self._pushed_back, h11.NEED_DATA
        if event is not h11.NEED_DATA:
            return event
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._chunk_sizes is not None and self._chunk_sizes.broken:
                raise TruncatedError
            try:
                data = await self._stream.receive(READ_BYTES)
            except anyio.EndOfStream:
                data = b""
            self._has_backlog = len(data) >= BACKLOG_BYTES
            if self._chunk_sizes is not None:
                self._chunk_sizes.feed(data)
            self._http.receive_data(data)
        return event

    def _check_chunks(self, read_bytes: int) -> None:
        """Check the sizes of chunks, including those that came with the head.

        Raises:
            TruncatedError: a size is invalid, and all chunks before it have been read.
        """
        if self._chunk_sizes is None and self.header("Transfer-Encoding"):
            self._chunk_sizes = ChunkSizes()
            self._chunk_sizes.feed(self._http.trailing_data[0])
        sizes = self._chunk_sizes
        if sizes is not None and sizes.broken and read_bytes >= sizes.payload_bytes:
            raise TruncatedError

    def _backlog(self) -> Iterator[bytes]:
        """Yield the other chunks of a large read."""
        with suppress(h11.RemoteProtocolError):  # h11 raises the error again at the next event
            while self._has_backlog:
                event = self._http.next_event()
                if not isinstance(event, h11.Data):
                    self._pushed_back = event
                    return
                yield event.data

    def _take_trailers(self, event: h11.EndOfMessage) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in event.headers)
        if size > MAX_TRAILER_BYTES:
            self._broken = True
            raise TruncatedError
        # Go keeps all trailers if the head declares any. RAPID reads the first of several values.
        declared = any(
            value.strip(b" \t,") for name, value in self.request.headers if name == b"trailer"
        )
        fields = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in reversed(event.headers))
        self.trailers = dict(fields) if declared else {}

    async def _discard_body(self) -> bool:
        """Read the rest of the body, as Go does before a reply; return false if that fails."""
        if self._broken:
            return False
        if self._http.their_state is not h11.SEND_BODY:
            return self._http.their_state is h11.DONE
        if self._http.they_are_waiting_for_100_continue:
            return False
        size = 0
        try:
            async for data in self.body():
                size += len(data)
                if size > MAX_DISCARD_BYTES:
                    return False
        except TruncatedError:
            return False
        return True

    async def _linger(self) -> None:
        # Closing a socket that has unread bytes makes the kernel send a reset, which may overtake
        # the reply. So this side is closed first, then read until the peer closes too.
        try:
            await self._stream.send_eof()
            while True:
                await self._stream.receive(READ_BYTES)
        except (*CONNECTION_LOST, OSError):
            return

    async def _send_bad_request(self) -> None:
        head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        try:
            await self._stream.send(head + b"Connection: close\r\n\r\n400 Bad Request")
            await self._linger()
        except CONNECTION_LOST:
            return


@lru_cache(1)
def date_at(epoch_seconds: int) -> str:
    """Return a time in the format of the ``Date`` header."""
    return formatdate(epoch_seconds, usegmt=True)
