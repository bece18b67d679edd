"""One invocation: the event, and the response as it arrives."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio

from .invocation_steps import Ended, Logged
from .outcome import EndOfResponse, InvocationFailure, ResponseEnd, ResponseStart
from .response_body import ResponseBody

if TYPE_CHECKING:
    from .invocation_steps import InvocationStep, Listener

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 + 100
"""The largest event and the largest buffered response of the Runtime API (RAPID)."""

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
MAX_STREAM_BYTES = 200 * 1024 * 1024

MAX_LOG_BYTES = 4096
"""How much of its log an invocation returns to its caller."""


class LocalInvocation:
    """An event that a front end submits, and the response to it.

    The front end awaits `wait_for_start`, reads `body`, then looks at `end`. It must close `body`,
    and may close it early: the rest of the response is then read and discarded, because a client
    that disconnects does not stop a function. `done` is set when the environment is free again. If
    the runtime keeps working after its response, that is later than the end of the body.
    """

    def __init__(
        self,
        event: bytes,
        *,
        request_id: str,
        trace_id: str,
        client_target: str = "",
        client_context: str = "",
        tenant_id: str = "",
        wants_log: bool = False,
        max_bytes: int | None = None,
        streaming: bool = True,
    ) -> None:
        self.event = event
        self.request_id = request_id
        self.trace_id = trace_id
        self.client_target = client_target  #: path and query of the client's HTTP request, if any
        self.client_context = client_context
        self.tenant_id = tenant_id
        self.log_tail = b"" if wants_log else None  #: the end of the log, if the caller wants it
        self.logged = anyio.Event()  #: the log is complete
        if max_bytes is None:
            max_bytes = MAX_STREAM_BYTES if streaming else MAX_PAYLOAD_BYTES
        self.max_bytes = max_bytes  #: of the response
        self.streaming = streaming
        self.body = ResponseBody()
        self.end: ResponseEnd | None = None
        self.done = anyio.Event()
        self.nonce = ""  #: identifies one delivery; an event may be delivered more than once
        self.deadline_ms = 0
        self.bytes = 0  #: of the response, so far
        self.delivered_at: float | None = None
        self.first_byte_at: float | None = None
        self.ended_at: float | None = None
        self.listener: Listener | None = None
        self._start: ResponseStart | InvocationFailure | None = None
        self._started = anyio.Event()

    def notify(self, step: InvocationStep) -> None:
        """Tell the listener about a step, if there is a listener."""
        if self.listener is not None:
            self.listener(step)

    def log(self, line: str, *, is_certain: bool) -> None:
        """Take a line of the log.

        ``is_certain``: no other invocation can have written the line. Only then the caller gets it.
        """
        if self.log_tail is not None and is_certain:
            self.log_tail = (self.log_tail + f"{line}\n".encode())[-MAX_LOG_BYTES:]
        self.notify(Logged(monotonic(), line))

    async def wait_for_start(self) -> ResponseStart | InvocationFailure:
        """Wait for the first byte, for the end of an empty response, or for a failure."""
        await self._started.wait()
        assert self._start is not None
        return self._start

    def deliver(self, timeout_seconds: float) -> None:
        """Record that the runtime receives the event now: its timeout starts."""
        self.nonce = str(uuid4())
        self.delivered_at = monotonic()
        self.deadline_ms = int((time() + timeout_seconds) * 1000)

    def begin(self, content_type: str) -> None:
        """Take the head of the response, which `wait_for_start` returns with the first byte."""
        if self.end is None:
            self._start = ResponseStart(content_type)

    async def write(self, data: bytes) -> None:
        """Pass bytes to the reader of `body`, or discard them if `body` is closed."""
        if self.end is not None:
            return
        if self.first_byte_at is None:
            self.first_byte_at = monotonic()
            self._started.set()
        self.bytes += len(data)
        await self.body.put(data)

    def finish(self, end: ResponseEnd) -> None:
        """End the response. Only the first call has an effect."""
        if self.end is None:
            self.end = end
            self.ended_at = monotonic()
            self._started.set()
            self.body.end()
            failure = self._start if isinstance(self._start, InvocationFailure) else None
            self.notify(Ended(self.ended_at, end, failure.summarise() if failure else ""))

    def fail(self, failure: InvocationFailure) -> None:
        """Fail the invocation, before its response or in the middle of it."""
        if self.end is not None:
            return
        if self.first_byte_at is None:
            self._start = failure
            # Complete: the error is the whole response, and no bytes are missing.
            self.finish(ResponseEnd(EndOfResponse.COMPLETE, failure.error_type))
        else:
            self.finish(ResponseEnd(EndOfResponse.TRUNCATED, failure.error_type))
