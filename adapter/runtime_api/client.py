"""The client of the Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

from ..errors import NotPosted, RuntimeApiError, error_object
from .connection import READ_BUFFER_BYTES, connect, open_socket
from .invocation import NONCE, Invocation
from .wire import (
    ReplyReader,
    chunked_fields,
    error_report,
    error_type_header,
    header_lines,
    request,
)
from .xray_cause import xray_cause

if TYPE_CHECKING:
    from asyncio import Future

    from ..types import ErrorObject
    from .connection import Connection, OnReply
    from .wire import ApiReply

VERSION = "/2018-06-01"
USER_AGENT = "asgi-lambda-stream"

_NEXT = f"{VERSION}/runtime/invocation/next"

MAX_BROKEN_EVENTS = 3
"""How many connections in succession may break in the middle of an event."""


class RuntimeClient:
    """The Runtime API over one kept-alive connection, for one invocation at a time."""

    def __init__(self, address: str) -> None:
        """Keep the ``host:port`` of the Runtime API; `next` or `ensure_connection` connects."""
        self._address = address
        self._headers = {"Host": address, "User-Agent": USER_AGENT}
        self._connection: Connection | None = None
        streaming = {**self._headers, "Lambda-Runtime-Function-Response-Mode": "streaming"}
        self._streaming = chunked_fields(streaming)
        self._next = request("GET", _NEXT, self._headers)

    @property
    def connection(self) -> Connection | None:
        """The connection, or None if it is lost or not open yet."""
        return None if self._connection is None or self._connection.lost else self._connection

    async def ensure_connection(self) -> None:
        """Open a connection, or replace a lost one, for an event that another client has received.

        Raises:
            OSError: no connection to the Runtime API can be made.
        """
        connection = self._connection
        if connection is None or connection.is_stale():
            self.close()
            self._connection = await connect(self._address)

    def ask(self, on_reply: OnReply) -> bool:
        """Send the request for an event if a connection is open; return whether it was sent."""
        connection = self._connection
        if connection is None or connection.lost:
            return False
        connection.on_reply = on_reply
        connection.write(self._next)
        return True

    async def next(self, reply: ApiReply | None = None) -> Invocation:
        """Wait for an event, for as long as it takes.

        Args:
            reply: the reply to `ask`, if `ask` has sent the request.

        Raises:
            RuntimeApiError: the request was refused; the runtime should end.
            ProtocolError: the reply is not an event.
            OSError: no connection to the Runtime API can be made.
        """
        if reply is None:
            reply = await self._event()
        if reply.status != 200:
            raise _refused("GET /runtime/invocation/next", reply)
        if self.connection is None:  # this reply closed it, and a stream needs an open connection
            self._connection = await connect(self._address)
        return Invocation.parse(reply)

    def response_head(self, invocation: Invocation, content_type: str) -> bytes:
        """Return the head of a streamed response; its chunks follow on `connection`."""
        path = f"{VERSION}/runtime/invocation/{invocation.request_id}/response"
        headers = {"Content-Type": content_type}
        if NONCE in invocation.headers:
            headers |= invocation.echo
        return header_lines(headers, f"POST {path} HTTP/1.1") + self._streaming

    async def respond(self, invocation: Invocation, payload: bytes, content_type: str) -> ApiReply:
        """Post a buffered response."""
        path = f"{VERSION}/runtime/invocation/{invocation.request_id}/response"
        headers = {**self._headers, "Content-Type": content_type, **invocation.echo}
        return await self._post(path, headers, payload)

    async def error(self, invocation: Invocation, error: BaseException) -> ApiReply:
        """Report that the invocation failed before its response began."""
        described = error_object(error, invocation.request_id)
        path = f"{VERSION}/runtime/invocation/{invocation.request_id}/error"
        cause = xray_cause(error, described)
        headers = {} if cause is None else {"Lambda-Runtime-Function-XRay-Error-Cause": cause}
        return await self._post_error(path, described, headers | invocation.echo)

    async def init_error(self, error: BaseException, kind: str = "") -> None:
        """Report that the environment cannot start. The runtime must end after this call.

        ``kind`` is the error type for Lambda; by default, the type of ``error``.

        Raises:
            RuntimeApiError: the report was refused.
        """
        await self._report(f"{VERSION}/runtime/init/error", error, kind)

    async def restore_next(self) -> None:
        """Let Lambda take the snapshot, and return in an environment restored from the snapshot.

        Raises:
            RuntimeApiError: Lambda refused.
        """
        path = f"{VERSION}/runtime/restore/next"
        reply = await self._call(request("GET", path, self._headers))
        if reply.status != 200:
            raise _refused(f"GET {path}", reply)

    async def restore_error(self, error: BaseException, kind: str) -> None:
        """Report that the restored environment cannot serve. The runtime must end after this call.

        Raises:
            RuntimeApiError: the report was refused.
        """
        await self._report(f"{VERSION}/runtime/restore/error", error, kind)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def abort(self) -> None:
        """Close the connection, whose other side does not read the rest of a request."""
        if self._connection is not None:
            self._connection.abort()

    async def _event(self) -> ApiReply:
        """Ask for an event; if the connection breaks in the middle of the event, ask again."""
        for _ in range(MAX_BROKEN_EVENTS):
            try:
                return await self._call(self._next)
            except ConnectionResetError:
                if self._connection is None or not self._connection.interrupted:
                    raise
        return await self._call(self._next)

    async def _report(self, path: str, error: BaseException, kind: str) -> None:
        described = error_object(error)
        more = {"Lambda-Runtime-Function-Error-Type": kind} if kind else {}
        reply = await self._post_error(path, described, more)
        if reply.status != 202:
            raise _refused(f"POST {path}", reply)

    async def _post_error(self, path: str, error: ErrorObject, more: dict[str, str]) -> ApiReply:
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": error_type_header(error),
            **more,
        }
        return await self._post(path, headers, error_report(error))

    async def _post(self, path: str, headers: dict[str, str], payload: bytes) -> ApiReply:
        """Send an outcome. A 403 for the repeated request means that the first one was accepted.

        Raises:
            NotPosted: no connection can be made to send the outcome.
            ConnectionResetError: the request was sent, but there is no reply.
            ProtocolError: the request was sent, but the reply is malformed.
        """
        first = self.connection
        try:
            reply = await self._call(request("POST", path, headers, payload))
        except ConnectionResetError:
            raise
        except OSError as error:
            raise NotPosted(f"POST {path} could not be sent: {error}") from error
        if reply.status == 403 and first not in (None, self._connection):
            return reply._replace(status=202)
        return reply

    async def _call(self, data: bytes) -> ApiReply:
        """Send a whole request and return the reply.

        A kept-alive connection may be stale, because an environment can be frozen for hours. Then
        the request is sent again on a new connection. A repeated outcome is safe: it has the id of
        its invocation, and the Runtime API accepts one outcome for each invocation. A repeated
        ``next`` gets the same event, which still has no outcome.
        """
        connection = self.connection
        if connection is not None:
            try:
                return await _send(connection, data)
            except ConnectionError:
                pass
        self._connection = connection = await connect(self._address)
        return await _send(connection, data)


def _send(connection: Connection, data: bytes) -> Future[ApiReply]:
    """Send a whole request; return the future of the reply."""
    reply = connection.expect()
    connection.write(data)
    return reply


class BlockingClient:
    """The Runtime API over a blocking socket, for code that runs while the event loop is paused.

    The socket belongs to no event loop, so a thread of the app that runs the loop cannot read it.
    """

    def __init__(self, address: str) -> None:
        """Keep the ``host:port`` of the Runtime API; the first request connects."""
        self._address = address
        self._headers = {"Host": address, "User-Agent": USER_AGENT}
        self._next = request("GET", _NEXT, self._headers)
        self._reader = ReplyReader()
        self._socket: socket.socket | None = None
        self._is_sent = False  #: the whole of the latest request was sent
        self._is_repeated = False  #: it was sent a second time

    def next(self) -> ApiReply:
        """Wait for an event, for as long as it takes.

        Raises:
            RuntimeApiError: the request was refused; the runtime should end.
            ProtocolError: the reply is not HTTP/1.1.
            OSError: no connection to the Runtime API can be made.
        """
        for _ in range(MAX_BROKEN_EVENTS):
            reply = self._call(self._next)
            if reply is not None:
                break
        else:
            raise ConnectionResetError("The connection broke in the middle of each event.")
        if not 200 <= reply.status < 300:
            raise _refused("GET /runtime/invocation/next", reply)
        return reply

    def post(self, call: str, headers: dict[str, str], payload: bytes) -> None:
        """Post an outcome; ``call`` is the request id and ``/response`` or ``/error``.

        A 403 for a repeated request means that the first one was accepted.

        Raises:
            RuntimeApiError: the outcome was refused.
            ProtocolError: the reply is not HTTP/1.1.
            OSError: there is no connection to the Runtime API, or no reply.
        """
        path = f"{VERSION}/runtime/invocation/{call}"
        reply = self._call(request("POST", path, self._headers | headers, payload))
        if reply is None:
            raise ConnectionResetError("The connection broke in the middle of the reply.")
        is_accepted = 200 <= reply.status < 300 or (reply.status == 403 and self._is_repeated)
        if not is_accepted:
            raise _refused(f"POST {path}", reply)

    def close(self) -> None:
        """Close the connection."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _call(self, data: bytes) -> ApiReply | None:
        """Send a request; return the reply, or None if the connection breaks in the middle of it.

        An environment can be frozen for hours, so a kept-alive connection may be stale, and an app
        may close all file descriptors. Then the request is sent again on a new connection.
        """
        self._is_repeated = False
        while True:
            is_new = self._socket is None
            connection = self._socket or self._connect()
            try:
                return self._exchange(connection, data)
            except OSError as error:
                # A TimeoutError without a number was raised by a signal handler of the app.
                if error.errno is None and not isinstance(error, ConnectionError):
                    raise
                if self._reader.begun:
                    return None
                if is_new:
                    raise
                self._is_repeated = self._is_sent

    def _connect(self) -> socket.socket:
        connection = open_socket(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader, self._socket = ReplyReader(), connection
        return connection

    def _exchange(self, connection: socket.socket, data: bytes) -> ApiReply:
        reply = None
        self._is_sent = False
        try:
            if len(data) <= READ_BUFFER_BYTES:
                connection.sendall(data)
                self._is_sent = True
            else:
                self._is_sent = _send_large(connection, data)
            while reply is None:
                read = connection.recv(READ_BUFFER_BYTES)
                reply = self._reader.feed(read) if read else self._reader.eof()
                if reply is None and not read:
                    raise ConnectionResetError("The Runtime API closed the connection.")
        finally:
            # No reply: an error, or an exception of a signal handler in the middle of the exchange.
            if reply is None or not (reply.keep_alive and self._is_sent):
                self.close()
        return reply


def _send_large(connection: socket.socket, data: bytes) -> bool:
    """Send ``data``; return False if the Runtime API replies, or ends, before its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLOUT)
    rest = memoryview(data)
    while rest:
        [(_, ready)] = poll.poll()
        if ready != select.POLLOUT:
            return False
        rest = rest[connection.send(rest, socket.MSG_DONTWAIT) :]
    return True


def _refused(request: str, reply: ApiReply) -> RuntimeApiError:
    return RuntimeApiError(request, reply.status, reply.body.decode("utf-8", "replace"))
