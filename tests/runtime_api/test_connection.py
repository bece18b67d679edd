from __future__ import annotations

import asyncio
import socket
import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import uvloop

from adapter.runtime_api.connection import (
    READ_BUFFER_BYTES,
    Connection,
    connect,
    open_socket,
)
from adapter.runtime_api.wire import ProtocolError, request
from tests.support.fake_runtime_api import Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.anyio

UNUSED = "127.0.0.1:1"
GET = request("GET", "/", {"Host": "x"})


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return "asyncio", {"loop_factory": loops[request.param]}


@asynccontextmanager
async def connected(host: str = "127.0.0.1") -> AsyncIterator[tuple[Connection, Peer]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        connection = await connect(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        peer = Peer(listener.accept()[0])
        yield connection, peer
        connection.close()
        peer.close()


async def test_a_reply_may_arrive_byte_by_byte() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi":
            peer.send(bytes((byte,)))
            await asyncio.sleep(0)
        response = await reply
        assert (response.status, response.body, connection.lost) == (200, b"hi", False)


async def test_connections_of_one_event_loop_share_their_read_buffer() -> None:
    Connection()
    tracemalloc.start()
    connections = [Connection() for _ in range(8)]
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(connections) == 8
    assert allocated < READ_BUFFER_BYTES


async def test_replies_that_arrive_at_the_same_time_on_two_connections_are_not_mixed() -> None:
    async with connected() as (first, peer), connected() as (second, other):
        replies = [connection.expect() for connection in (first, second)]
        first.write(GET)
        second.write(GET)
        bodies = [letter * 1024 * 1024 for letter in (b"a", b"b")]
        await asyncio.gather(
            asyncio.to_thread(peer.reply, 200, bodies[0]),
            asyncio.to_thread(other.reply, 200, bodies[1]),
        )
        assert [reply.body for reply in await asyncio.gather(*replies)] == bodies


async def test_event_loops_do_not_share_a_read_buffer_because_their_threads_may_read_at_once() -> (
    None
):
    async def buffer_of_a_connection() -> memoryview:
        return Connection().get_buffer(-1)

    own = await buffer_of_a_connection()
    other = await asyncio.to_thread(asyncio.run, buffer_of_a_connection())
    other[:1], own[:1] = b"b", b"a"
    assert (bytes(own[:1]), bytes(other[:1])) == (b"a", b"b")


async def test_a_reply_larger_than_the_buffer_arrives_whole() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        body = bytes(range(256)) * 4096  # 1 MiB
        await asyncio.to_thread(peer.reply, 200, body)
        assert (await reply).body == body


async def test_one_exchange_follows_another_on_the_same_connection() -> None:
    async with connected() as (connection, peer):
        for number in range(3):
            reply = connection.expect()
            connection.write(GET)
            peer.reply(200 + number)
            assert (await reply).status == 200 + number


async def test_an_IPv6_address_is_written_in_brackets() -> None:
    async with connected("::1") as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        peer.reply(204)
        assert (await reply).status == 204


class ProxySocket(socket.socket):
    def connect(self, address: object) -> None:
        raise ConnectionRefusedError("no proxy")


@pytest.fixture
def proxied() -> Iterator[None]:
    """An app that sends all its connections through a proxy, as PySocks does."""
    original = socket.socket
    socket.socket = ProxySocket  # type: ignore[misc]
    yield
    socket.socket = original  # type: ignore[misc]


@pytest.mark.usefixtures("proxied")
async def test_a_socket_class_of_the_app_is_not_used() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        peer.reply(204)
        assert (await reply).status == 204
    with pytest.raises(ConnectionRefusedError, match="refused"):
        await connect(UNUSED)


def test_a_blocking_connection_says_why_it_is_refused() -> None:
    with pytest.raises(ConnectionRefusedError, match="refused"):
        open_socket(UNUSED)


async def test_the_kernel_sends_a_small_message_at_once() -> None:
    async with connected() as (connection, _):
        assert connection._transport is not None
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", ConnectionError, id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", ConnectionError, id="half-a-head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", ConnectionError, id="body"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", ProtocolError, id="garbage"),
    ],
)
async def test_a_connection_that_ends_without_a_reply_raises_what_was_wrong(
    data: bytes, error: type[Exception]
) -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        peer.send(data)
        peer.close()
        with pytest.raises(error):
            await reply
        assert connection.lost


async def test_a_reply_that_announces_the_end_closes_the_connection() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        peer.reply(200, Connection="close")
        assert (await reply).status == 200
        assert connection.lost
        await asyncio.to_thread(peer.wait_closed)


async def test_a_reply_without_a_request_closes_the_connection() -> None:
    async with connected() as (connection, peer):
        peer.reply(408)  # as servers do to a connection that has been idle for long
        await asyncio.to_thread(peer.wait_closed)
        assert connection.lost


async def test_a_reply_to_a_request_that_was_given_up_is_ignored() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        connection.write(GET)
        reply.cancel()
        peer.reply(200, Connection="close")
        await asyncio.to_thread(peer.wait_closed)


async def test_a_write_to_a_lost_connection_is_dropped_because_its_reply_tells() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        peer.reset()
        with pytest.raises(ConnectionError):
            await reply
        for _ in range(10):
            connection.write(b"x")
        await connection.drain()


async def waits_for_reader(connection: Connection) -> asyncio.Task[None]:
    """Write more than the socket takes, and return a task that waits in `drain`."""
    connection.write(bytes(64 * 1024 * 1024))
    draining = asyncio.create_task(connection.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    return draining


async def test_whoever_waits_for_the_reader_is_woken_when_it_hangs_up() -> None:
    async with connected() as (connection, peer):
        reply = connection.expect()
        draining = await waits_for_reader(connection)
        peer.reset()
        await draining
        with pytest.raises(ConnectionError):
            await reply


async def test_whoever_waits_for_the_reader_is_woken_when_the_connection_is_aborted() -> None:
    async with connected() as (connection, _):
        draining = await waits_for_reader(connection)
        connection.abort()
        await draining
        assert connection.lost


async def test_a_connection_is_stale_when_its_end_is_there_though_the_loop_has_not_run() -> None:
    async with connected() as (connection, peer):
        assert not connection.is_stale()
        peer.close()
        assert (connection.lost, connection.is_stale()) == (False, True)


async def test_connecting_where_nobody_listens_is_an_OSError() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await connect(f"127.0.0.1:{port}")
