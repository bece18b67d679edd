"""One ASGI exchange: calls the app and performs the operations of its messages on a stream."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from ..errors import (
    ClientDisconnected,
    DeadlineExceeded,
    ResponseTooLarge,
    StreamClosed,
    cause_of,
    read_only_hint,
)
from ..invocation import forks
from ..invocation.deadline import Deadline
from ..invocation.loggers import get_logger
from ..invocation.tasks import generators_closed
from ..types import Head
from .response import End, Failure, State, plain_response

if TYPE_CHECKING:
    from ..events import Source
    from ..streams.response_stream import ResponseStream
    from ..types import ASGIApp, Message, Scope
    from .response import Operations, Response

logger = get_logger("adapter.http")

HEAD_DELAY_SECONDS = 0.25
"""How long the head waits for the first body message, so that a failure can still be a 500."""

CANCEL_DELAY_SECONDS = 0.05
"""How long after its disconnect at the deadline an app is cancelled.

In this time an app that waits for ``http.disconnect`` ends by itself. Django leaves its tasks
running if it is cancelled at once."""


class HttpCycle:
    """The exchange of one request and its response with the app.

    Args:
        app: the ASGI app.
        scope: the connection scope.
        body: the whole request body.
        response: a fresh state machine.
        stream: the stream that the response is written to.
        source: the event source, for which the head is rendered.
        max_seconds: how long a stream without a content-length may go on; 0: without a limit.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        body: bytes,
        response: Response,
        stream: ResponseStream,
        source: Source,
        max_seconds: float = 0.0,
    ) -> None:
        self._app = app
        self._scope = scope
        self._body: bytes | None = body
        self._response = response
        self._stream = stream
        self._source = source
        self._max_seconds = max_seconds
        self._deadline: Deadline | None = None
        stream.on_close = response.disconnected
        if stream.closed:
            response.disconnected()

    async def run(self, seconds: float | None) -> None:
        """Run the app until it returns; the response always reaches exactly one final state.

        After ``seconds`` the response is ended, and the app gets a disconnect; an app that still
        runs after that is cancelled. This method waits even for an app that continues after its
        cancellation, or for a thread of the app, because the app must not overlap the next
        invocation. An error of the app is not raised here: the stream has failed with that error.

        Raises:
            CancelledError: the current task was cancelled from outside.
        """
        deadline = Deadline(seconds, self._expire, CANCEL_DELAY_SECONDS)
        self._timers = deadline.timers
        if self._max_seconds:
            self._deadline = deadline
        before = forks.generation
        try:
            await self._app(self._scope, self.receive, self.send)
        except BaseException as error:  # even SystemExit ends only the response
            if forks.generation != before:
                forks.exit_if_forked(before)
            self._end(error, deadline)
        else:
            if forks.generation != before:
                forks.exit_if_forked(before)
            if self._response.state is State.COMPLETE and not self._max_seconds:
                deadline.end()  # nearly every exchange ends here
                return
            self._end(None, deadline)
        await generators_closed()  # the error is forgotten, which may have kept them

    def _end(self, error: BaseException | None, deadline: Deadline) -> None:
        try:
            if error is None:
                self._returned()
            else:
                self._raised(error, deadline)
        finally:
            self._timers.remove(self._flush_head)
            if self._max_seconds:
                self._timers.remove(self._limit)
                self._deadline = None  # the deadline refers to `_expire`: a reference cycle
            deadline.end()

    async def receive(self) -> Message:
        """Give the app the request, and after the end of its response a disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._stream.wait_closed()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the app; return when its bytes have been written to the socket.

        Raises:
            UnexpectedMessage: the message is malformed, or not allowed now.
            ClientDisconnected: the client has disconnected, or the adapter has ended the response.
        """
        response = self._response
        before = response.state
        operations = response.send(message)
        after = response.state
        if after is State.STARTED:
            self._timers.set(self._flush_head, HEAD_DELAY_SECONDS)
            return
        try:
            if operations and before is State.STREAMING and after is State.STREAMING:  # one chunk
                rest = self._stream.write_chunk(operations[0])  # type: ignore[arg-type]
                if rest is not None:
                    await rest
            else:
                # Also without chunks, as for a HEAD request: the call gives the event loop a turn.
                chunks, end = self._prepare(operations)
                if end:
                    self._stream.on_close = None  # a complete response does not change
                await self._stream.writelines(chunks, end=end)
        except ResponseTooLarge as error:
            self._refuse(error)
            raise ClientDisconnected(str(error)) from error
        except StreamClosed as error:  # closed by the runtime: a disconnect for the app
            raise ClientDisconnected(str(error)) from error

    def _prepare(self, operations: Operations) -> tuple[list[bytes], bool]:
        """Return the chunks of ``operations``, and whether the response ends with them."""
        chunks: list[bytes] = []
        end = False
        for operation in operations:
            if isinstance(operation, bytes):
                chunks.append(operation)
            elif isinstance(operation, End):
                end = True
            elif isinstance(operation, Head):
                self._timers.remove(self._flush_head)
                self._stream.start(operation, self._source)
                if self._max_seconds:
                    self._timers.set(self._limit, self._max_seconds)
        return chunks, end

    def _limit(self) -> None:
        """End the stream after ``max_seconds``, and then the app."""
        if self._stream.is_in_message:  # look again until the message is written
            self._timers.set(self._limit, CANCEL_DELAY_SECONDS)
            return
        operations = self._response.limited()
        if operations:
            assert self._deadline is not None
            self._perform_now(operations)
            self._deadline.start_grace()
            logger.info(
                "Stream ended after %g s (max_stream_seconds): %s",
                self._max_seconds,
                self._request_line(),
            )

    def _flush_head(self) -> None:
        self._perform_now(self._response.flush())

    def _perform_now(self, operations: Operations) -> None:
        """Perform operations without waiting. A disconnect of the client is not an error here."""
        self._timers.remove(self._flush_head)
        for operation in operations:
            if isinstance(operation, Failure):
                self._stream.fail(operation.error)
                return
        try:
            chunks, end = self._prepare(operations)
            if operations:
                self._stream.writelines_nowait(chunks, end=end)
        except ResponseTooLarge as error:
            self._refuse(error)
        except (ClientDisconnected, StreamClosed):
            return

    def _refuse(self, error: ResponseTooLarge) -> None:
        """Replace a response that is too large for the event source."""
        self._perform_now(self._response.refused(error))
        logger.error("%s: %s", self._request_line(), error)  # the error ends with a full stop

    def _returned(self) -> None:
        operations = self._response.returned()
        if operations:
            self._perform_now(operations)
            self._log_error("The app returned, but its response had not ended", None)

    def _raised(self, error: BaseException, deadline: Deadline) -> None:
        state = self._response.state
        gone = is_disconnect(error)
        cancelled = issubclass(type(error), asyncio.CancelledError)
        self._perform_now(self._response.raised(error))
        if deadline.ended_response and (gone or cancelled):
            pass  # the deadline or max_stream_seconds has ended the app, which has been logged
        elif cancelled and deadline.interrupted:
            logger.warning("App cancelled: environment is shutting down: %s", self._request_line())
        elif gone and state is State.REFUSED:
            pass  # the response is too large, which has been logged
        elif gone and self._stream.error is not None and not self._stream.disconnected:
            pass  # the response could not be rendered; `BufferedStream.result` raises that error
        elif gone and state in (State.GONE, State.COMPLETE):
            # COMPLETE: the client disconnected while the last message was sent.
            logger.info("Client disconnected: %s", self._request_line())
        elif state is State.COMPLETE:
            self._log_error(self._late_failure(), error)
        else:
            self._log_error("The app failed", error)
        if gone or cancelled:
            clear_frames(error)

    def _late_failure(self) -> str:
        """Say that the app failed after its response had ended.

        Starlette's `ServerErrorMiddleware` sends a 500 and raises the error again.
        """
        head = self._stream.head
        if head is not None and head.status >= 500:
            return f"The app failed, and has sent a {head.status} itself"
        return "The app failed after its response had ended"

    def _expire(self, seconds: float) -> None:
        error = DeadlineExceeded(
            f"The app was still running at its deadline, after {seconds:.2f} s"
        )
        ended = self._stream.closed
        self._perform_now(self._response.expired(error))
        self._log_error(f"{error}{', though its response had ended' if ended else ''}", None)

    def _log_error(self, text: str, error: BaseException | None) -> None:
        text += read_only_hint(error)
        logger.error("%s: %s", text, self._request_line(), exc_info=error)

    def _request_line(self) -> str:
        raw_path = self._scope.get("raw_path")  # optional: Mangum's handlers have None
        if isinstance(raw_path, bytes):
            path = raw_path.decode("latin-1")
        else:
            path = self._scope.get("path", "")
        return f"{self._scope.get('method', '')} {path}"


def respond_plainly(status: int, method: str, stream: ResponseStream, source: Source) -> None:
    """Respond instead of the app, with ``status`` and its reason phrase as the body."""
    head, *rest = plain_response(status, to_head_request=method == "HEAD")
    assert isinstance(head, Head)
    stream.start(head, source)
    stream.writelines_nowait([part for part in rest if isinstance(part, bytes)], end=True)


# Python's getter: a class of an app may define an attribute of the same name.
_exceptions_of = BaseExceptionGroup.__dict__["exceptions"].__get__


def is_disconnect(
    error: BaseException, kinds: tuple[type[BaseException], ...] = (ClientDisconnected,)
) -> bool:
    """Whether a disconnect is the only cause of ``error``; ``kinds``: the errors of a disconnect.

    Frameworks may raise another error from the disconnect, or an exception group. The causes of
    errors may form a circle, and groups may be nested deeply. So each error is visited once,
    without recursion.
    """
    pending = [error]
    seen: set[int] = set()
    found = False
    while pending:
        error = pending.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        cause = cause_of(error)
        if issubclass(type(error), kinds):  # isinstance() would read error.__class__
            found = True
        elif issubclass(type(error), BaseExceptionGroup):
            pending += _exceptions_of(error)
        elif cause is not None:
            pending.append(cause)
        else:
            return False
    return found


def clear_frames(error: BaseException) -> None:
    """Clear the frames in the traceback of ``error`` that have ended.

    Frameworks keep the error of a disconnect, with its frames, in a reference cycle. So a generator
    that the error stopped would be closed only at the next garbage collection. A frame that still
    runs is not cleared: before Python 3.13 that would end a suspended coroutine, for example of a
    worker task that has caught the error.

    `gc.get_referents` lists the code object of a frame only after the call has ended
    (``frame_traverse`` in CPython's ``frameobject.c``).
    """
    trace = error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        if frame.f_code in gc.get_referents(frame):
            frame.clear()
