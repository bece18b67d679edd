"""The response stream that both runtimes write to: one chunked POST to the Runtime API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ClientDisconnected, DeadlineExceeded, StreamClosed, error_object
from ..invocation.claim import ClaimInput
from ..invocation.loggers import get_logger
from ..streams.response_stream import ResponseStream
from .wire import LAST_CHUNK, chunk, error_trailers, last_chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import JSON
    from .connection import Connection
    from .delivery import Delivery


logger = get_logger("adapter.runtime")


class RuntimeStream(ResponseStream):
    """Sends every chunk as one HTTP chunk, at once.

    The POST begins with the first write. So a failure before the first write can be an error
    report, and a handler that writes nothing can have a buffered response.
    """

    wrapped = False

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self._delivery = delivery
        self._connection: Connection | None = None

    def respond(self, response: JSON) -> None:
        """Post a whole response, instead of writing to the stream.

        Raises:
            HandlerError: ``response`` is not JSON.
            StreamClosed: the invocation has another outcome already.
        """
        if not self._delivery.respond(response, ClaimInput.FIRST_BYTE):
            raise StreamClosed("The invocation already has an outcome.")
        self._close()

    def transmit_first(
        self, prelude: bytes, chunks: Sequence[bytes | memoryview], end: bool
    ) -> None:
        """Begin the POST; write its head, the prelude and ``chunks`` with one call.

        Raises:
            ClientDisconnected: the connection is lost, or the invocation has another outcome.
            ValueError: the head cannot be sent. Nothing was sent, so an error report can follow.
        """
        delivery = self._delivery
        connection = delivery.client.connection
        head = delivery.client.response_head(delivery.invocation, self.content_type)
        if connection is None:
            raise self._ended_by("The connection to the Runtime API was lost before the response.")
        if not delivery.enter(ClaimInput.FIRST_BYTE):
            raise self._ended_by("The invocation already has an outcome.")
        self._connection = connection
        delivery.open(connection, self)
        frames = [head, *[chunk(data) for data in (prelude, *chunks) if data]]
        if end:
            frames.append(LAST_CHUNK)
        connection.write(b"".join(frames))

    def _ended_by(self, reason: str) -> ClientDisconnected:
        """Close the stream for ``reason``; return the error for its writer."""
        self.disconnect(reason)
        return ClientDisconnected(reason)

    def disconnect(self, reason: str) -> None:
        """Close the stream. If nothing was sent, report the disconnect as the outcome."""
        if self.closed:
            return
        super().disconnect(reason)
        if self._connection is None and self._delivery.enter(ClaimInput.FIRST_BYTE):
            logger.error("The invocation failed: %s", reason)
            self._delivery.report(ClientDisconnected(reason))

    def transmit(self, chunks: Sequence[bytes | memoryview], end: bool) -> None:
        """Frame ``chunks`` and write them with one call."""
        frames = [chunk(data) for data in chunks if data]
        if end:
            frames.append(LAST_CHUNK)
        if frames:
            assert self._connection is not None
            self._connection.write(b"".join(frames))

    def transmit_chunk(self, data: bytes) -> bool:
        """Frame one chunk and write it; return whether the stream is `congested` after that."""
        connection = self._connection
        assert connection is not None
        connection.write(chunk(data))
        return connection.paused

    @property
    def congested(self) -> bool:
        """Whether more than 64 KiB are unsent, so that a writer has to wait."""
        return self._connection is not None and self._connection.paused

    async def drain(self) -> None:
        """If the stream is congested, wait until at most 16 KiB are unsent.

        Raises:
            ClientDisconnected: the connection is lost.
        """
        assert self._connection is not None
        await self._connection.drain()
        if self._disconnect_error is not None:
            raise self._disconnect_error

    def transmit_error(self, error: BaseException) -> None:
        """Report ``error``: as the outcome before the first byte, in trailers after it."""
        if self._connection is not None:
            described = error_object(error, self._delivery.invocation.request_id)
            self._connection.write(last_chunk(error_trailers(described)))
        elif self._claim_report(error):
            self._delivery.report(error)

    def _claim_report(self, error: BaseException) -> bool:
        late = isinstance(error, DeadlineExceeded)
        return self._delivery.enter(ClaimInput.DEADLINE if late else ClaimInput.FIRST_BYTE)


class CallStream(RuntimeStream):
    """The stream of a call that synchronous code makes: a wrapper around the handler, for example.

    A failure before the first byte is raised in the caller, which may respond in another way. There
    are two exceptions, which are reported at once: a deadline, because the caller may not return in
    time, and an error such as SystemExit, which would end the process.
    """

    wrapped = True

    def transmit_error(self, error: BaseException) -> None:
        """Report ``error``, or leave it to the caller if nothing was sent."""
        if self._connection is not None or not isinstance(error, Exception):
            super().transmit_error(error)
        elif isinstance(error, DeadlineExceeded) and self._claim_report(error):
            self._delivery.report(error)

    def disconnect(self, reason: str) -> None:
        """Close the stream; if nothing was sent, the caller gets the disconnect as an error."""
        if self.closed:
            return
        ResponseStream.disconnect(self, reason)
        if self._connection is None and self.error is None:
            self.error = self._disconnect_error


class DirectStream(CallStream):
    """The stream of a call that AWS's runtime makes without a wrapper."""

    wrapped = False
