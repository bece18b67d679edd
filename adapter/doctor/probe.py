"""Sends one request to any HTTP server, and records when each byte of the response came.

It uses h11 on a socket, because an HTTP client would hide chunks, trailers and how a body ends.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSAttribute

from ..diagnosis.observation import Chunk
from ..emulator.commands.request_options import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import ByteStream

READ_BYTES = 64 * 1024
MAX_HEAD_BYTES = 1024 * 1024
MAX_START_BYTES = 1024
MAX_CHUNKS = 10_000
CONNECT_SECONDS = 10.0

LOST = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError)

Fields = list[tuple[str, str]]


class ProbeRequest(NamedTuple):
    """A request to send."""

    url: str
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass
class ProbedResponse:
    """The response to a probe. Times are in seconds since the request was sent."""

    connect_seconds: float = 0.0
    peer: str = ""
    tls: str = ""
    protocol: str = ""
    status: int | None = None
    reason: str = ""
    headers: Fields = field(default_factory=list)
    head_at: float | None = None
    head_bytes: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    http_chunks: int = 0  #: chunks of the transfer encoding
    body_start: bytes = b""
    trailers: Fields = field(default_factory=list)
    broken: str = ""
    stopped: bool = False  #: the probe stopped reading
    duration: float = 0.0

    def take_data(self, at: float, data: bytes, *, starts_chunk: bool) -> None:
        """Record bytes of the body."""
        self.http_chunks += starts_chunk
        if len(self.chunks) < MAX_CHUNKS:
            self.chunks.append(Chunk(at, len(data)))
        else:
            self.chunks[-1] = Chunk(at, self.chunks[-1].size + len(data))
        self.body_start += data[: MAX_START_BYTES - len(self.body_start)]


async def probe(request: ProbeRequest, seconds: float) -> ProbedResponse:
    """Send a request and read the response for at most ``seconds``.

    Raises:
        OSError: the server cannot be reached.
    """
    seen = ProbedResponse()
    started = monotonic()
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            stream = await connect(request.url, seen)
    except TimeoutError:
        raise TimeoutError(f"no connection within {CONNECT_SECONDS:g} s") from None
    except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise ConnectionError("closed by the server during the TLS handshake") from error
    seen.connect_seconds = monotonic() - started
    seen.peer = str(stream.extra(SocketAttribute.remote_address)[0])
    async with stream:
        await exchange(stream, request, seen, seconds)
    return seen


async def connect(address: str, seen: ProbedResponse) -> ByteStream:
    """Open a connection to the server of a URL."""
    url = urlsplit(address)
    host = url.hostname or ""
    if url.scheme != "https":
        return await anyio.connect_tcp(host, url.port or 80)
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    stream = await anyio.connect_tcp(
        host, url.port or 443, tls=True, ssl_context=context, tls_standard_compatible=False
    )
    seen.tls = str(stream.extra(TLSAttribute.tls_version))
    return stream


async def exchange(
    stream: ByteStream, request: ProbeRequest, seen: ProbedResponse, seconds: float
) -> None:
    """Send the request and read the response on an open connection."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    sent = encode(request, http)
    started = monotonic()
    seen.stopped = True  # unless the response ends in time
    with anyio.move_on_after(seconds):
        try:
            await stream.send(sent)
            await read_response(stream, http, seen, started)
        except h11.RemoteProtocolError as error:
            seen.broken = str(error)
        except LOST as error:
            seen.broken = f"the connection was lost ({type(error).__name__})"
        seen.stopped = False
    seen.duration = monotonic() - started


def encode(request: ProbeRequest, http: h11.Connection) -> bytes:
    """Return the request in the bytes that are sent.

    Raises:
        h11.LocalProtocolError: HTTP does not allow the request.
    """
    events: list[h11.Event] = [head_of(request)]
    if request.body:
        events.append(h11.Data(data=request.body))
    return b"".join(http.send(event) or b"" for event in (*events, h11.EndOfMessage()))


def head_of(request: ProbeRequest) -> h11.Request:
    """Return the head of the request; the user's headers replace the default ones."""
    url = urlsplit(request.url)
    fields = {
        "Host": url.netloc.rpartition("@")[2],
        "User-Agent": "adapter-doctor",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate, br",
        "Connection": "close",
    }
    if request.body:
        fields["Content-Length"] = str(len(request.body))
    given = {name.lower() for name, _ in request.headers}
    kept = [(name, value) for name, value in fields.items() if name.lower() not in given]
    target = encoded((url.path or "/") + (f"?{url.query}" if url.query else ""))
    # A shell may pass bytes that are not UTF-8. They are sent as they are.
    headers = [(name.encode(), os.fsencode(value)) for name, value in (*kept, *request.headers)]
    return h11.Request(method=request.method, target=target, headers=headers)


async def read_response(
    stream: ByteStream, http: h11.Connection, seen: ProbedResponse, started: float
) -> None:
    """Read the response to its end.

    Raises:
        h11.RemoteProtocolError: it is not HTTP, or it broke off.
    """
    at = 0.0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            try:
                data = await stream.receive(READ_BYTES)
            except anyio.EndOfStream:
                data = b""
            at = monotonic() - started
            seen.head_bytes += len(data) if seen.head_at is None else 0
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            take_head(event, http, seen, at)
        elif isinstance(event, h11.Data):
            seen.take_data(at, bytes(event.data), starts_chunk=event.chunk_start)
        elif isinstance(event, h11.EndOfMessage):
            seen.trailers = decoded(event.headers)
            return
        elif isinstance(event, h11.ConnectionClosed):
            seen.broken = "the server closed the connection without a response"
            return


def take_head(
    response: h11.Response, http: h11.Connection, seen: ProbedResponse, at: float
) -> None:
    """Record status and headers."""
    seen.head_at = at
    seen.head_bytes -= len(http.trailing_data[0])
    seen.status = response.status_code
    seen.reason = bytes(response.reason).decode("latin-1")
    seen.headers = decoded(response.headers)
    seen.protocol = f"HTTP/{bytes(response.http_version).decode()}"


def decoded(fields: Sequence[tuple[bytes, bytes]]) -> Fields:
    """Return header fields as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
