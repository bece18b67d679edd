"""One invocation: the event that goes in, and the answer as it comes out."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from enum import StrEnum
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import anyio

from .runtime_api.replies import MAX_PAYLOAD

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
MAX_STREAM = 200 * 1024 * 1024

KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


class EndOfResponse(StrEnum):
    """How a response ended; the values are those of AWS's ``End-Of-Response`` trailer."""

    COMPLETE = "Complete"
    TRUNCATED = "Truncated"
    OVERSIZED = "Oversized"


class ResponseEnd(NamedTuple):
    """The end of a response. A complete one may still carry an error: its trailers."""

    how: EndOfResponse
    error_type: str = ""
    error_body: str = ""  #: base64 of a JSON error object, as the runtime sent it

    @property
    def clean(self) -> bool:
        """Whether everything is there and nothing went wrong."""
        return self.how is EndOfResponse.COMPLETE and not self.error_type


class ResponseStart(NamedTuple):
    """The answer has begun: its content type. The bytes follow in `Invocation.body`."""

    content_type: str


class InvocationFailure(NamedTuple):
    """The invocation failed before the first byte: what its caller gets instead."""

    error_type: str
    payload: bytes = b""
    content_type: str = "application/json"
    in_init: bool = False  #: the runtime never got as far as the event


class LocalInvocation:
    """What a front door hands in, and where it finds the answer.

    The caller awaits `answer`, then reads `body` (which must be closed, and may be closed early:
    the rest is then read and thrown away, because a client that leaves does not stop a
    function), then looks at `end`. `done` is set when the environment is free again, which is
    later than the end of the body if the runtime still works.
    """

    def __init__(
        self,
        event: bytes,
        *,
        request_id: str,
        trace_id: str,
        client_context: str = "",
        limit: int | None = None,
        streaming: bool = True,
    ) -> None:
        self.event = event
        self.request_id = request_id
        self.trace_id = trace_id
        self.client_context = client_context
        if limit is None:
            limit = MAX_STREAM if streaming else MAX_PAYLOAD
        self.limit = limit
        self.streaming = streaming
        self.body: MemoryObjectReceiveStream[bytes]
        # No buffer: the runtime is read no faster than the client reads, as on AWS.
        self._sink, self.body = anyio.create_memory_object_stream[bytes](0)
        self.end: ResponseEnd | None = None
        self.done = anyio.Event()
        self.nonce = ""  #: of this delivery: one request may be delivered more than once
        self.deadline_ms = 0
        self.bytes = 0
        self.delivered_at: float | None = None
        self.first_byte_at: float | None = None
        self.ended_at: float | None = None
        self._answer: ResponseStart | InvocationFailure | None = None
        self._answered = anyio.Event()

    async def answer(self) -> ResponseStart | InvocationFailure:
        """Wait for the first byte, or for the end if there is none, or for the failure."""
        await self._answered.wait()
        assert self._answer is not None
        return self._answer

    def deliver(self, timeout: float) -> None:
        """Note that the runtime gets the event now: its time runs from here."""
        self.nonce = str(uuid4())
        self.delivered_at = monotonic()
        self.deadline_ms = int((time() + timeout) * 1000)

    def begin(self, content_type: str) -> None:
        """Take the head of the response. Nobody hears of it before the first byte."""
        if self.end is None:
            self._answer = ResponseStart(content_type)

    async def write(self, data: bytes) -> None:
        """Pass bytes on, as soon as they are wanted; drop them if nobody wants any."""
        if self.end is not None:
            return
        if self.first_byte_at is None:
            self.first_byte_at = monotonic()
            self._answered.set()
        self.bytes += len(data)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._sink.send(data)

    def finish(self, end: ResponseEnd) -> None:
        """End the response. Whatever ends it first, counts."""
        if self.end is None:
            self.end = end
            self.ended_at = monotonic()
            self._answered.set()
            self._sink.close()

    def fail(self, failure: InvocationFailure) -> None:
        """Fail the invocation: instead of an answer, or in the middle of it."""
        if self.end is not None:
            return
        if self.first_byte_at is None:
            self._answer = failure
            self.finish(ResponseEnd(EndOfResponse.COMPLETE, failure.error_type))
        else:
            self.finish(ResponseEnd(EndOfResponse.TRUNCATED, failure.error_type))


def platform_error(error_type: str, message: str) -> InvocationFailure:
    """Describe a failure in the words of the platform itself."""
    return InvocationFailure(
        error_type, json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    )


def exit_error(request_id: str, returncode: int) -> InvocationFailure:
    """Describe the death of a runtime process as RAPID does."""
    if returncode == 0:
        reason = "Runtime exited without providing a reason"
    elif returncode < 0:
        signal_name = {9: "killed", 15: "terminated", 11: "segmentation fault", 6: "aborted"}
        reason = (
            "Runtime exited with error: signal: "
            f"{signal_name.get(-returncode, f'signal {-returncode}')}"
        )
    else:
        reason = f"Runtime exited with error: exit status {returncode}"
    return platform_error("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


def timeout_error(request_id: str, timeout: float) -> InvocationFailure:
    """Describe a time-out as Lambda's callers see it."""
    return platform_error(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds",
    )


def known_error_type(error_type: str) -> str:
    """Return a reported error type as the platform keeps it (RAPID, fatalerror.go)."""
    if KNOWN_ERROR_TYPE.search(error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else "Runtime.Unknown"
