"""One connection of a runtime to the Runtime API: h11 over an anyio socket."""

from __future__ import annotations

from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import SocketStream

    from .replies import Reply

READ_SIZE = 32 * 1024  # as RAPID copies
MAX_HEAD = 1024 * 1024  # Go's default, which RAPID leaves alone
MAX_TRAILERS = 4096  # Go's read buffer: the whole trailer block has to fit
MAX_DISCARD = 256 * 1024  # what Go reads of an unwanted body to keep the connection
LINGER_SECONDS = 0.5

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class TruncatedError(Exception):
    """The request's body broke off: end of file, a bad chunk, bad or oversized trailers."""


class ServerConnection:
    """Requests come out, replies go in, one after the other."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._broken = False
        self._is_behind = False  #: whether there was as much to read as one read can take
        self._ahead: object = h11.NEED_DATA  #: an event that came behind a backlog
        self.request: h11.Request
        self.trailers: dict[str, str] = {}

    async def next_request(self) -> bool:
        """Wait for a request head and put it into `request`; false when there will be none."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
            self._ahead = h11.NEED_DATA
        try:
            event = await self._next_event()
        except h11.RemoteProtocolError:
            with anyio.move_on_after(LINGER_SECONDS):
                await self._bad_request()
            return False
        except GONE:
            return False
        if not isinstance(event, h11.Request):
            return False
        self.request = event
        self.trailers = {}
        return True

    def header(self, name: str) -> str:
        """Return a request header's value, or an empty string."""
        wanted = name.lower().encode()
        return next((v.decode("latin-1") for n, v in self.request.headers if n == wanted), "")

    async def body(self) -> AsyncIterator[bytes]:
        """Read the body chunk by chunk as it comes; then `trailers` has the declared ones.

        Of a stream that comes faster than it is read, the chunks of one read are one piece, as
        they are to Go. One by one they would hold up all that shares the event loop.

        Raises:
            TruncatedError: it broke off.
        """
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while True:
            try:
                event = await self._next_event()
            except (h11.RemoteProtocolError, *GONE) as error:
                self._broken = True
                raise TruncatedError from error
            if isinstance(event, h11.Data):
                yield b"".join([event.data, *self._backlog()])
            elif isinstance(event, h11.EndOfMessage):
                self._take_trailers(event)
                return
            else:
                self._broken = True
                raise TruncatedError

    async def hung_up(self) -> None:
        """Return when the other side has closed the connection; what it still sent is kept."""
        data = b" "
        while data:
            try:
                data = await self._stream.receive(READ_SIZE)
            except GONE:
                data = b""
            self._http.receive_data(data)

    def abandon(self) -> None:
        """Read no more of the request: the reply to it comes early, and is the last one."""
        self._broken = True

    async def reply(self, reply: Reply) -> bool:
        """Answer the request; return whether the connection can carry another one."""
        keep = await self._discard()
        headers = [
            *reply.headers,
            ("Date", formatdate(usegmt=True)),
            ("Content-Length", str(len(reply.body))),
            *([] if keep else [("Connection", "close")]),
        ]
        # In UTF-8, as Go writes what it is given: a client context may be in any language.
        fields = [(name.encode(), value.encode()) for name, value in headers]
        await self._send(h11.Response(status_code=reply.status, headers=fields))
        if reply.body:
            await self._send(h11.Data(data=reply.body))
        await self._send(h11.EndOfMessage())
        if keep and self._http.our_state is h11.DONE:
            return True
        with anyio.move_on_after(LINGER_SECONDS):
            await self._linger()
        return False

    async def _next_event(self) -> object:
        event, self._ahead = self._ahead, h11.NEED_DATA
        if event is not h11.NEED_DATA:
            return event
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                data = await self._stream.receive(READ_SIZE)
            except anyio.EndOfStream:
                data = b""
            self._is_behind = len(data) == READ_SIZE
            self._http.receive_data(data)
        return event

    def _backlog(self) -> Iterator[bytes]:
        """Give the other chunks of a read that was as large as one can be."""
        with suppress(h11.RemoteProtocolError):  # h11 will raise it again
            while self._is_behind:
                event = self._http.next_event()
                if not isinstance(event, h11.Data):
                    self._ahead = event
                    return
                yield event.data

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            await self._stream.send(data)

    def _take_trailers(self, event: h11.EndOfMessage) -> None:
        block = sum(len(name) + len(value) + 4 for name, value in event.headers)
        if block > MAX_TRAILERS:
            self._broken = True
            raise TruncatedError
        declared = {
            name.strip().lower()
            for field, value in self.request.headers
            if field == b"trailer"
            for name in value.decode("latin-1").split(",")
        }
        fields = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in event.headers)
        self.trailers = {name: value for name, value in fields if name in declared}

    async def _discard(self) -> bool:
        """Read what is left of the body, as Go does before it answers; false if that fails."""
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
                if size > MAX_DISCARD:
                    return False
        except TruncatedError:
            return False
        return True

    async def _linger(self) -> None:
        # Closing with unread bytes makes the kernel send a reset, and a reset may overtake
        # the reply; so first half-close, then read until the other side has closed too.
        try:
            await self._stream.send_eof()
            while True:
                await self._stream.receive(READ_SIZE)
        except (*GONE, OSError):
            return

    async def _bad_request(self) -> None:
        head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        try:
            await self._stream.send(head + b"Connection: close\r\n\r\n400 Bad Request")
            await self._linger()
        except GONE:
            return
