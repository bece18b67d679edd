from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import h11
import pytest

from adapter.errors import ClientDisconnected
from adapter.invocation.claim import ClaimInput
from adapter.runtime_api.client import RuntimeClient
from adapter.runtime_api.delivery import Delivery
from adapter.runtime_api.runtime_stream import RuntimeStream
from tests.support.fake_runtime_api import NEXT, Peer, Request, error_of, response_of
from tests.support.stream_contract import StreamContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from adapter.runtime_api.invocation import Invocation
    from adapter.streams.response_stream import ResponseStream


class Server:
    """A Runtime API in threads: delivers events, accepts every response and keeps it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"
        self.responses: list[Request] = []
        self._peers: list[Peer] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                peer = Peer(self._listener.accept()[0])
                self._peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: Peer) -> None:
        with suppress(OSError, h11.RemoteProtocolError, AssertionError):
            while True:
                request = peer.read()
                if request.call == NEXT:
                    peer.event({})
                else:
                    self.responses.append(request)
                    peer.accept()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread would wait for ever
        self._listener.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class ClaimedStream(RuntimeStream):
    """The stream of a handler that the runtime calls itself."""

    def __init__(self, client: RuntimeClient, invocation: Invocation) -> None:
        self.delivery = Delivery(client, invocation)
        self.delivery.enter(ClaimInput.CALL)
        super().__init__(self.delivery)


async def open_stream(server: Server) -> tuple[RuntimeClient, ClaimedStream]:
    client = RuntimeClient(server.address)
    return client, ClaimedStream(client, await client.next())


class TestRuntimeStream(StreamContract):
    @pytest.fixture
    async def stream(self, server: Server) -> AsyncIterator[ResponseStream]:
        self.server = server
        client, stream = await open_stream(server)
        self.spare = RuntimeClient(server.address)
        self.invocation: Invocation = await self.spare.next()
        yield stream
        if not stream.closed:
            stream.disconnect("the test is over")
        client.close()
        self.spare.close()

    async def outcome(self, stream: ResponseStream) -> Request:
        assert isinstance(stream, ClaimedStream)
        assert (await stream.delivery.reply()).status == 202
        [request] = self.server.responses
        return request

    async def received(self, stream: ResponseStream) -> list[bytes]:
        request = await self.outcome(stream)
        return [] if request.call == error_of("id-1") else request.chunks

    async def failure(self, stream: ResponseStream) -> str | None:
        request = await self.outcome(stream)
        if request.call == error_of("id-1"):
            return str(request.json["errorType"])
        if not request.trailers:
            return None
        body = base64.b64decode(request.trailers["lambda-runtime-function-error-body"])
        return str(json.loads(body)["errorType"])

    async def test_one_that_was_started_and_never_ended_warns(self, stream: ResponseStream) -> None:
        """Its connection holds it; so the worker says it, for whom it has an invocation id too."""

    def another(self, stream: ResponseStream) -> ResponseStream:
        return ClaimedStream(self.spare, self.invocation)


@pytest.mark.anyio
async def test_the_content_type_of_the_stream_is_the_content_type_of_the_request(
    server: Server,
) -> None:
    client, stream = await open_stream(server)
    stream.set_content_type("text/event-stream")
    await stream.writelines((b"data: 1\n\n",), end=True)
    await stream.delivery.reply()
    assert server.responses[0].headers["content-type"] == "text/event-stream"
    client.close()


@pytest.mark.anyio
async def test_a_head_that_cannot_be_sent_leaves_the_invocation_open_for_an_error_report(
    server: Server,
) -> None:
    client, stream = await open_stream(server)
    stream.content_type = "日本"
    with pytest.raises(UnicodeEncodeError) as caught:
        await stream.write(b"one")
    assert not stream.delivery.sent
    stream.fail(caught.value)
    assert (await stream.delivery.reply()).status == 202
    [request] = server.responses
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "UnicodeEncodeError")
    client.close()


@pytest.mark.anyio
async def test_a_buffered_response_ends_a_stream_that_was_not_written_to(server: Server) -> None:
    client, stream = await open_stream(server)
    stream.respond({"statusCode": 200})
    assert (stream.closed, stream.started) == (True, False)
    assert (await stream.delivery.reply()).status == 202
    [request] = server.responses
    assert (request.call, request.json) == (response_of("id-1"), {"statusCode": 200})
    client.close()


@pytest.mark.anyio
async def test_a_stream_whose_connection_is_gone_before_its_first_byte_fails_its_invocation(
    server: Server,
) -> None:
    client, stream = await open_stream(server)
    client.close()
    with pytest.raises(ClientDisconnected, match="lost before the response"):
        await stream.write(b"one")
    assert (await stream.delivery.reply()).status == 202
    [request] = server.responses
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ClientDisconnected")
    client.close()


@asynccontextmanager
async def unread_stream() -> AsyncIterator[tuple[Peer, ClaimedStream]]:
    """A stream whose other side reads nothing until the test does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        client = RuntimeClient(f"{host}:{port}")
        asking = asyncio.create_task(client.next())
        peer = Peer((await asyncio.to_thread(listener.accept))[0])
        await asyncio.to_thread(peer.deliver, {})
        yield peer, ClaimedStream(client, await asking)
        peer.close()
        client.close()


@pytest.mark.anyio
async def test_many_writers_that_wait_for_a_slow_reader_are_all_woken() -> None:
    size = 16 * 1024 * 1024
    async with unread_stream() as (peer, stream):
        writers = [asyncio.create_task(stream.write(bytes(size))) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(writer.done() for writer in writers)
        request = await asyncio.to_thread(peer.head)
        received = 0
        while received < size * len(writers):
            received += len(await asyncio.to_thread(peer.chunk, request))
        await asyncio.gather(*writers)
        await stream.aclose()
        assert await asyncio.to_thread(peer.chunk, request) == b""


@pytest.mark.anyio
async def test_a_writer_that_waits_is_woken_by_a_refusal_though_the_other_side_stays() -> None:
    async with unread_stream() as (peer, stream):
        writer = asyncio.create_task(stream.write(bytes(16 * 1024 * 1024)))
        sent = -1
        while stream.body_bytes != sent:  # until the buffers of the kernel are full
            sent = stream.body_bytes
            await asyncio.sleep(0.05)
        peer.refuse(413)  # reads no more, and does not close the connection
        with pytest.raises(ClientDisconnected, match="refused the response with 413"):
            await writer
        assert (await stream.delivery.reply()).status == 413


@pytest.mark.anyio
@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
async def test_a_connection_is_not_used_again_after_a_refusal_in_mid_outcome(
    streamed: bool,
) -> None:
    async with unread_stream() as (peer, stream):
        client = stream.delivery.client
        outcome = "x" * (32 * 1024 * 1024)
        if streamed:
            stream.writelines_nowait((outcome.encode(),), end=True)
        else:
            stream.respond(outcome)
        await asyncio.to_thread(peer.head)
        peer.refuse(413)  # reads no more, and does not close the connection
        assert (await stream.delivery.reply()).status == 413
        assert client.connection is None, "the rest of the outcome would come before the request"
