"""The summary of one invocation: how it ended, how long it took, how much it sent.

`EntryPoint.respond` measures it, on every way into a handler, if there is a listener.
"""

from __future__ import annotations

import inspect
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..asgi.response import State
from ..errors import DeadlineExceeded
from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from ..invocation.current import Current
    from ..streams.response_stream import ResponseStream
    from ..types import JSON, Context

logger = get_logger("adapter.http")


class Outcome(StrEnum):
    """How an invocation ended."""

    COMPLETE = "complete"  #: the whole response was handed to Lambda
    FAILED = "failed"  #: the app failed: a 500, a failed invocation, or a broken stream
    TIMEOUT = "timeout"  #: the deadline passed
    DISCONNECTED = "disconnected"  #: Lambda stopped reading the response
    WARM_UP = "warm-up"  #: the event only keeps the environment warm


class Summary(NamedTuple):
    """A finished invocation. Times are in seconds since the handler got the event."""

    request_id: str
    outcome: Outcome
    status: int | None  #: of the HTTP response, if there was one
    streamed: bool  #: false: the response was buffered
    first_byte: float | None  #: when the first byte, of the head, was handed on; None if buffered
    duration: float  #: background tasks included
    bytes: int  #: of the body
    chunks: int  #: how many the body had


class Meter:
    """Takes the measurements of one invocation.

    Args:
        context: the context object of the invocation.
        stream: the stream of the runtime; None if the response is returned.
    """

    def __init__(self, context: Context | None, stream: ResponseStream | None) -> None:
        self.outcome = Outcome.COMPLETE
        self._request_id: str = getattr(context, "aws_request_id", "")
        self._carrier = stream
        self._stream = stream
        self._started = monotonic()

    def measure(self, stream: ResponseStream) -> None:
        """Measure ``stream``, which collects the response, instead of the runtime's stream."""
        self._stream = stream

    def ended(self, state: State) -> None:
        """Record how the response of an ASGI app ended."""
        if state is State.GONE:
            self.outcome = Outcome.DISCONNECTED
        elif state is State.EXPIRED:
            self.outcome = Outcome.TIMEOUT
        elif state is not State.COMPLETE:
            self.outcome = Outcome.FAILED

    def warmed_up(self) -> None:
        """Record that the event is a warm-up ping."""
        self.outcome = Outcome.WARM_UP

    def failed(self, error: BaseException) -> None:
        """Record the error of the invocation or of its response."""
        timeout = isinstance(error, DeadlineExceeded)
        self.outcome = Outcome.TIMEOUT if timeout else Outcome.FAILED

    def finish(self) -> Summary:
        """Stop measuring; return the summary."""
        stream, carrier = self._stream, self._carrier
        for each in {stream, carrier} - {None}:
            assert each is not None
            if each.error is not None:
                self.failed(each.error)
            elif each.disconnected and self.outcome is Outcome.COMPLETE:
                self.outcome = Outcome.DISCONNECTED
        head = None if stream is None else stream.head
        first_byte = None if carrier is None else carrier.first_byte
        return Summary(
            self._request_id,
            self.outcome,
            None if head is None else head.status,
            first_byte is not None,
            None if first_byte is None else first_byte - self._started,
            monotonic() - self._started,
            0 if stream is None else stream.body_bytes,
            0 if stream is None else stream.body_chunks,
        )


async def measured(
    response: Coroutine[Any, Any, JSON],
    record: Current,
    meter: Meter,
    listeners: list[Callable[[Summary], Any]],
) -> JSON:
    """Await ``response``, the invocation, and call the listeners with its summary.

    Raises:
        BaseException: the error of the invocation. An error of a listener is logged.
    """
    outer, record.meter = record.meter, meter
    try:
        return await response
    except BaseException as error:
        meter.failed(error)
        raise
    finally:
        record.meter = outer
        summary = meter.finish()
        for listener in listeners:
            await _tell(listener, summary)


async def _tell(listener: Callable[[Summary], Any], summary: Summary) -> None:
    try:
        result = listener(summary)
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        logger.error("on_complete raised", exc_info=error)
