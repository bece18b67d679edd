from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from adapter.errors import ClientDisconnected, StreamClosed
from adapter.events.prelude import CONTENT_TYPE
from adapter.streams.metadata import HttpResponseStream
from adapter.streams.response_stream import SLICE_BYTES, TURN_BYTES, ResponseStream
from adapter.testing import MemoryStream
from tests.support.stream_contract import StreamContract


class TestMemoryStream(StreamContract):
    @pytest.fixture
    def stream(self) -> ResponseStream:
        return MemoryStream()

    async def received(self, stream: ResponseStream) -> list[bytes]:
        assert isinstance(stream, MemoryStream)
        return stream.chunks.copy()

    async def failure(self, stream: ResponseStream) -> str | None:
        assert isinstance(stream, MemoryStream)
        return type(stream.error).__name__ if stream.error else None

    def another(self, stream: ResponseStream) -> ResponseStream:
        return MemoryStream()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("size", "turns"),
    [
        pytest.param(TURN_BYTES // 4, 4, id="several-chunks-a-turn"),
        pytest.param(TURN_BYTES * 2, 20, id="every-big-chunk-a-turn"),
    ],
)
async def test_turns_are_counted_in_bytes_so_that_small_chunks_stay_cheap(
    size: int, turns: int
) -> None:
    stream, seen = MemoryStream(), 0

    async def count() -> None:
        nonlocal seen
        while not stream.closed:
            seen += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    for _ in range(20):
        await stream.write(b"x" * size)
    await stream.aclose()
    await counting
    assert seen >= turns


class Slow(MemoryStream):
    """A stream whose reader takes nothing more after some slices."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()

    @property
    def congested(self) -> bool:
        return len(self.chunks) > 3

    async def drain(self) -> None:
        self.waits.set()
        await asyncio.Event().wait()


@pytest.mark.anyio
async def test_a_large_chunk_that_is_cancelled_in_the_middle_fails_the_response() -> None:
    stream = Slow()
    writing = asyncio.create_task(stream.write(b"x" * 10 * SLICE_BYTES))
    second = asyncio.create_task(stream.write(b"y"))
    await stream.waits.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert stream.chunks == [b"x" * SLICE_BYTES] * 4
    assert isinstance(stream.error, asyncio.CancelledError)
    with pytest.raises(StreamClosed):
        await second


@pytest.mark.anyio
async def test_a_large_chunk_that_was_sent_to_its_end_may_be_cancelled_as_any_other() -> None:
    stream = Slow()
    writing = asyncio.create_task(stream.write(b"x" * 4 * SLICE_BYTES))
    await stream.waits.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    stream.writelines_nowait((b"y",), end=True)
    assert stream.chunks == [*[b"x" * SLICE_BYTES] * 4, b"y"]


def test_the_contract_cannot_be_forgotten() -> None:
    with pytest.raises(TypeError, match="abstract method"):
        ResponseStream()  # type: ignore[abstract]


@pytest.mark.anyio
class TestHttpResponseStream:
    HEAD: ClassVar = {"statusCode": 201, "headers": {"X-Shop": "tea"}, "cookies": ["a=1"]}

    async def test_the_head_goes_out_with_the_first_write_and_once(self) -> None:
        stream = HttpResponseStream.from_(MemoryStream(), self.HEAD)
        assert (stream.content_type, stream.chunks) == (CONTENT_TYPE, [])
        await stream.write("one")
        assert stream.chunks[1:] == [b"one"]
        await stream.write("two")
        await stream.aclose()
        assert stream.prelude == {
            "statusCode": 201,
            "headers": {"x-shop": "tea", "content-type": "application/octet-stream"},
            "cookies": ["a=1"],
        }
        assert stream.body == b"onetwo"

    @pytest.mark.parametrize("how", ["aclose", "empty-write"])
    async def test_it_goes_out_without_a_body_too_because_without_it_there_is_no_response(
        self, how: str
    ) -> None:
        stream = HttpResponseStream.from_(MemoryStream(), {"statusCode": 204})
        await (stream.aclose() if how == "aclose" else stream.write(b""))
        assert (stream.prelude["statusCode"], stream.body) == (204, b"")
        await stream.aclose()

    async def test_an_error_before_the_first_byte_takes_its_place(self) -> None:
        stream = HttpResponseStream.from_(MemoryStream(), self.HEAD)
        stream.fail(RuntimeError("boom"))
        assert (stream.chunks, str(stream.error)) == ([], "boom")

    @pytest.mark.parametrize("when", ["before", "after", "head-again"])
    async def test_the_content_type_is_the_bodys_whenever_it_is_set(self, when: str) -> None:
        stream = MemoryStream()
        if when == "before":
            stream.set_content_type("text/csv")
        stream = HttpResponseStream.from_(stream, {} if when == "head-again" else self.HEAD)
        if when == "head-again":
            stream = HttpResponseStream.from_(stream, {"headers": {"content-type": "text/csv"}})
        elif when == "after":
            stream.set_content_type("text/csv")
        await stream.aclose()
        assert stream.content_type == CONTENT_TYPE
        assert stream.prelude["headers"]["content-type"] == "text/csv"

    @pytest.mark.parametrize(
        ("end", "error"),
        [("write", StreamClosed), ("aclose", StreamClosed), ("disconnect", ClientDisconnected)],
    )
    async def test_a_stream_that_has_begun_or_ended_takes_no_head(
        self, end: str, error: type[Exception]
    ) -> None:
        stream = MemoryStream()
        if end == "write":
            await stream.write("x")
        elif end == "aclose":
            await stream.aclose()
        else:
            stream.disconnect("the reader hung up")
        with pytest.raises(error):
            HttpResponseStream.from_(stream, self.HEAD)
        await stream.aclose() if end == "write" else None

    async def test_finished_waits_for_the_end(self) -> None:
        stream = MemoryStream()
        waiting = asyncio.create_task(stream.finished())
        await stream.write("x")
        assert not waiting.done()
        await stream.aclose()
        await waiting

    async def test_finished_raises_when_the_reader_did_not_get_the_end(self) -> None:
        stream = MemoryStream()
        stream.disconnect("the reader hung up")
        with pytest.raises(ClientDisconnected, match="hung up"):
            await stream.finished()

    @pytest.mark.parametrize("data", [bytearray(b"abc"), memoryview(b"abc"), "abc", b"abc"])
    async def test_a_chunk_is_kept_as_it_was_when_it_was_written(self, data: Any) -> None:
        stream = MemoryStream()
        await stream.write(data)
        if isinstance(data, bytearray):
            data[:] = b"xyz"
        await stream.aclose()
        assert stream.chunks == [b"abc"]

    async def test_what_is_no_chunk_is_named_and_nothing_has_begun(self) -> None:
        stream = MemoryStream()
        with pytest.raises(TypeError, match="must be text or bytes, not dict"):
            await stream.write({"a": 1})  # type: ignore[arg-type]
        assert not stream.started
