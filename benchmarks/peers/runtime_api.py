"""A Runtime API for any client, extensions included. Each connection has a thread."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress

from ..runtime_api import ACCEPTED, event_response

SENT = re.compile(rb"sent: (\d+)\n")
END_OF_CHUNKS = b"0\r\n\r\n"
REGISTERED = (
    b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: 1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 70\r\n\r\n"
    b'{"functionName":"bench","functionVersion":"$LATEST","handler":"bench"}'
)


class RuntimeApi:
    """Delivers an event once for each call that ``deliver`` allows; until then `next` waits.

    ``first_byte`` is the time of the first byte of a response's body, by ``time.perf_counter()``.
    ``delays`` has the nanoseconds between a time stamp that the app sent and its arrival here.
    ``last`` is the end of the latest response, and ``failures`` are requests that report an error.
    """

    def __init__(self, *, quick_ack: bool = False) -> None:
        self.first_byte = 0.0
        self.delays: list[int] = []
        self.last = b""
        self.failures: list[bytes] = []
        self._quick_ack = quick_ack
        self._calls = 0
        self._delivered = 0
        self._responses = 0
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def deliver(self, calls: int) -> None:
        """Deliver ``calls`` more events."""
        with self._changed:
            self._calls += calls
            self._changed.notify_all()

    def is_served(self, seconds: float) -> bool:
        """Wait for all responses, or for a failure; return whether all responses are in."""
        with self._changed:
            return (
                self._changed.wait_for(
                    lambda: bool(self.failures) or self._responses == self._calls, timeout=seconds
                )
                and not self.failures
            )

    def close(self) -> None:
        """Accept no further connection."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            rest = b""
            while True:
                head, rest = self._head(connection, rest)
                if head.startswith(b"POST") and b"/response" in head.split(b"\r\n", 1)[0]:
                    self._take_response(connection, head, rest)
                    rest = b""
                    connection.sendall(ACCEPTED)
                    with self._changed:
                        self._responses += 1
                        self._changed.notify_all()
                elif b"/extension/register" in head:
                    self._body(connection, head, rest)
                    rest = b""
                    connection.sendall(REGISTERED)
                elif head.startswith(b"GET") and b"/invocation/next" in head:
                    connection.sendall(event_response(self._next_number()))
                elif head.startswith(b"GET"):  # an extension's next event
                    connection.recv(1)
                    return
                else:
                    with self._changed:
                        self.failures.append(head + self._body(connection, head, rest))
                        self._changed.notify_all()
                    return

    def _next_number(self) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._delivered < self._calls)
            self._delivered += 1
            return self._delivered

    def _receive(self, connection: socket.socket) -> bytes:
        if self._quick_ack:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        data = connection.recv(1 << 20)
        if not data:
            raise ConnectionError("the runtime closed the connection")
        return data

    def _head(self, connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
        while b"\r\n\r\n" not in data:
            data += self._receive(connection)
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _body(self, connection: socket.socket, head: bytes, data: bytes) -> bytes:
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if length is not None:
            while len(data) < int(length[1]):
                data += self._receive(connection)
            return data
        while not data.endswith(END_OF_CHUNKS):
            data += self._receive(connection)
        return data

    def _take_response(self, connection: socket.socket, head: bytes, data: bytes) -> None:
        """Read a response, of which only the end is kept, so that reading costs little."""
        if b"\r\ntransfer-encoding: chunked" not in head.lower():
            data = data or self._receive(connection)
            self.first_byte = self.first_byte or time.perf_counter()
            self.last = self._body(connection, head, data)
            return
        tail = b""
        while True:
            if data:
                self.first_byte = self.first_byte or time.perf_counter()
                now = time.monotonic_ns()
                self.delays += [now - int(sent) for sent in SENT.findall(data)]
                tail = (tail + data)[-256:]
                if tail.endswith(END_OF_CHUNKS):
                    break
            data = self._receive(connection)
        self.last = tail
