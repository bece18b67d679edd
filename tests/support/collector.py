"""A server on loopback in the place of a vendor's: records what the vendor's package sends."""

from __future__ import annotations

import gzip
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "deflate": zlib.decompress,
    "gzip": gzip.decompress,
}


class Sent(NamedTuple):
    """A request to the vendor's server."""

    path: str
    body: bytes  #: decompressed


class Collector(ThreadingHTTPServer):
    """Accepts everything, with `reply` as the body of its responses."""

    daemon_threads = True

    def __init__(self, reply: bytes = b"{}") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.sent: list[Sent] = []

    @property
    def address(self) -> str:
        """``host:port``, with a name that a certificate can have."""
        return f"localhost:{self.server_port}"

    def bodies(self, path: str) -> list[bytes]:
        """Return the bodies that have been sent so far to paths that contain ``path``."""
        return [sent.body for sent in self.sent if path in sent.path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and a body are two writes
    server: Collector

    def _collect(self) -> None:
        if self.headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        decode = DECODERS[self.headers.get("content-encoding", "")]
        self.server.sent.append(Sent(self.path, decode(body)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    do_GET = do_POST = do_PUT = _collect

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        """Print nothing: pytest would show it as the output of the test."""


@contextmanager
def collect(reply: bytes = b"{}", tls: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Run a collector until the block is left."""
    with Collector(reply) as collector:
        if tls is not None:
            collector.socket = tls.wrap_socket(collector.socket, server_side=True)
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()
