"""One ASGI exchange: runs the app and performs what its messages mean on a response stream."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from ..errors import ClientDisconnected, DeadlineExceeded, ResponseTooLarge, StreamClosed, advice
from ..invocation import forks
from ..invocation.deadline import Deadline
from ..invocation.loggers import get_logger
from ..types import Head
from .response import End, Failure, State, plain

if TYPE_CHECKING:
    from ..events import Source
    from ..streams.response_stream import ResponseStream
    from ..types import ASGIApp, Message, Scope
    from .response import Operations, Response

logger = get_logger("adapter.http")

HEAD_DELAY = 0.25
"""Seconds the head waits for the first body message, so that a failure can still be a 500."""

CANCEL_DELAY = 0.05
"""Seconds between telling an app that it is too late and cancelling it. An app that listens for
a disconnect ends by itself; Django, cancelled instead, would leave its tasks running behind."""


class HttpCycle:
    """The exchange of one request and its response with the app.

    Args:
        app: the ASGI app.
        scope: its connection scope.
        body: the request body, all of it.
        response: a fresh state machine.
        stream: where the response goes.
        source: the event source, for which the head is rendered.
        max_seconds: how long the stream may go on after its head; 0: without a limit.
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
        self._holds_head = False  #: until the first body message, or for `HEAD_DELAY`
        self._max_seconds = max_seconds
        self._deadline: Deadline | None = None
        stream.on_close = response.disconnected
        if stream.closed:
            response.disconnected()

    async def run(self, seconds: float | None) -> None:
        """Run the app; the response always reaches exactly one final state.

        When ``seconds`` are over first, the client is told at once and the app by a disconnect, and
        is cancelled if that does not end it. An app that goes on all the same, or waits for a
        thread that does, is waited for, because it must not overlap the next invocation.
        Nothing the app does is raised here: the stream has been ended, or has failed with the
        error of the app.

        Raises:
            CancelledError: the current task was cancelled from outside.
        """
        self._deadline = deadline = Deadline(seconds, self._expire, CANCEL_DELAY)
        self._alarms = deadline.alarms
        before = forks.count
        error: BaseException | None = None
        try:
            await self._app(self._scope, self.receive, self.send)
        except BaseException as raised:  # SystemExit, too, ends only the response
            error = raised
        if forks.count != before:
            forks.exit_if_forked(before)
        if error is None and self._response.state is State.COMPLETE and not self._max_seconds:
            deadline.end()  # as nearly every exchange ends: there is nothing left to do
        else:
            self._end(error, deadline)

    def _end(self, error: BaseException | None, deadline: Deadline) -> None:
        try:
            if error is None:
                self._returned()
            else:
                self._raised(error, deadline)
        finally:
            self._let_head_go()
            if self._max_seconds:
                self._alarms.clear(self._limit)
            deadline.end()

    async def receive(self) -> Message:
        """Give the app the request, and then nothing until its response is over."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._stream.wait_closed()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the app; return when its bytes have been handed on.

        Raises:
            UnexpectedMessage: it is malformed, or not allowed now.
            ClientDisconnected: the client is gone, or the response has been ended otherwise.
        """
        response = self._response
        before = response.state
        operations = response.send(message)
        after = response.state
        if after is State.STARTED:
            self._holds_head = True
            self._alarms.set(self._flush_head, HEAD_DELAY)
            return
        try:
            if operations and before is State.STREAMING and after is State.STREAMING:  # one chunk
                rest = self._stream.write_chunk(operations[0])  # type: ignore[arg-type]
                if rest is not None:
                    await rest
            else:
                # Also with nothing to send: it gives the event loop a turn, which the body of a
                # response to HEAD owes it as well.
                chunks, end = self._prepare(operations)
                if end:
                    self._stream.on_close = None  # what follows changes a complete response no more
                await self._stream.writelines(chunks, end=end)
        except ResponseTooLarge as error:
            self._refuse(error)
            raise ClientDisconnected(str(error)) from error
        except StreamClosed as error:  # by the carrier of the stream: for the app it is the same
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
                self._let_head_go()
                self._stream.start(operation, self._source)
                if self._max_seconds:
                    self._alarms.set(self._limit, self._max_seconds)
        return chunks, end

    def _limit(self) -> None:
        """End the stream, because it has gone on for as long as it may, and then the app."""
        if self._stream.is_in_message:
            self._alarms.set(self._limit, CANCEL_DELAY)
            return
        operations = self._response.limited()
        if operations:
            assert self._deadline is not None
            self._perform_now(operations)
            self._deadline.wait_for_end()
            logger.info(
                "Stream ended after %g s (max_stream_seconds): %s",
                self._max_seconds,
                self._request_line(),
            )

    def _flush_head(self) -> None:
        self._perform_now(self._response.flush())

    def _perform_now(self, operations: Operations) -> None:
        """Perform operations where nothing can wait. A client that is gone is no error then."""
        self._let_head_go()
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
        """Replace a response that the event source does not take."""
        self._perform_now(self._response.refused(error))
        logger.error("%s: %s", error, self._request_line())

    def _let_head_go(self) -> None:
        if self._holds_head:
            self._holds_head = False
            self._alarms.clear(self._flush_head)

    def _returned(self) -> None:
        operations = self._response.returned()
        if operations:
            self._perform_now(operations)
            self._log_error("The app returned, but its response had not ended", None)

    def _raised(self, error: BaseException, deadline: Deadline) -> None:
        state = self._response.state
        gone = is_disconnect(error)
        self._perform_now(self._response.raised(error))
        if deadline.expired and (gone or isinstance(error, asyncio.CancelledError)):
            pass  # expected: the error that ended the app at its deadline, which has been logged
        elif isinstance(error, asyncio.CancelledError) and deadline.interrupted:
            logger.warning("App cancelled: environment is shutting down: %s", self._request_line())
        elif gone and state is State.REFUSED:
            pass  # expected: the error of a response too large, which has been logged
        elif gone and state in (State.GONE, State.COMPLETE):  # that is, with the last message
            logger.info("Client disconnected: %s", self._request_line())
        elif state is State.COMPLETE:
            self._log_error("The app failed after its response had ended", error)
        else:
            self._log_error("The app failed", error)
        if gone or isinstance(error, asyncio.CancelledError):
            clear_frames(error)

    def _expire(self, seconds: float) -> None:
        error = DeadlineExceeded(f"The app was still running when its {seconds:.2f} s were over")
        ended = self._stream.closed
        self._perform_now(self._response.expired(error))
        self._log_error(f"{error}{', though its response had ended' if ended else ''}", None)

    def _log_error(self, what: str, error: BaseException | None) -> None:
        what += advice(error)
        logger.error("%s: %s", what, self._request_line(), exc_info=error)

    def _request_line(self) -> str:
        path: bytes = self._scope.get("raw_path", b"")
        return f"{self._scope.get('method', '')} {path.decode('latin-1')}"


def respond_plainly(status: int, method: str, stream: ResponseStream, source: Source) -> None:
    """Respond in place of the app: ``status``, and its reason as text."""
    head, *rest = plain(status, to_head_request=method == "HEAD")
    assert isinstance(head, Head)
    stream.start(head, source)
    stream.writelines_nowait([part for part in rest if isinstance(part, bytes)], end=True)


def is_disconnect(error: BaseException) -> bool:
    """Whether ``error`` comes of a disconnect, and of nothing else.

    Frameworks raise errors of their own for it, or groups. Errors may refer to one another in
    circles, and groups may be nested deeply: each error is visited once, without recursion.
    """
    pending = [error]
    seen: set[int] = set()
    found = False
    while pending:
        error = pending.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        origin = error.__cause__ or error.__context__
        if isinstance(error, ClientDisconnected):
            found = True
        elif isinstance(error, BaseExceptionGroup):
            pending += error.exceptions
        elif origin is not None:
            pending.append(origin)
        else:
            return False
    return found


def clear_frames(error: BaseException) -> None:
    """Clear the frames that ``error`` went through and that have ended.

    Frameworks keep the error of a disconnect, and so its frames, in a circle: a generator that the
    error stopped in one of them would end only with the next garbage collection. A frame that goes
    on is left alone: before Python 3.13, clearing the frame of a suspended coroutine would end the
    coroutine: a worker task, perhaps, that has caught the error and passed it on.

    A frame has its code among the objects that it owns only when it has ended. Before that, its
    coroutine, its generator or the thread owns them (``frame_traverse`` in CPython's
    ``frameobject.c``).
    """
    trace = error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        if frame.f_code in gc.get_referents(frame):
            frame.clear()
