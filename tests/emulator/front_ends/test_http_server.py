from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from adapter.emulator.front_ends.http_server import CollectingTransport, serve
from adapter.emulator.front_ends.listening import listen

if TYPE_CHECKING:
    from collections.abc import MutableMapping

pytestmark = pytest.mark.anyio

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN = b"no size\r\n"


async def test_small_chunks_are_not_kept_back() -> None:
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(
            sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for sock in accepted_sockets(scope["client"])
        )
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with serve(app, listening), httpx.AsyncClient() as client:
            assert (await client.get(url)).status_code == 204
    assert seen == [1]


class Written(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append(b"closed")


async def test_what_is_written_in_one_turn_of_the_loop_is_one_write() -> None:
    written = Written()
    transport = CollectingTransport(written)
    for piece in (b"head ", b"body ", b"", b"end"):
        transport.write(piece)
    assert written.calls == []
    await asyncio.sleep(0)
    assert written.calls == [b"head body end"]
    transport.write(b"next")
    transport.close()
    await asyncio.sleep(0)
    assert written.calls == [b"head body end", b"next", b"closed"]


def accepted_sockets(client: tuple[str, int]) -> list[Any]:
    """Find the server's end of a connection among the transports of the running loop."""
    transports: MutableMapping[int, asyncio.Transport] = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
    sockets = (transport.get_extra_info("socket") for transport in transports.values())
    return [sock for sock in sockets if sock and sock.getpeername()[:2] == client]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_unfinished_stream_closes_the_connection(host: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})

    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        async with serve(app, listening), await anyio.connect_tcp(host, port) as stream:
            await stream.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            async for data in stream:
                received += data
    assert received.endswith(b"\r\n4\r\npart\r\n")


@pytest.mark.parametrize("pieces", [[HEAD + BROKEN], [HEAD, BROKEN]], ids=["at-once", "later"])
async def test_a_body_that_breaks_after_the_response_is_not_logged_as_an_error_of_the_app(
    pieces: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body"})

    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        async with serve(app, listening), await anyio.connect_tcp("127.0.0.1", port) as stream:
            first, *rest = pieces
            await stream.send(first)
            received = await stream.receive()
            for piece in rest:
                await stream.send(piece)
            async for data in stream:
                received += data
    assert received.count(b"HTTP/1.1 ") == 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


TWO_LENGTHS = (
    b"POST /two HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
SOUND = b"POST /one HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize("before", [b"", SOUND], ids=["first", "second"])
async def test_a_request_with_two_lengths_is_refused_and_its_connection_closed(
    before: bytes,
) -> None:
    paths: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        async with serve(app, listening), await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(before + TWO_LENGTHS + SOUND)
            received = b"".join([data async for data in stream])
    statuses = [line.split()[1] for line in received.split(b"\r\n") if line.startswith(b"HTTP/")]
    assert statuses == ([b"204", b"400"] if before else [b"400"])
    assert paths == (["/one"] if before else [])
