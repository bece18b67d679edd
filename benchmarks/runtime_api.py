"""The other end of the benchmarks: a Runtime API that does as little as it can.

It runs in a thread of the benchmark's own process, so the process under test is measured alone.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from adapter.samples.url_event import function_url_event

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = json.dumps(
    function_url_event(
        "/bench",
        query="a=1&b=2",
        headers={
            "accept": "text/html,application/json",
            "accept-encoding": "gzip, br",
            "accept-language": "en",
            "cookie": "session=s3cr3t; theme=dark",
            "user-agent": "benchmark",
            "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
            "x-amzn-tls-version": "TLSv1.3",
            "x-amzn-trace-id": "Root=1-68f0c1d2-3a4b5c6d7e8f901234567890",
        },
    )
).encode()
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)


class RuntimeApi:
    """Replies to `next` with the same event ``calls`` times, then never again.

    ``served`` is set when the last response is in; ``first_next`` is the time of the first
    request; ``bytes_received`` counts what came in response bodies, framing included.
    """

    def __init__(self, calls: int, on_call: Callable[[int], None] = lambda number: None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._on_call = on_call
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls = calls
        self.first_next = 0.0
        self.bytes_received = 0
        self.served = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, suppress(ConnectionError):
            for number in range(self.calls):
                self._read_until(connection, b"\r\n\r\n")
                self.first_next = self.first_next or time.perf_counter()
                self._on_call(number)
                connection.sendall(event_response(number))
                self._read_until(connection, b"\r\n0\r\n\r\n")
                connection.sendall(ACCEPTED)
            self._read_until(connection, b"\r\n\r\n")
            self._on_call(self.calls)
            self.served.set()
            connection.recv(1)  # until the process is killed

    def _read_until(self, connection: socket.socket, end: bytes) -> None:
        tail = b""
        while not tail.endswith(end):
            data = connection.recv(1 << 20)
            if not data:
                raise ConnectionError("the runtime hung up")
            self.bytes_received += len(data)
            tail = (tail + data)[-len(end) :] if len(data) < len(end) else data[-len(end) :]


def event_response(number: int) -> bytes:
    """Return the reply to the ``number``-th `next`."""
    deadline = int(time.time() * 1000) + 30_000
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {number:036d}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline}\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:111122223333:function:b\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-68f0c1d2-3a4b5c6d7e8f901234567890;Sampled=0\r\n"
        f"Content-Length: {len(EVENT)}\r\n\r\n"
    ).encode() + EVENT
