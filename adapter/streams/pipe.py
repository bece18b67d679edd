"""Copies a source into a response stream, and lets code in a thread write to a stream."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import ClientDisconnected
from ..invocation.threads import call_for_future, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
    from concurrent.futures import Future

BLOCK_BYTES = 64 * 1024
"""How many bytes each read of a file asks for."""

T = TypeVar("T")


class Sink(Protocol):
    """The part of a response stream that this module uses."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        ...

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body."""
        ...

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make the response an HTTP response."""
        ...

    async def write(self, data: bytes | str) -> None:
        """Send one chunk."""
        ...

    async def aclose(self) -> None:
        """End the response."""
        ...

    async def finished(self) -> None:
        """Wait for the end of the response."""
        ...


class BlockingStream:
    """A response stream for code that cannot ``await``: the same methods, which block.

    Any thread except that of the event loop can write to the stream. It can be used as a writable
    file: ``csv.writer(stream)``, ``json.dump(document, stream)``, ``print(…, file=stream)``.
    """

    def __init__(self, stream: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._thread = threading.get_ident()
        self._pending: set[Future[Any]] = set()  # one for each thread that writes
        self._given_up = ""

    @property
    def closed(self) -> bool:
        """Whether the response has ended, or the client has disconnected."""
        return self._stream.closed

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body, as `ResponseStream.set_content_type` does."""
        self._stream.set_content_type(content_type)

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make the response an HTTP response, as `ResponseStream.set_metadata` does."""
        self._stream.set_metadata(metadata)

    def write(self, data: bytes | str) -> None:
        """Send one chunk, as `ResponseStream.write` does; return when the chunk is written."""
        self._wait(self._stream.write(data))

    def pipe(self, source: Any) -> None:
        """Write all chunks of ``source``, as `ResponseStream.pipe` does.

        This thread reads ``source``, or the event loop if ``source`` is async.
        """
        if hasattr(source, "__aiter__") or _reads_async(source):
            self._wait(pipe(source, self._stream))
            return
        try:
            for chunk in _chunks(source):
                self.write(chunk)
        finally:
            if inspect.isgenerator(source):
                source.close()

    def flush(self) -> None:
        """Do nothing: `write` returns when its chunk is written."""

    def close(self) -> None:
        """End the response, as `ResponseStream.aclose` does."""
        self._wait(self._stream.aclose())

    def finished(self) -> None:
        """Wait until the whole response is written. Call `close` before."""
        self._wait(self._stream.finished())

    def give_up(self, reason: str) -> None:
        """Make every blocked call, and each later call, raise `ClientDisconnected`."""
        self._given_up = reason
        for future in tuple(self._pending):
            future.cancel()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._thread == threading.get_ident() or self._given_up:
            coroutine.close()
            if self._given_up:
                raise ClientDisconnected(self._given_up)
            raise RuntimeError(
                "This stream is for synchronous functions; in the thread of the event loop its"
                " calls would deadlock. Decorate the async function itself."
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._pending.add(future)
        if self._given_up:  # between the check above and here
            future.cancel()
        try:
            return future.result()
        except BaseException:
            if self._given_up:
                raise ClientDisconnected(self._given_up) from None
            raise
        finally:
            self._pending.discard(future)


async def in_thread(call: Callable[[BlockingStream], T], stream: Sink) -> T:
    """Run ``call`` in a worker thread, with copied context variables and a stream to write to.

    A thread cannot be stopped. After a cancellation, every write of ``call`` raises, and this
    function still waits for the end of ``call``.

    Raises:
        CancelledError: this coroutine was cancelled.
        Exception: the exception of ``call``.
    """
    loop = asyncio.get_running_loop()
    blocking = BlockingStream(stream, loop)
    context = contextvars.copy_context()
    # A future and not a task: a SystemExit in a task would end the event loop.
    running = asyncio.wrap_future(threads().submit(context.run, call_for_future, call, blocking))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError as error:
            cancelled = error
            blocking.give_up("The invocation is over.")
    if cancelled is not None:
        running.exception()  # otherwise asyncio logs it as never retrieved
        raise cancelled
    return running.result()


async def pipe(source: Any, stream: Sink) -> None:
    """Copy ``source`` into ``stream``, as `ResponseStream.pipe` documents."""
    if _reads_async(source):  # checked first, because an iteration of a file yields lines
        while chunk := await source.read(BLOCK_BYTES):
            await stream.write(chunk)
    elif hasattr(source, "__aiter__"):
        try:
            async for chunk in source:
                await stream.write(chunk)
        finally:
            if inspect.isasyncgen(source):
                await source.aclose()
    elif isinstance(source, str | bytes | bytearray | memoryview | list | tuple):
        for chunk in _chunks(source):  # in memory, so this does not block
            await stream.write(chunk)
    else:
        await in_thread(lambda blocking: blocking.pipe(source), stream)


def _reads_async(source: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(source, "read", None))


def _chunks(source: Any) -> Iterable[Any]:
    """Return the chunks of ``source``.

    Raises:
        TypeError: ``source`` has a type that cannot be written.
    """
    if isinstance(source, str | bytes | bytearray | memoryview):
        return (source,)
    if hasattr(source, "read"):
        return _blocks(source)
    if hasattr(source, "__iter__") and not isinstance(source, dict):
        chunks: Iterable[Any] = source
        return chunks
    raise TypeError(
        f"A {type(source).__name__} cannot be written to the stream: it must be text, bytes, an"
        " iterable of them, async or not, or have a read method."
    )


def _blocks(file: Any) -> Iterator[bytes | str]:
    # read1 returns the bytes that are ready; read waits until a pipe or a socket has a whole block.
    read = getattr(file, "read1", file.read)
    while block := read(BLOCK_BYTES):
        yield block
