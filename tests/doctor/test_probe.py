"""The request on the wire, and responses whose every byte and moment the test decides."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.abc import SocketAttribute

from adapter.diagnosis.observation import total
from adapter.doctor import probe as doctor_probe
from adapter.doctor.probe import MAX_CHUNKS, ProbedResponse, ProbeRequest, probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import SocketStream

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Error\r\n\r\n"


@asynccontextmanager
async def server(*pieces: bytes | None, heard: list[bytes] | None = None) -> AsyncIterator[str]:
    """Send pieces to each client, one read of the client each; ``None`` keeps the connection."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            if heard is not None:
                heard.append(data)
            for piece in pieces:
                if piece is None:
                    await anyio.sleep_forever()
                else:
                    await stream.send(piece)
                    await anyio.sleep(0.05)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()


async def test_each_piece_has_its_time_and_trailers_are_kept() -> None:
    body = b"1\r\na\r\n", b"2\r\nbc\r\n1\r\nd\r\n", b"0\r\nX-Error: boom\r\n\r\n"
    async with server(CHUNKED, *body) as url:
        seen = await probe(ProbeRequest(url), 10)
    assert [chunk.size for chunk in seen.chunks] == [1, 2, 1]
    assert seen.chunks[0].at < seen.chunks[1].at == seen.chunks[2].at < seen.duration
    assert (seen.http_chunks, seen.body_start) == (3, b"abcd")
    assert seen.trailers == [("x-error", "boom")]
    assert (seen.status, seen.reason, seen.protocol) == (200, "OK", "HTTP/1.1")
    assert seen.head_bytes == len(CHUNKED)
    assert (seen.broken, seen.stopped, seen.peer) == ("", False, "127.0.0.1")


async def test_the_head_is_counted_without_the_body_that_came_with_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with server(head[:20], head[20:] + b"hello") as url:
        seen = await probe(ProbeRequest(url), 10)
    assert (seen.head_bytes, seen.body_start) == (len(head), b"hello")


async def test_the_request_has_what_a_browser_sends_and_what_the_user_adds() -> None:
    heard: list[bytes] = []
    async with server(b"HTTP/1.1 204 No Content\r\n\r\n", heard=heard) as url:
        headers = [("accept", "text/event-stream"), ("X-Key", "k")]
        await probe(ProbeRequest(f"{url}?q=1", "PUT", headers, b"body"), 10)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "put /?q=1 http/1.1"
    assert {"accept: text/event-stream", "x-key: k", "content-length: 4"} <= set(lines)
    assert "accept: */*" not in lines
    assert any(line.startswith("accept-encoding: gzip") for line in lines)
    assert body == b"body"


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        pytest.param([CHUNKED, b"5\r\nhal"], "incomplete chunked read", id="in a chunk"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"], "received 3 bytes", id="short"
        ),
        pytest.param([b"HTTP/1.1 200 OK\r\n"], "", id="in the head"),
        pytest.param([b"no HTTP\r\n\r\n"], "illegal", id="no HTTP"),
        pytest.param([], "", id="nothing"),
    ],
)
async def test_a_response_that_breaks_off_says_how(pieces: list[bytes], reason: str) -> None:
    async with server(*pieces) as url:
        seen = await probe(ProbeRequest(url), 10)
    assert seen.broken
    assert reason in seen.broken


async def test_reading_stops_after_a_time_because_a_stream_may_have_no_end() -> None:
    async with server(CHUNKED, b"1\r\na\r\n", None) as url:
        seen = await probe(ProbeRequest(url), 0.3)
    assert seen.stopped
    assert seen.broken == ""
    assert seen.body_start == b"a"


async def test_a_port_without_a_server_is_an_error() -> None:
    async with server() as url:
        pass
    with pytest.raises(OSError, match="connect"):
        await probe(ProbeRequest(url), 1)


async def test_a_body_of_many_pieces_is_kept_in_bounded_memory() -> None:
    seen = ProbedResponse()
    for number in range(MAX_CHUNKS + 10):
        seen.take_data(float(number), b"xy", starts_chunk=True)
    assert len(seen.chunks) == MAX_CHUNKS
    assert total(seen.chunks) == 2 * seen.http_chunks
    assert len(seen.body_start) == 1024


@pytest.mark.parametrize("resets", [False, True])
async def test_a_server_that_closes_the_connection_during_the_handshake_is_not_reached(
    resets: bool,
) -> None:
    async def refuse(stream: SocketStream) -> None:
        if not resets:  # a socket that is closed with unread bytes resets the connection
            await stream.receive()
        await stream.aclose()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, refuse)
        url = f"https://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        with pytest.raises(ConnectionError, match="during the TLS handshake"):
            await probe(ProbeRequest(url), 10)
        tasks.cancel_scope.cancel()


async def test_a_connection_that_takes_too_long_is_said_to_do_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_probe, "CONNECT_SECONDS", 0)
    async with server() as url:
        with pytest.raises(TimeoutError, match="no connection within 0 s"):
            await probe(ProbeRequest(url), 10)
