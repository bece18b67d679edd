"""What one invocation was like: how it ended, how long it took, how much it sent.

It is measured in one place, around `EntryPoint.respond`, which is where every way into a handler
comes through; and only if somebody asked for it, so that no other invocation pays for it.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from .errors import DeadlineExceeded, EventError
from .loggers import get_logger
from .prelude import CONTENT_TYPE, decode
from .response import State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from .response import Head
    from .stream import ResponseStream
    from .types import JSON, Context

logger = get_logger("adapter.http")


class Outcome(StrEnum):
    """How an invocation ended."""

    COMPLETE = "complete"  #: the whole response was handed to Lambda
    FAILED = "failed"  #: the app failed: a 500, a failed invocation, or a broken stream
    TIMEOUT = "timeout"  #: its time was up
    DISCONNECTED = "disconnected"  #: Lambda stopped taking the response
    WARM_UP = "warm-up"  #: the event only keeps the environment warm


class Summary(NamedTuple):
    """One invocation, when it is over. Times in seconds, from when the handler got the event."""

    request_id: str
    outcome: Outcome
    status: int | None  #: of the HTTP response, if there was one
    streamed: bool  #: false: the answer was returned whole
    first_byte: float | None  #: when the first byte was handed on, the head included; if streamed
    duration: float  #: background tasks included
    bytes: int  #: of the body
    chunks: int  #: the body came in


class Meter:
    """Takes the measurements of one invocation."""

    def __init__(self, context: Context | None, stream: ResponseStream | None) -> None:
        self.outcome = Outcome.COMPLETE
        self.status: int | None = None
        self._request_id: str = getattr(context, "aws_request_id", "")
        self._stream = stream
        self._watched: list[ResponseStream] = []
        self._started = monotonic()
        self._first_byte: float | None = None
        self._bytes = 0
        self._chunks = 0
        if stream is not None:
            self.watch(stream)

    def watch(self, stream: ResponseStream) -> None:
        """Count what goes through ``stream``, which may be another than the runtime's.

        Its methods are shadowed, so that a stream that nobody watches does not even ask.
        """
        if stream in self._watched:
            return
        self._watched.append(stream)
        transmit, transmit_error = stream.transmit, stream.transmit_error
        began = False

        def counted(chunks: Sequence[bytes], end: bool) -> int:
            nonlocal began
            body = chunks = [chunk for chunk in chunks if chunk]
            if chunks and not began:
                began = True
                if stream.content_type == CONTENT_TYPE:
                    self._head(chunks[0])
                    body = chunks[1:]
            if chunks:
                self._count(body, stream)
            return transmit(chunks, end)

        def noted(error: BaseException) -> None:
            self.failed(error)
            transmit_error(error)

        stream.transmit = counted  # type: ignore[method-assign]
        stream.transmit_error = noted  # type: ignore[method-assign]

    def begin(self, begin: Callable[[Head], bytes]) -> Callable[[Head], bytes]:
        """Return a ``begin`` that has its status noted."""

        def noting(head: Head) -> bytes:
            self.status = head.status
            return begin(head)

        return noting

    def ended(self, state: State) -> None:
        """Take note of how an ASGI app has brought its response to an end."""
        if state is State.GONE:  # or its head could not be sent, which to the app is the same
            gone = any(stream.disconnected for stream in self._watched)
            self.outcome = Outcome.DISCONNECTED if gone else Outcome.FAILED
        elif state is State.EXPIRED:
            self.outcome = Outcome.TIMEOUT
        elif state is not State.COMPLETE:
            self.outcome = Outcome.FAILED

    def replaced(self, status: int) -> None:
        """Take note that another answer takes the place of the one that was measured."""
        self.status = status
        if self.outcome is Outcome.COMPLETE:
            self.outcome = Outcome.FAILED

    def warmed_up(self) -> None:
        """Note that the event is a warm-up ping."""
        self.outcome = Outcome.WARM_UP

    def failed(self, error: BaseException) -> None:
        """Take note of why the invocation or its response fails."""
        timeout = isinstance(error, DeadlineExceeded)
        self.outcome = Outcome.TIMEOUT if timeout else Outcome.FAILED

    def finish(self) -> Summary:
        """Stop measuring."""
        for stream in self._watched:
            del stream.transmit, stream.transmit_error  # the shadows
            if stream.disconnected and self.outcome is Outcome.COMPLETE:
                self.outcome = Outcome.DISCONNECTED
        return Summary(
            self._request_id,
            self.outcome,
            self.status,
            self._first_byte is not None,
            self._first_byte,
            monotonic() - self._started,
            self._bytes,
            self._chunks,
        )

    def _head(self, chunk: bytes) -> None:
        """Read the head that goes out, which may be another than the app's: a 500 in its place."""
        try:
            status: int = decode(chunk)[0]["statusCode"]
        except (EventError, KeyError):
            return  # somebody's own
        if self.status in (None, status):
            self.status = status
        else:
            self.replaced(status)

    def _count(self, chunks: Sequence[bytes], stream: ResponseStream) -> None:
        if self._first_byte is None and stream is self._stream:
            self._first_byte = monotonic() - self._started
        self._chunks += len(chunks)
        self._bytes += sum(map(len, chunks))


current_meter: ContextVar[Meter | None] = ContextVar("current_meter", default=None)
"""The meter of the invocation that is being served."""


async def measured(
    answer: Coroutine[Any, Any, JSON],
    context: Context | None,
    stream: ResponseStream | None,
    listeners: list[Callable[[Summary], Any]],
) -> JSON:
    """Await ``answer``, the invocation, and tell the listeners what it was like.

    Raises:
        BaseException: what the invocation raised; what a listener raises is logged.
    """
    meter = Meter(context, stream)
    token = current_meter.set(meter)
    try:
        return await answer
    except BaseException as error:
        meter.failed(error)
        raise
    finally:
        current_meter.reset(token)
        summary = meter.finish()
        for listener in listeners:
            await _tell(listener, summary)


async def _tell(listener: Callable[[Summary], Any], summary: Summary) -> None:
    try:
        result = listener(summary)
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        logger.error("The summary of an invocation could not be delivered.", exc_info=error)
