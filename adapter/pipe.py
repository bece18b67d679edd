"""Moves what a source gives to a stream, and lets code in a thread write to one."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .errors import ClientDisconnected
from .threads import shielded, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
    from concurrent.futures import Future

BLOCK = 64 * 1024
"""How many bytes are read at once from a file."""

T = TypeVar("T")


class Sink(Protocol):
    """What of a response stream is needed here."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        ...

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body."""
        ...

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make it an HTTP response."""
        ...

    async def write(self, data: bytes | str) -> None:
        """Send one chunk."""
        ...

    async def aclose(self) -> None:
        """End the response."""
        ...

    async def finished(self) -> None:
        """Wait for its end."""
        ...


class BlockingStream:
    """A response stream for code that cannot ``await``: the same, and every call blocks.

    It can be written to from any thread but that of the event loop, and wherever a writable file
    is wanted: ``csv.writer(stream)``, ``json.dump(document, stream)``, ``print(…, file=stream)``.
    """

    def __init__(self, stream: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._thread = threading.get_ident()
        self._pending: set[Future[Any]] = set()  # one for each thread that writes
        self._given_up = ""

    @property
    def closed(self) -> bool:
        """Whether the response has ended, or its reader is gone."""
        return self._stream.closed

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body, as `ResponseStream.set_content_type` does."""
        self._stream.set_content_type(content_type)

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make it an HTTP response, as `ResponseStream.set_metadata` does."""
        self._stream.set_metadata(metadata)

    def write(self, data: bytes | str) -> None:
        """Send one chunk, as `ResponseStream.write` does; return when it has been handed on."""
        self._wait(self._stream.write(data))

    def pipe(self, source: Any) -> None:
        """Write all that ``source`` gives, as `ResponseStream.pipe` does, but read it right here.

        An async source is read by the event loop.
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
        """Do nothing: every chunk is on its way when `write` returns."""

    def close(self) -> None:
        """End the response, as `ResponseStream.aclose` does."""
        self._wait(self._stream.aclose())

    def finished(self) -> None:
        """Return when the response has been handed on to its end: call `close` before."""
        self._wait(self._stream.finished())

    def give_up(self, reason: str) -> None:
        """Let every call that blocks, and each later one, raise `ClientDisconnected`."""
        self._given_up = reason
        for future in tuple(self._pending):
            future.cancel()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._thread == threading.get_ident() or self._given_up:
            coroutine.close()
            if self._given_up:
                raise ClientDisconnected(self._given_up)
            raise RuntimeError(
                "This stream is for a function that is not async; in the thread of the event loop"
                " it would wait for itself. Decorate the async function itself."
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._pending.add(future)
        if self._given_up:  # just now
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
    """Run ``call`` in a worker thread, in a copy of this context, with a stream to write to.

    A thread cannot be stopped. When this is cancelled, what ``call`` writes from then on raises,
    and only when it has returned does this.

    Raises:
        CancelledError: this was cancelled meanwhile.
        Exception: what ``call`` raised.
    """
    loop = asyncio.get_running_loop()
    blocking = BlockingStream(stream, loop)
    context = contextvars.copy_context()
    # A future and not a task: a SystemExit in a task would end the event loop.
    running = asyncio.wrap_future(threads().submit(context.run, shielded, call, blocking))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError as error:
            cancelled = error
            blocking.give_up("The invocation is over.")
    if cancelled is not None:
        running.exception()  # so that it counts as retrieved
        raise cancelled
    return running.result()


async def pipe(source: Any, stream: Sink) -> None:
    """Do what `ResponseStream.pipe` says."""
    if _reads_async(source):  # first: iterated, a file would come line by line
        while chunk := await source.read(BLOCK):
            await stream.write(chunk)
    elif hasattr(source, "__aiter__"):
        try:
            async for chunk in source:
                await stream.write(chunk)
        finally:
            if inspect.isasyncgen(source):
                await source.aclose()
    elif isinstance(source, str | bytes | bytearray | memoryview | list | tuple):
        for chunk in _chunks(source):  # in memory: nothing that could block
            await stream.write(chunk)
    else:
        await in_thread(lambda blocking: blocking.pipe(source), stream)


def _reads_async(source: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(source, "read", None))


def _chunks(source: Any) -> Iterable[Any]:
    """Return what to write of ``source``.

    Raises:
        TypeError: there is nothing to be had of it.
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
    # read1 returns what is there; read of a pipe or a socket would wait until a block is full.
    read = getattr(file, "read1", file.read)
    while block := read(BLOCK):
        yield block
