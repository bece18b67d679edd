"""The response stream: the base class that every runtime implements."""

from __future__ import annotations

import asyncio
import warnings
from abc import ABC, abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..errors import ClientDisconnected, StreamClosed
from ..events import FUNCTION_URL
from ..events.prelude import CONTENT_TYPE
from ..invocation.loggers import get_logger
from ..types import Head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ..events import Source
    from ..types import JSON

logger = get_logger("adapter.http")

# A generator that never awaits would block the event loop, with its deadlines, signals and other
# streams. So a write gives the loop a turn at least this often.
TURN_BYTES = 64 * 1024
TURN_SECONDS = 0.005

SLICE_BYTES = 64 * 1024
"""A larger chunk is sent in slices of this size, so that no copy of all of it is made."""

OCTET_STREAM = "application/octet-stream"


class ResponseStream(ABC):
    """The open response of one invocation.

    One task writes at a time. A write returns when its bytes have been written to the socket, and
    waits while the client is slower, so memory is bounded. `aclose` completes the response, `fail`
    ends it with an error. After that, or after a disconnect of the client, the stream is `closed`.
    For a stream that has started and is never ended there is a ResourceWarning.
    """

    #: Whether there is a wrapper between the handler and the runtime, which may change the buffered
    #: response that the handler returns. If not, that response can go to `respond`.
    wrapped = True

    #: Whether the head is sent before the body, in the form that the event source takes.
    sends_prelude = True

    def __init__(self) -> None:
        self.content_type = OCTET_STREAM
        self.head: Head | None = None  #: of an HTTP response; sent with the first byte
        self.source: Source = FUNCTION_URL  #: the event source that the head is rendered for
        self.started = False
        self.closed = False
        self.error: BaseException | None = None  #: the error that the response failed with
        self.on_close: Callable[[], None] | None = None  #: called once, when `closed` becomes true
        self.first_byte: float | None = None  #: when the first byte was written: `time.monotonic`
        self.first_body: float | None = None  #: when the first byte of the body was written
        self.body_bytes = 0
        self.body_chunks = 0
        self._slicing: asyncio.Future[None] | None = None  #: done when a large chunk is written
        self._reason: str | None = None
        self._ended: asyncio.Event | None = None  #: set with `closed`
        self._bytes_since_turn = 0
        self._last_turn = monotonic()

    def start(self, head: Head, source: Source) -> None:
        """Make the stream an HTTP response. ``head`` is sent with the first byte, or the end.

        Args:
            head: the status and the header fields.
            source: the event source, which decides on the form of the head.

        Raises:
            StreamClosed: the stream has started, so the head is too late.
            ClientDisconnected: the client has disconnected.
        """
        if self.started or self.closed:
            raise self._disconnect_error or StreamClosed(
                "The head must be set before the first write."
            )
        coding = dict(head.headers).get(b"content-encoding")
        if coding is not None and coding.strip().lower() != b"identity":
            from .compression import warn_of_compression  # lazy: cold start

            warn_of_compression()
        self.head = head
        self.source = source
        self.content_type = CONTENT_TYPE

    def set_content_type(self, content_type: str) -> None:
        """Set the type of the body; the default is ``application/octet-stream``.

        Raises:
            StreamClosed: the stream has started, so its type has been sent.
            EventError: ``content_type`` has characters that HTTP cannot carry.
        """
        if self.started:
            raise StreamClosed("The content type must be set before the first write.")
        from .metadata import field  # lazy: cold start

        checked = field("content-type", content_type)
        if self.head is None:
            self.content_type = content_type
            return
        others = [(name, value) for name, value in self.head.headers if name != b"content-type"]
        self.head = Head(self.head.status, [*others, checked])

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Make the stream an HTTP response, as `start` does, with a head that has AWS's keys.

        Raises:
            StreamClosed: the stream has started, so it is too late for a head.
            EventError: ``metadata`` is not as `adapter.types.Prelude` describes it.
        """
        if self.started and not self.closed:  # `BufferedStream.start` would discard these bytes
            raise StreamClosed("The head must be set before the first write.")
        from .metadata import head  # lazy: cold start

        content_type = self.content_type if self.head is None else OCTET_STREAM
        self.start(head(metadata, content_type), self.source)

    async def write(self, data: bytes | str) -> None:
        """Send one chunk. Text is sent as UTF-8; for an empty chunk nothing is sent.

        Raises:
            ResponseTooLarge: this is the first chunk, and the head is larger than the event source
                accepts.
            ClientDisconnected: the client has disconnected.
            StreamClosed: the stream has ended.
            TypeError: ``data`` is not text or bytes.
        """
        await self.writelines((data if type(data) is bytes else _bytes(data),))

    async def pipe(self, source: Any) -> None:
        """Write everything that ``source`` yields, chunk by chunk.

        The stream stays open; a generator is closed.

        Args:
            source: text, bytes, an async iterable or an iterable of chunks, or an object with a
                ``read`` method: a file, a botocore ``StreamingBody``. Text, bytes, lists and tuples
                are written directly; any other source that is not async is read in a thread.

        Raises:
            ClientDisconnected: the client has disconnected.
            StreamClosed: the stream has ended.
            TypeError: ``source`` has another type, or yields other objects than text and bytes.
        """
        from .pipe import pipe  # lazy: cold start

        await pipe(source, self)

    async def writelines(self, chunks: Sequence[bytes], *, end: bool = False) -> None:
        """Send several chunks, and the end of the stream if ``end``, with one call of the socket.

        Raises:
            ResponseTooLarge: the head or the whole response is too large for the event source.
            ClientDisconnected: the client has disconnected.
            StreamClosed: the stream has ended.
        """
        while self._slicing is not None:  # another task writes: slices of two chunks must not mix
            await asyncio.wait((self._slicing,))
        for data in chunks:
            if len(data) > SLICE_BYTES:
                await self._write_in_slices(chunks, end)
                return
        self._bytes_since_turn += self.writelines_nowait(chunks, end=end)
        if end:
            return
        if (
            self.congested
            or self._bytes_since_turn > TURN_BYTES
            or monotonic() - self._last_turn > TURN_SECONDS
        ):
            await self._give_turn()

    def write_chunk(self, data: bytes) -> Awaitable[None] | None:
        """Do what `writelines` does for one chunk in mid-stream, as a call and not as a coroutine.

        Return None, or an awaitable if the writer has to wait. Raises what `writelines` raises.
        """
        size = len(data)
        if self._slicing is not None or size > SLICE_BYTES or not self.started or self.closed:
            return self.writelines((data,))
        congested = self.transmit_chunk(data)
        # The same counters, and the same turns, as in `writelines_nowait` and `writelines`.
        if not self.body_bytes:
            self.first_body = monotonic()
        self.body_chunks += 1
        self.body_bytes += size
        self._bytes_since_turn += size
        due = self._bytes_since_turn > TURN_BYTES or monotonic() - self._last_turn > TURN_SECONDS
        return self._give_turn() if congested or due else None

    async def _write_in_slices(self, chunks: Sequence[bytes], end: bool) -> None:
        """Write large chunks, one slice at a time. A cancellation fails the response."""
        views = [memoryview(data) for data in chunks]
        slices = [v[i : i + SLICE_BYTES] for v in views for i in range(0, len(v), SLICE_BYTES)]
        last = slices.pop()
        self._slicing = asyncio.get_running_loop().create_future()
        try:
            for part in slices:
                self.writelines_nowait((part,))
                await self._give_turn()
            self.writelines_nowait((last,), end=end)
        except asyncio.CancelledError as error:
            if not self.closed:  # no message may follow a part of a message
                self.fail(error)
                logger.error(
                    "The response failed: a write was cancelled after a part of its data was sent"
                )
            raise
        finally:
            self._slicing.set_result(None)
            self._slicing = None
        if not end:
            await self._give_turn()

    async def _give_turn(self) -> None:
        """Give the event loop a turn; if the stream is congested, wait for the client."""
        if self.congested:
            await self.drain()
        else:
            await asyncio.sleep(0)
        self._bytes_since_turn = 0
        self._last_turn = monotonic()

    def writelines_nowait(self, chunks: Sequence[bytes | memoryview], *, end: bool = False) -> int:
        """Do what `writelines` does without waiting for the client; return the bytes sent.

        Raises:
            ResponseTooLarge: the head or the whole response is too large for the event source.
            ClientDisconnected: the client has disconnected.
            StreamClosed: the stream has ended.
        """
        if self.closed:
            raise self._disconnect_error or StreamClosed("The response stream has already ended.")
        if not self.started:
            head = self.head if self.sends_prelude else None
            prelude = b"" if head is None else self.source.encode(self.source.prelude(*head))
            self.started, self.first_byte = True, monotonic()
            self.transmit_first(prelude, chunks, end)
        else:
            self.transmit(chunks, end)
        size = sum(map(len, chunks))
        if size and not self.body_bytes:
            self.first_body = monotonic()
        self.body_chunks += sum(map(bool, chunks))
        self.body_bytes += size
        if end:
            self._close()
        return size

    async def aclose(self) -> None:
        """End the response. Do nothing if it has ended already.

        Raises:
            ResponseTooLarge: the head or the whole response is too large for the event source.
            ClientDisconnected: the client disconnected before the end.
        """
        if (error := self._disconnect_error) is not None:
            raise error
        if not self.closed:
            await self.writelines((), end=True)

    def fail(self, error: BaseException) -> None:
        """End the response with ``error``, at once. Do nothing if it has ended already.

        Before the first byte, the invocation fails as if there were no response. After the first
        byte, the error follows the bytes that were sent, and is not mixed with them.
        """
        if not self.closed:
            self.error = error
            self.transmit_error(error)
            self._close()

    def respond(self, response: JSON) -> None:
        """Send a whole response instead of a stream. Only for a stream that is not `wrapped`.

        Raises:
            HandlerError: ``response`` is not JSON.
        """
        raise NotImplementedError

    async def wait_closed(self) -> None:
        """Return when the response has ended, or the client has disconnected."""
        if self.closed:
            return
        if self._ended is None:
            self._ended = asyncio.Event()
        await self._ended.wait()

    async def finished(self) -> None:
        """Return when the whole response has been written to the socket.

        Call `aclose` before. A streaming function that does not would wait for ever: its response
        then ends when the function returns.

        Raises:
            ClientDisconnected: the client disconnected before the end.
        """
        await self.wait_closed()
        if (error := self._disconnect_error) is not None:
            raise error

    def disconnect(self, reason: str) -> None:
        """Close the stream because the client has disconnected. Called by the runtime."""
        if not self.closed:
            self._reason = reason
            self._close()

    @property
    def is_in_message(self) -> bool:
        """Whether a part of a large chunk has been written, and the rest has not."""
        return self._slicing is not None

    @property
    def disconnected(self) -> bool:
        """Whether the client has disconnected."""
        return self._reason is not None

    @property
    def _disconnect_error(self) -> ClientDisconnected | None:
        """The error of the disconnect, if there was a disconnect.

        The error is new each time. An error refers to the frames that it went through, so a
        generator of the app in one of these frames would not be closed.
        """
        return None if self._reason is None else ClientDisconnected(self._reason)

    def transmit_first(
        self, prelude: bytes, chunks: Sequence[bytes | memoryview], end: bool
    ) -> None:
        """Write the first chunks, after the rendered head if there is one."""
        self.transmit((prelude, *chunks) if prelude else chunks, end)

    @abstractmethod
    def transmit(self, chunks: Sequence[bytes | memoryview], end: bool) -> None:
        """Write ``chunks`` at once, without those that are empty."""

    def transmit_chunk(self, data: bytes) -> bool:
        """Write one chunk at once; return whether the stream is `congested` after that."""
        self.transmit((data,), False)
        return self.congested

    @property
    @abstractmethod
    def congested(self) -> bool:
        """Whether so many bytes are unsent that a writer has to wait."""

    @abstractmethod
    async def drain(self) -> None:
        """Wait until the stream is not congested.

        Raises:
            ClientDisconnected: the client has disconnected.
        """

    @abstractmethod
    def transmit_error(self, error: BaseException) -> None:
        """Send ``error`` in the form that the state of the response allows."""

    def _close(self) -> None:
        self.closed = True
        if self._ended is not None:
            self._ended.set()
        if self.on_close is not None:
            self.on_close()

    def __del__(self) -> None:
        if self.started and not self.closed:
            warnings.warn(f"{self!r} was never ended", ResourceWarning, source=self, stacklevel=1)


def _bytes(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"A chunk must be text or bytes, not {type(data).__name__}.")
