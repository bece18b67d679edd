"""What can be piped, who reads it, and what becomes of it when nobody reads any more."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody

from adapter.errors import ClientDisconnected, StreamClosed
from adapter.streams.pipe import BLOCK_BYTES, BlockingStream, in_thread
from adapter.testing import MemoryStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

pytestmark = pytest.mark.anyio

BIG = bytes(range(256)) * 1024


async def async_letters() -> AsyncIterator[str]:
    for letter in "abc":
        await asyncio.sleep(0)
        yield letter


def letters() -> Iterator[str]:
    yield from "abc"


class AsyncFile:
    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        return self._file.read(size)


class Blocks:
    """Has `read` alone, as a StreamingBody of an old botocore."""

    def __init__(self) -> None:
        self.read = io.BytesIO(BIG).read


SOURCES: dict[str, tuple[Callable[[], Any], bytes]] = {
    "async-generator": (async_letters, b"abc"),
    "generator": (letters, b"abc"),
    "list": (lambda: ["a", b"b", bytearray(b"c")], b"abc"),
    "tuple": (lambda: ("a", memoryview(b"bc")), b"abc"),
    "text": (lambda: "äbc", "äbc".encode()),
    "bytes": (lambda: b"abc", b"abc"),
    "binary-file": (lambda: io.BytesIO(BIG), BIG),
    "text-file": (lambda: io.StringIO("äbc\nd"), "äbc\nd".encode()),
    "gzip-file": (lambda: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(BIG))), BIG),
    "botocore": (lambda: StreamingBody(io.BytesIO(BIG), len(BIG)), BIG),
    "read-alone": (Blocks, BIG),
    "async-file": (lambda: AsyncFile(BIG), BIG),
}


async def piped(source: Any, how: str, stream: MemoryStream | None = None) -> MemoryStream:
    stream = stream or MemoryStream()
    if how == "await":
        await stream.pipe(source)
    else:
        await in_thread(lambda blocking: blocking.pipe(source), stream)
    await stream.aclose()
    return stream


@pytest.mark.parametrize("how", ["await", "in-a-thread"])
@pytest.mark.parametrize("name", SOURCES)
async def test_all_that_gives_chunks_can_be_piped(name: str, how: str) -> None:
    make, expected = SOURCES[name]
    stream = await piped(make(), how)
    assert b"".join(stream.chunks) == expected


@pytest.mark.parametrize("name", ["generator", "async-generator", "list"])
async def test_each_chunk_is_one_because_the_reader_shall_have_it_at_once(name: str) -> None:
    make, _ = SOURCES[name]
    assert len((await piped(make(), "await")).chunks) > 1


async def test_a_file_is_read_in_blocks_and_not_by_its_lines() -> None:
    stream = await piped(io.BytesIO(b"\n" * (BLOCK_BYTES + 1)), "await")
    assert list(map(len, stream.chunks)) == [BLOCK_BYTES, 1]


async def test_what_a_pipe_has_is_sent_though_it_does_not_fill_a_block() -> None:
    reading, writing = os.pipe()
    stream = MemoryStream()
    with os.fdopen(reading, "rb") as source:
        piping = asyncio.create_task(stream.pipe(source))
        os.write(writing, b"early")
        async for chunk in stream:
            assert chunk == b"early"  # the other end of the pipe is still open
            break
        os.close(writing)
        await piping
    await stream.aclose()


@pytest.mark.parametrize(
    "source",
    [None, 42, {"a": "b"}, object()],
    ids=["None", "int", "dict-whose-keys-would-be-sent", "object"],
)
@pytest.mark.parametrize("how", ["await", "in-a-thread"])
async def test_all_else_is_refused_by_name(source: object, how: str) -> None:
    with pytest.raises(TypeError, match=f"A {type(source).__name__} cannot be written"):
        await piped(source, how)


@pytest.mark.parametrize("how", ["await", "in-a-thread"])
async def test_a_chunk_that_is_none_is_refused_by_name(how: str) -> None:
    with pytest.raises(TypeError, match="must be text or bytes, not int"):
        await piped(iter([1]), how)


async def test_a_generator_has_one_thread_and_one_context_to_its_end() -> None:
    seen: ContextVar[str] = ContextVar("seen")
    threads = set()

    def rows() -> Iterator[str]:
        database = sqlite3.connect(":memory:")  # refuses to be used from a second thread
        seen.set("in the generator")
        for (number,) in database.execute("VALUES (1), (2), (3)"):
            threads.add(threading.get_ident())
            yield f"{number} {seen.get()}\n"
        database.close()

    stream = await piped(rows(), "await")
    assert b"".join(stream.chunks).count(b"in the generator") == 3
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    assert seen.get("not set") == "not set"


async def test_a_blocking_source_does_not_stop_the_event_loop() -> None:
    go_on, stream = threading.Event(), MemoryStream()

    def slow() -> Iterator[str]:
        yield "first"
        go_on.wait()
        yield "second"

    async def somebody_else() -> None:
        async for _ in stream:
            go_on.set()  # never, if the loop were waiting for the second
            break

    await asyncio.gather(stream.pipe(slow()), somebody_else())
    assert stream.chunks == [b"first", b"second"]
    await stream.aclose()


@pytest.mark.parametrize("kind", ["generator", "async-generator"])
@pytest.mark.parametrize("how", ["await", "in-a-thread"])
async def test_when_the_reader_leaves_the_generator_is_closed_and_the_writer_told(
    kind: str, how: str
) -> None:
    stream, ended = MemoryStream(), []

    def gone() -> None:
        stream.disconnect("the reader hung up")

    def sync() -> Iterator[bytes]:
        try:
            yield b"one"
            gone()
            yield b"two"
        finally:
            ended.append(True)

    async def not_sync() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            gone()
            yield b"two"
        finally:
            ended.append(True)

    source = sync() if kind == "generator" else not_sync()
    with pytest.raises(ClientDisconnected, match="hung up"):
        await piped(source, how, stream)
    assert ended == [True]


async def test_a_file_stays_open_because_its_owner_closes_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    with (tmp_path / "file").open("rb") as file:
        await piped(file, "await")
        assert not file.closed


class TestBlockingStream:
    async def test_it_stands_wherever_a_writable_file_is_wanted(self) -> None:
        def write(stream: Any) -> None:
            csv.writer(stream).writerow(["a", 1])
            json.dump({"b": 2}, stream)
            print("c", 3, file=stream, flush=True)

        stream = MemoryStream()
        await in_thread(write, stream)
        await stream.aclose()
        assert b"".join(stream.chunks) == b'a,1\r\n{"b": 2}c 3\n'

    async def test_what_can_be_awaited_of_a_stream_is_called_here(self) -> None:
        def respond(stream: BlockingStream) -> list[bool]:
            stream.set_content_type("text/plain")
            stream.set_metadata({"statusCode": 201})
            seen = [stream.closed]
            stream.write("hi")
            stream.close()
            stream.finished()
            return [*seen, stream.closed]

        stream = MemoryStream()
        assert await in_thread(respond, stream) == [False, True]
        assert stream.prelude == {"statusCode": 201, "headers": {"content-type": "text/plain"}}
        assert stream.body == b"hi"

    async def test_errors_of_the_stream_are_raised_where_it_is_used(self) -> None:
        stream = MemoryStream()
        await stream.aclose()
        with pytest.raises(StreamClosed, match="already ended"):
            await in_thread(lambda blocking: blocking.write("late"), stream)

    async def test_the_thread_of_the_event_loop_would_wait_for_itself_and_is_refused(self) -> None:
        blocking = BlockingStream(MemoryStream(), asyncio.get_running_loop())
        with pytest.raises(RuntimeError, match="Decorate the async function itself"):
            blocking.write("x")


class TestInThread:
    async def test_it_has_the_context_variables_and_keeps_its_own(self) -> None:
        shop: ContextVar[str] = ContextVar("shop")
        shop.set("bakery")

        def call(stream: object) -> str:
            found = shop.get()
            shop.set("of the thread")
            return found

        assert await in_thread(call, MemoryStream()) == "bakery"
        assert shop.get() == "bakery"

    @pytest.mark.parametrize(
        ("raised", "expected"),
        [
            (ValueError("no"), ValueError),
            (SystemExit(3), SystemExit),
            (StopIteration("no"), RuntimeError),
        ],
        ids=["exception", "SystemExit", "StopIteration-which-no-future-takes"],
    )
    async def test_what_is_raised_in_it_comes_back_and_nothing_hangs(
        self, raised: BaseException, expected: type[BaseException]
    ) -> None:
        def call(stream: object) -> None:
            raise raised

        with pytest.raises(expected):
            await in_thread(call, MemoryStream())

    async def test_cancelled_it_waits_for_the_thread_and_lets_it_write_no_more(self) -> None:
        stream, started, go_on = MemoryStream(), asyncio.Event(), threading.Event()
        loop, raised = asyncio.get_running_loop(), []

        def call(blocking: BlockingStream) -> None:
            loop.call_soon_threadsafe(started.set)
            go_on.wait()
            try:
                blocking.write("late")
            except ClientDisconnected as error:
                raised.append(str(error))

        task = asyncio.create_task(in_thread(call, stream))
        await started.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert raised == ["The invocation is over."]
        assert stream.chunks == []

    async def test_cancelled_it_frees_all_threads_that_wait_for_a_slow_reader(self) -> None:
        writers = 3

        class Stuck(MemoryStream):
            """Its reader takes nothing more."""

            waiting: asyncio.Queue[None] = asyncio.Queue()

            @property
            def congested(self) -> bool:
                return True

            async def drain(self) -> None:
                self.waiting.put_nowait(None)
                await asyncio.Event().wait()

        freed: list[Future[None]] = []

        def call(blocking: BlockingStream) -> None:
            with ThreadPoolExecutor(writers) as pool:
                freed.extend(pool.submit(blocking.write, "x") for _ in range(writers))

        stream = Stuck()
        task = asyncio.create_task(in_thread(call, stream))
        for _ in range(writers):
            await stream.waiting.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [type(write.exception()) for write in freed] == [ClientDisconnected] * writers
        await stream.aclose()

    async def test_it_never_stands_in_a_queue_behind_what_apps_do_in_threads(self) -> None:
        go_on = threading.Event()
        loop, only = asyncio.get_running_loop(), ThreadPoolExecutor(1)
        loop.set_default_executor(only)
        busy = loop.run_in_executor(None, go_on.wait)
        assert await in_thread(lambda _: "begun", MemoryStream()) == "begun"
        go_on.set()
        await busy


async def test_an_async_file_is_read_in_blocks_too_for_a_line_may_be_longer_than_any_limit() -> (
    None
):
    source = asyncio.StreamReader()
    source.feed_data(b"x" * 3 * BLOCK_BYTES)
    source.feed_eof()
    stream = MemoryStream()
    await stream.pipe(source)
    await stream.aclose()
    assert b"".join(stream.chunks) == b"x" * 3 * BLOCK_BYTES
