"""What every response stream promises, whatever carries it.

A test module makes a class of its own of `StreamContract`, gives it a ``stream`` fixture, and says
in `received` and `failure` what its reader got.
"""

from __future__ import annotations

import asyncio
import gc
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pytest

from adapter.errors import ClientDisconnected, EventError, StreamClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapter.streams.response_stream import ResponseStream

BOOM = RuntimeError("boom")

WRITES: dict[str, Callable[[ResponseStream], Awaitable[None]]] = {
    "write": lambda stream: stream.write(b"x"),
    "empty-write": lambda stream: stream.write(b""),
    "writelines": lambda stream: stream.writelines((b"x", b"y")),
    "end": lambda stream: stream.writelines((), end=True),
}
ENDINGS: dict[str, Callable[[ResponseStream], Awaitable[None]]] = {
    "aclose": lambda stream: stream.aclose(),
    "last-chunk": lambda stream: stream.writelines((b"last",), end=True),
    "fail": lambda stream: _fail(stream),
}


async def _fail(stream: ResponseStream) -> None:
    stream.fail(BOOM)


@pytest.mark.anyio
class StreamContract(ABC):
    """Inherited by the tests of each stream."""

    @abstractmethod
    async def received(self, stream: ResponseStream) -> list[bytes]:
        """Return the chunks its reader has got, after the stream has ended."""

    @abstractmethod
    async def failure(self, stream: ResponseStream) -> str | None:
        """Return the type of the error its reader has got, after the stream has ended."""

    async def test_every_write_is_a_chunk_of_its_own_in_order(self, stream: ResponseStream) -> None:
        await stream.write(b"one")
        await stream.write("zwölf")
        await stream.writelines((b"two", b"three"))
        await stream.aclose()
        assert await self.received(stream) == [b"one", "zwölf".encode(), b"two", b"three"]
        assert await self.failure(stream) is None

    async def test_nothing_is_sent_for_an_empty_write_because_an_empty_chunk_is_the_end(
        self, stream: ResponseStream
    ) -> None:
        await stream.write(b"")
        await stream.writelines((b"", b"one", b""))
        await stream.aclose()
        assert await self.received(stream) == [b"one"]

    async def test_a_write_starts_it_and_its_content_type_must_come_before(
        self, stream: ResponseStream
    ) -> None:
        assert stream.content_type == "application/octet-stream"
        stream.set_content_type("text/event-stream")
        assert not stream.started
        await stream.write(b"one")
        assert stream.started
        with pytest.raises(StreamClosed, match="before the first write"):
            stream.set_content_type("text/plain")
        assert stream.content_type == "text/event-stream"
        await stream.aclose()

    @pytest.mark.parametrize("content_type", ["text/plain; title=日本", "text/plain\r\nx: y", "\0"])
    async def test_a_content_type_that_http_cannot_carry_is_refused_and_changes_nothing(
        self, stream: ResponseStream, content_type: str
    ) -> None:
        with pytest.raises(EventError, match="content-type"):
            stream.set_content_type(content_type)
        await stream.write(b"one")
        await stream.aclose()
        assert stream.content_type == "application/octet-stream"
        assert await self.received(stream) == [b"one"]

    async def test_a_head_must_come_before_the_first_write(self, stream: ResponseStream) -> None:
        await stream.write(b"one")
        with pytest.raises(StreamClosed, match="before the first write"):
            stream.set_metadata({"statusCode": 200})
        await stream.aclose()
        assert await self.received(stream) == [b"one"]

    async def test_closing_one_that_was_not_written_to_sends_an_empty_response(
        self, stream: ResponseStream
    ) -> None:
        await stream.aclose()
        assert await self.received(stream) == []
        assert await self.failure(stream) is None

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize("started", [False, True], ids=["unstarted", "started"])
    async def test_it_ends_once_and_every_later_ending_is_ignored(
        self, stream: ResponseStream, started: bool, ending: str
    ) -> None:
        if started:
            await stream.write(b"one")
        assert not stream.closed
        await ENDINGS[ending](stream)
        assert stream.closed
        await stream.wait_closed()
        received, failure = await self.received(stream), await self.failure(stream)
        await stream.aclose()
        stream.fail(ValueError("too late"))
        stream.disconnect("too late")
        await stream.aclose()
        assert (await self.received(stream), await self.failure(stream)) == (received, failure)

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize("write", WRITES)
    async def test_a_write_after_the_end_is_an_error_of_the_writer(
        self, stream: ResponseStream, write: str, ending: str
    ) -> None:
        await stream.write(b"one")
        await ENDINGS[ending](stream)
        with pytest.raises(StreamClosed, match="already ended"):
            await WRITES[write](stream)

    @pytest.mark.parametrize("chunks", [(), (b"one", b"two")], ids=["before-the-first", "after"])
    async def test_an_error_follows_what_was_sent_and_never_mixes_with_it(
        self, stream: ResponseStream, chunks: tuple[bytes, ...]
    ) -> None:
        for chunk in chunks:
            await stream.write(chunk)
        stream.fail(BOOM)
        assert await self.received(stream) == [*chunks]
        assert await self.failure(stream) == "RuntimeError"

    @pytest.mark.parametrize("write", WRITES)
    @pytest.mark.parametrize("started", [False, True], ids=["unstarted", "started"])
    async def test_when_the_reader_is_gone_a_write_raises_an_OSError_that_says_why(
        self, stream: ResponseStream, started: bool, write: str
    ) -> None:
        if started:
            await stream.write(b"one")
        stream.disconnect("the reader hung up")
        assert stream.closed
        for _ in range(2):
            with pytest.raises(OSError, match="the reader hung up") as caught:
                await WRITES[write](stream)
            assert isinstance(caught.value, ClientDisconnected)

    async def test_closing_after_the_reader_has_gone_raises_because_it_did_not_get_the_end(
        self, stream: ResponseStream
    ) -> None:
        await stream.write(b"one")
        stream.disconnect("the reader hung up")
        with pytest.raises(ClientDisconnected, match="the reader hung up"):
            await stream.aclose()

    @pytest.mark.parametrize("end", ["aclose", "fail", "disconnect"])
    async def test_everyone_who_waits_for_the_end_is_woken_and_one_who_gives_up_harms_nobody(
        self, stream: ResponseStream, end: str
    ) -> None:
        waiters = [asyncio.create_task(stream.wait_closed()) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        await asyncio.sleep(0)
        assert [waiter.done() for waiter in waiters] == [True, False, False]
        await stream.write(b"one")
        match end:
            case "aclose":
                await stream.aclose()
            case "fail":
                stream.fail(BOOM)
            case _:
                stream.disconnect("the reader hung up")
        await asyncio.gather(*waiters[1:])

    async def test_a_writer_that_never_waits_still_gives_others_their_turn(
        self, stream: ResponseStream
    ) -> None:
        turns = []

        async def other() -> None:
            while not stream.closed:
                turns.append(True)
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(40):
            await stream.write(b"x" * 8192)  # 320 KiB, and a turn at least every 64
        await stream.aclose()
        await task
        assert len(turns) >= 4

    async def test_one_that_was_started_and_never_ended_warns(self, stream: ResponseStream) -> None:
        orphans = [self.another(stream)]
        orphans[0].writelines_nowait((b"one",))

        def forget() -> None:
            orphans.clear()
            gc.collect()

        with pytest.warns(ResourceWarning, match="was never ended"):
            forget()

    @abstractmethod
    def another(self, stream: ResponseStream) -> ResponseStream:
        """Return a second stream of the same kind, which nobody else holds."""
