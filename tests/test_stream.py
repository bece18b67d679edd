from __future__ import annotations

import asyncio

import pytest

from adapter.stream import TURN_BYTES, BufferedStream, ResponseStream
from adapter.testing import MemoryStream
from tests.stream_contract import StreamContract


class TestMemoryStream(StreamContract):
    @pytest.fixture
    def stream(self) -> ResponseStream:
        return MemoryStream()

    async def received(self, stream: ResponseStream) -> list[bytes]:
        assert isinstance(stream, BufferedStream)
        return stream.chunks.copy()

    async def failure(self, stream: ResponseStream) -> str | None:
        assert isinstance(stream, BufferedStream)
        return type(stream.error).__name__ if stream.error else None

    def another(self, stream: ResponseStream) -> ResponseStream:
        return MemoryStream()


class TestBufferedStream(TestMemoryStream):
    @pytest.fixture
    def stream(self) -> ResponseStream:
        return BufferedStream()

    def another(self, stream: ResponseStream) -> ResponseStream:
        return BufferedStream()


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
    stream, seen = BufferedStream(), 0

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


def test_the_contract_cannot_be_forgotten() -> None:
    with pytest.raises(TypeError, match="abstract method"):
        ResponseStream()  # type: ignore[abstract]
