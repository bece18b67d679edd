"""The response stream: what every way to answer a Lambda invocation promises."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .errors import ClientDisconnected, StreamClosed
from .prelude import CONTENT_TYPE, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .types import Prelude

# A generator that never awaits would hold the event loop for ever: no deadline, no signal and
# no other stream would get a turn. So a write gives the loop one at least this often.
TURN_BYTES = 64 * 1024
TURN_SECONDS = 0.005

OCTET_STREAM = "application/octet-stream"


class ResponseStream(ABC):
    """The open response of one invocation.

    One task writes at a time. A write returns when its bytes have been handed on and waits while
    the reader is slower, so memory stays flat. `aclose` ends the response well, `fail` with an
    error; then, or when the reader is gone, it is `closed`. Never ended, it warns ResourceWarning.
    """

    def __init__(self) -> None:
        self.content_type = OCTET_STREAM
        self.metadata: Prelude | None = None  #: the head to write before the first byte
        self.encode_head: Callable[[Prelude], bytes] = encode  #: some front doors have a limit
        self.started = False
        self.closed = False
        self._reason: str | None = None
        self._ended = asyncio.Event()
        self._bytes_since_turn = 0
        self._last_turn = monotonic()

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body; ``application/octet-stream`` unless said.

        Raises:
            StreamClosed: the stream has started, so its type has been sent.
        """
        if self.started:
            raise StreamClosed("The content type must be set before the first write.")
        if self.metadata is None:
            self.content_type = content_type
        else:
            self.metadata["headers"]["content-type"] = content_type

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make the stream an HTTP response: its head goes out before the first byte, or the end.

        Raises:
            StreamClosed: the stream has started, so it is too late for a head.
            EventError: ``metadata`` is not as `adapter.types.Prelude` describes it.
        """
        if self.started or self.closed:
            raise self._broken or StreamClosed("The head must be set before the first write.")
        from .metadata import head  # what an ASGI app need not pay for

        content_type = self.content_type if self.metadata is None else OCTET_STREAM
        self.metadata = head(metadata, content_type)
        self.content_type = CONTENT_TYPE

    async def write(self, data: bytes | str) -> None:
        """Send one chunk; text goes as UTF-8, nothing is sent for an empty one.

        Raises:
            ResponseTooLarge: it is the first one, and the head is more than would be read.
            ClientDisconnected: nobody reads any more.
            StreamClosed: the stream has ended.
            TypeError: ``data`` is neither text nor bytes.
        """
        await self.writelines((data if type(data) is bytes else _bytes(data),))

    async def pipe(self, source: Any) -> None:
        """Write all that ``source`` gives, as it comes; the stream stays open, and so does it.

        Args:
            source: an async iterable or an iterable of chunks, or what has a ``read`` method: a
                file, a botocore ``StreamingBody``. What is not async is read in a thread.

        Raises:
            ClientDisconnected: nobody reads any more.
            StreamClosed: the stream has ended.
            TypeError: ``source`` is none of these, or gives what is neither text nor bytes.
        """
        from .pipe import pipe  # what an ASGI app need not pay for

        await pipe(source, self)

    async def writelines(self, chunks: Sequence[bytes], *, end: bool = False) -> None:
        """Send several chunks, and the end of the stream if asked, in one go.

        Raises:
            ClientDisconnected: nobody reads any more.
            StreamClosed: the stream has ended.
        """
        size = self.writelines_nowait(chunks, end=end)
        if end:
            return
        if self.congested:
            await self.drain()
        self._bytes_since_turn += size
        if self._bytes_since_turn > TURN_BYTES or monotonic() - self._last_turn > TURN_SECONDS:
            await asyncio.sleep(0)
            self._bytes_since_turn = 0
            self._last_turn = monotonic()

    def writelines_nowait(self, chunks: Sequence[bytes], *, end: bool = False) -> int:
        """Do what `writelines` does without waiting for the reader; return the bytes sent.

        Raises:
            ClientDisconnected: nobody reads any more.
            StreamClosed: the stream has ended.
        """
        if self.closed:
            raise self._broken or StreamClosed("The response stream has already ended.")
        if not self.started:
            if self.metadata is not None:
                chunks = (self.encode_head(self.metadata), *chunks)
            self.started = True
        size = self.transmit(chunks, end)
        if end:
            self._close()
        return size

    async def aclose(self) -> None:
        """End the response. Does nothing if it has ended already.

        Raises:
            ClientDisconnected: the reader went away before the end.
        """
        broken = self._broken
        if broken is not None:
            raise broken
        if not self.closed:
            await self.writelines((), end=True)

    def fail(self, error: BaseException) -> None:
        """End the response with ``error``, at once. Does nothing if it has ended already.

        Before the first byte the invocation fails as if nothing had been answered; after it,
        the error follows the bytes already sent and never mixes with them.
        """
        if not self.closed:
            self.transmit_error(error)
            self._close()

    async def wait_closed(self) -> None:
        """Return when the response has ended, or when its reader is gone."""
        await self._ended.wait()

    async def finished(self) -> None:
        """Return when the response has been handed on to its end.

        It does not bring the end about: `aclose` does, or the return of a streaming function,
        which would wait for itself here.

        Raises:
            ClientDisconnected: the reader went away before the end.
        """
        await self._ended.wait()
        broken = self._broken
        if broken is not None:
            raise broken

    def disconnect(self, reason: str) -> None:
        """Note that nobody reads any more; for whoever carries the stream."""
        if not self.closed:
            self._reason = reason
            self._close()

    @property
    def disconnected(self) -> bool:
        """Whether the reader went away."""
        return self._reason is not None

    @property
    def _broken(self) -> ClientDisconnected | None:
        """The disconnect, if there was one.

        A new one each time: what is raised keeps the frames it went through, and so would keep
        alive, unclosed, the generator that it has stopped.
        """
        return None if self._reason is None else ClientDisconnected(self._reason)

    @abstractmethod
    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Hand on ``chunks`` at once, without those that are empty; return their size in bytes."""

    @property
    @abstractmethod
    def congested(self) -> bool:
        """Whether the reader is so far behind that a writer has to wait."""

    @abstractmethod
    async def drain(self) -> None:
        """Wait until the reader has caught up.

        Raises:
            ClientDisconnected: it will not.
        """

    @abstractmethod
    def transmit_error(self, error: BaseException) -> None:
        """Hand on ``error``, in the way that fits what was sent so far."""

    def _close(self) -> None:
        self.closed = True
        self._ended.set()

    def __del__(self) -> None:
        if self.started and not self.closed:
            warnings.warn(f"{self!r} was never ended", ResourceWarning, source=self, stacklevel=1)


class BufferedStream(ResponseStream):
    """Keeps the response in memory: a buffered answer is a stream that is collected."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []
        self.error: BaseException | None = None

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Keep ``chunks``."""
        new = [chunk for chunk in chunks if chunk]
        self.chunks += new
        return sum(map(len, new))

    @property
    def congested(self) -> bool:
        """Never: memory reads as fast as anyone writes."""
        return False

    async def drain(self) -> None:
        """Return at once."""

    def transmit_error(self, error: BaseException) -> None:
        """Keep ``error``."""
        self.error = error


class TakesMetadata(Protocol):
    """A response stream, or what stands for one."""

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do what `ResponseStream.set_metadata` does."""
        ...


S = TypeVar("S", bound=TakesMetadata)


class HttpResponseStream:
    """Gives a stream the head of an HTTP response, in AWS's words.

    ``stream = HttpResponseStream.from_(stream, {"statusCode": 200, "headers": {…}})``
    https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
    """

    @staticmethod
    def from_(stream: S, metadata: Mapping[str, Any]) -> S:
        """Set the head of ``stream`` and return it.

        Args:
            stream: one that has not been written to.
            metadata: ``statusCode``, ``headers`` and ``cookies``, each if wanted.

        Raises:
            StreamClosed: the stream has started, so it is too late for a head.
            EventError: ``metadata`` has a key or a value that cannot be sent.
        """
        stream.set_metadata(metadata)
        return stream


def _bytes(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"A chunk must be text or bytes, not {type(data).__name__}.")
