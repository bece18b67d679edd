from __future__ import annotations

import asyncio

import pytest

from adapter.errors import EventError
from adapter.events.prelude import encode
from adapter.testing import MemoryStream

pytestmark = pytest.mark.anyio


async def collect(stream: MemoryStream) -> list[bytes]:
    return [chunk async for chunk in stream]


async def test_hands_out_every_chunk_as_soon_as_it_is_there() -> None:
    stream, seen = MemoryStream(), []
    chunks = aiter(stream)
    for chunk in (b"one", b"two", b"three"):
        await stream.write(chunk)
        seen.append(await anext(chunks))
    assert seen == [b"one", b"two", b"three"]
    await stream.aclose()
    assert await anext(chunks, None) is None


@pytest.mark.parametrize("end", ["aclose", "fail", "disconnect"])
async def test_readers_that_wait_all_get_everything_and_the_end(end: str) -> None:
    stream = MemoryStream()
    readers = [asyncio.create_task(collect(stream)) for _ in range(2)]
    await asyncio.sleep(0)
    await stream.write(b"one")
    await asyncio.sleep(0)
    await stream.writelines((b"two", b"three"))
    match end:
        case "aclose":
            await stream.aclose()
        case "fail":
            stream.fail(ValueError())
        case _:
            stream.disconnect("gone")
    assert await asyncio.gather(*readers) == [[b"one", b"two", b"three"]] * 2
    assert await collect(stream) == [b"one", b"two", b"three"], "and late readers too"


async def test_reads_head_and_body_of_an_http_response_at_any_time() -> None:
    stream = MemoryStream()
    await stream.write(encode({"statusCode": 201, "headers": {"a": "b"}}))
    assert (stream.prelude, stream.body) == ({"statusCode": 201, "headers": {"a": "b"}}, b"")
    await stream.writelines((b"one", b"two"))
    assert stream.body == b"onetwo"
    await stream.aclose()


async def test_says_of_what_is_no_http_response_that_it_is_none() -> None:
    stream = MemoryStream()
    await stream.write(b"plain")
    await stream.aclose()
    with pytest.raises(EventError, match="no prelude"):
        _ = stream.prelude
    with pytest.raises(EventError, match="no prelude"):
        _ = stream.body
