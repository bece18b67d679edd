"""The response stream that both runtimes write to: one chunked POST to the Runtime API."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import DeadlineExceeded, EventError, NotPosted, error_object
from ..loggers import get_logger
from ..prelude import CONTENT_TYPE, decode
from ..stream import ResponseStream
from ..wire import LAST_CHUNK, chunk, error_trailers, last_chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import JSON
    from ..wire import Response
    from .client import RuntimeClient
    from .connection import Connection
    from .invocation import Invocation

logger = get_logger("adapter.runtime")


class RuntimeStream(ResponseStream):
    """Sends every chunk as one HTTP chunk, at once.

    The request begins with the first write. So a failure before it can still be reported as one,
    and a handler that writes nothing can still have a buffered answer posted.
    """

    def __init__(self, client: RuntimeClient, invocation: Invocation) -> None:
        super().__init__()
        self._client = client
        self._invocation = invocation
        self._connection: Connection | None = None
        self._answer: asyncio.Future[Response] | None = None

    @property
    def answered(self) -> bool:
        """Whether anything was sent."""
        return self._answer is not None

    def respond(self, payload: bytes, content_type: str = "application/json") -> None:
        """Post a buffered answer, instead of writing to the stream."""
        answer = self._client.respond(self._invocation, payload, content_type)
        self._answer = asyncio.ensure_future(answer)
        self._close()

    async def answer(self) -> Response:
        """Return what the Runtime API says to whatever was sent.

        It comes when the platform has taken the whole body, which it may do slowly.

        Raises:
            ConnectionError: it says nothing, because the connection is gone.
            NotPosted: nothing was sent, after all; AWS's client may still send its own report.
        """
        if self._answer is None:  # the connection was gone before the first byte
            error = self._broken
            assert error is not None
            logger.error("The invocation failed: %s", error)
            self._report(error)
            assert self._answer is not None
        try:
            return await self._answer
        except NotPosted:
            self._answer = None
            raise

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Frame ``chunks`` and write them with one call."""
        frames = [chunk(data) for data in chunks if data]
        if end:
            frames.append(LAST_CHUNK)
        if self._connection is None:
            self._connection, head = self._begin()
            frames.insert(0, head)
        data = b"".join(frames)
        self._connection.write(data)
        return len(data)

    @property
    def congested(self) -> bool:
        """Whether the socket has not taken what was written."""
        assert self._connection is not None
        return self._connection.paused

    async def drain(self) -> None:
        """Wait until it has."""
        assert self._connection is not None
        await self._connection.drain()
        if self._broken is not None:
            raise self._broken

    def transmit_error(self, error: BaseException) -> None:
        """Report ``error``: as the outcome before the first byte, in trailers after it."""
        if self._connection is None:
            self._report(error)
        else:
            described = error_object(error, self._invocation.request_id)
            self._connection.write(last_chunk(error_trailers(described)))

    def _begin(self) -> tuple[Connection, bytes]:
        connection = self._client.connection
        if connection is None:
            self.disconnect("The connection to the Runtime API was lost before the response.")
            raise self._broken or AssertionError
        self._answer = connection.expect()
        self._answer.add_done_callback(self._answered)
        return connection, self._client.response_head(self._invocation, self.content_type)

    def _report(self, error: BaseException) -> None:
        self._answer = asyncio.ensure_future(self._client.error(self._invocation, error))

    def _answered(self, answer: asyncio.Future[Response]) -> None:
        """Stop whoever still writes: an answer before the end is a refusal of the rest."""
        if self.closed:
            return
        error = answer.exception()
        self.disconnect(
            f"The Runtime API refused the response with {answer.result().status}."
            if error is None
            else f"The Runtime API stopped reading the response: {error}"
        )
        self._client.close()


class Attempt(RuntimeStream):
    """A call's attempt to answer an invocation; failed before the first byte, it has not.

    That failure is for whoever called, who may answer in another way. Except for what cannot wait
    for them, or would end the process on the way.

    Args:
        outcome: the stream of the invocation, which ends when this one begins.
    """

    def __init__(self, outcome: RuntimeStream) -> None:
        super().__init__(outcome._client, outcome._invocation)
        self.failure: Exception | None = None
        self._first = b""
        self._outcome = outcome

    @property
    def summary(self) -> JSON:
        """What wrappers get to see of a response that is gone: its status, if it is HTTP's."""
        with suppress(EventError, KeyError):  # a prelude written in pieces, or without a status
            if self.content_type == CONTENT_TYPE:
                return {"statusCode": decode(self._first)[0]["statusCode"]}
        return {}

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Keep the first chunk, which has the status."""
        self._first = self._first or next(filter(None, chunks), b"")
        return super().transmit(chunks, end)

    def transmit_error(self, error: BaseException) -> None:
        """Leave ``error`` to the caller if it can be, and if nothing was sent."""
        if self._connection is None and isinstance(error, Exception):
            self.failure = error
            if not isinstance(error, DeadlineExceeded):
                return
        super().transmit_error(error)

    def disconnect(self, reason: str) -> None:
        """Note that nobody reads; if nothing was sent either, that is a failure."""
        super().disconnect(reason)
        if not self.answered:
            self.failure = self._broken

    def _begin(self) -> tuple[Connection, bytes]:
        if self._outcome.closed:
            self.disconnect("The invocation has been answered in another way.")
            raise self._broken or AssertionError
        begun = super()._begin()
        self._end_outcome()
        return begun

    def _report(self, error: BaseException) -> None:
        if not self._outcome.closed:
            super()._report(error)
            self._end_outcome()

    def _end_outcome(self) -> None:
        self._outcome._answer = self._answer
        self._outcome._close()
