"""A runtime of raw sockets, for the tests: it runs the script named on its command line.

`python raw_runtime.py FILE` executes FILE once, with the functions of this module in reach.
Nothing here comes from the package under test.
"""

from __future__ import annotations

import os
import runpy
import socket
import sys

HOST = f"Host: {os.environ['AWS_LAMBDA_RUNTIME_API']}"
API = "/2018-06-01/runtime"
MODE = "Lambda-Runtime-Function-Response-Mode: streaming"
TRAILER = "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
PRELUDE = "Content-Type: application/vnd.awslambda.http-integration-response"


class Client:
    """One connection to the Runtime API."""

    def __init__(self) -> None:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def head(self, method: str, path: str, *headers: str) -> None:
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", HOST, *headers, "", ""]))

    def chunk(self, data: bytes | str) -> None:
        raw = data.encode() if isinstance(data, str) else data
        self.send(b"%x\r\n%s\r\n" % (len(raw), raw))

    def end(self, *trailers: str) -> None:
        self.send("".join(f"{line}\r\n" for line in ("0", *trailers, "")))

    def receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def read(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self.receive()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        text, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = text.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        status = int(first.split()[1])
        if status == 100:
            return status, headers, b""
        return status, headers, self.read(int(headers.get("content-length", "0")))

    def call(
        self, method: str, path: str, *headers: str, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        self.head(method, path, *headers, f"Content-Length: {len(body)}")
        self.send(body)
        return self.reply()

    def next(self) -> tuple[str, bytes]:
        """Wait for an event; return its request id and its bytes."""
        status, headers, body = self.call("GET", f"{API}/invocation/next")
        assert status == 200, (status, body)
        return headers["lambda-runtime-aws-request-id"], body

    def stream(self, request_id: str, *headers: str) -> None:
        """Open a streamed response with a prelude."""
        path = f"{API}/invocation/{request_id}/response"
        self.head(
            "POST", path, MODE, TRAILER, "Transfer-Encoding: chunked", *(headers or (PRELUDE,))
        )


if __name__ == "__main__":
    runpy.run_path(sys.argv[1], init_globals=globals())
