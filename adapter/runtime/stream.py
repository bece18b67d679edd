"""The response stream that both runtimes write to: one chunked POST to the Runtime API."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import DeadlineExceeded, EventError, error_object
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

logger = logging.getLogger("adapter.runtime")


class RuntimeStream(ResponseStream):
    """Sends every chunk as one HTTP chunk, at once.

    The request begins with the first write. So a failure before it can still be reported as one,
    and a handler that writes nothing can still have a buffered answer posted.
    """

    #: Whether a failure before the first byte is not reported but left to `take_failure`.
    raises = False

    def __init__(self, client: RuntimeClient, invocation: Invocation) -> None:
        super().__init__()
        self._client = client
        self._invocation = invocation
        self._connection: Connection | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._first = b""
        self._failure: Exception | None = None

    @property
    def answered(self) -> bool:
        """Whether anything was sent."""
        return self._answer is not None

    @property
    def summary(self) -> JSON:
        """What wrappers get to see of a response that is gone: its status, if it is HTTP's."""
        with suppress(EventError, KeyError):  # a prelude written in pieces, or without a status
            if self.content_type == CONTENT_TYPE:
                return {"statusCode": decode(self._first)[0]["statusCode"]}
        return {}

    def take_failure(self) -> Exception | None:
        """Return what is to be raised, if it failed; where nothing was sent it is open again."""
        failure, self._failure = self._failure, None
        if failure is not None and not self.answered:
            super().__init__()
        return failure

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
        """
        if self._answer is None:  # the connection was gone before the first byte
            error = self._broken
            assert error is not None
            logger.error("The invocation failed: %s", error)
            self._answer = self._report(error)
        return await self._answer

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Frame ``chunks`` and write them with one call."""
        frames = [chunk(data) for data in chunks if data]
        if end:
            frames.append(LAST_CHUNK)
        if self._connection is None:
            self._connection, head = self._begin()
            frames.insert(0, head)
            self._first = next(filter(None, chunks), b"")
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
        if self._connection is not None:
            described = error_object(error, self._invocation.request_id)
            self._connection.write(last_chunk(error_trailers(described)))
            return
        if self.raises and isinstance(error, Exception):
            self._failure = error
            if not isinstance(error, DeadlineExceeded):  # which cannot wait for its wrappers
                return
        self._answer = self._report(error)

    def disconnect(self, reason: str) -> None:
        """Note that nobody reads; if nothing was sent either, that is a failure."""
        super().disconnect(reason)
        if self.raises and not self.answered:
            self._failure = self._broken

    def _begin(self) -> tuple[Connection, bytes]:
        connection = self._client.connection
        if connection is None:
            self.disconnect("The connection to the Runtime API was lost before the response.")
            raise self._broken or AssertionError
        self._answer = connection.expect()
        self._answer.add_done_callback(self._answered)
        return connection, self._client.response_head(self._invocation, self.content_type)

    def _report(self, error: BaseException) -> asyncio.Future[Response]:
        return asyncio.ensure_future(self._client.error(self._invocation, error))

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
