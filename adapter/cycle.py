"""One ASGI exchange: runs the app and performs what its messages mean on a response stream."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

from .deadline import Deadline
from .errors import ClientDisconnected, DeadlineExceeded, StreamClosed
from .loggers import get_logger
from .response import End, Failure, Head, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .response import Operations, Response
    from .stream import ResponseStream
    from .types import ASGIApp, Message, Scope

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
        begin: called once with the head; returns what to send in front of the body.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        body: bytes,
        response: Response,
        stream: ResponseStream,
        begin: Callable[[Head], bytes],
    ) -> None:
        self._app = app
        self._scope = scope
        self._body: bytes | None = body
        self._response = response
        self._stream = stream
        self._begin = begin
        self._head_timer: asyncio.TimerHandle | None = None

    async def run(self, seconds: float | None) -> None:
        """Run the app to its end in the current task, and its response to one of its own.

        When ``seconds`` are over first, the client is told at once and the app by a disconnect, and
        is cancelled if that does not end it. An app that goes on all the same, or waits for a
        thread that does, is waited for, because what runs on must not meet the next invocation.
        Nothing the app does is raised here: the stream has been ended, or has failed with what
        the app raised.

        Raises:
            CancelledError: the current task was cancelled from outside.
        """
        deadline = Deadline(seconds, self._expire, CANCEL_DELAY)
        try:
            await self._app(self._scope, self.receive, self.send)
        except BaseException as error:  # SystemExit and its like end the response, not us
            self._raised(error, deadline)
            if is_disconnect(error) or isinstance(error, asyncio.CancelledError):
                # Frameworks keep the error, and so its frames, in a circle: a generator that it
                # stopped in one of them would end only with the next garbage collection. Errors of
                # the app's own are its own: one that it keeps may have frames that are still used.
                traceback.clear_frames(error.__traceback__)
        else:
            self._returned()
        deadline.end()

    async def receive(self) -> Message:
        """Give the app the request, and then nothing until its response is over."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._stream.wait_closed()
        self._response.disconnected()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the app; return when its bytes have been handed on.

        Raises:
            UnexpectedMessage: it is malformed, or not allowed now.
            ClientDisconnected: nobody reads any more.
        """
        operations = self._response.send(message)
        if self._response.state is State.STARTED:
            loop = asyncio.get_running_loop()
            self._head_timer = loop.call_later(HEAD_DELAY, self._flush_head)
            return
        chunks, end = self._prepare(operations)
        try:
            # Also with nothing to send: it gives the event loop a turn, which the body of a
            # response to HEAD owes it as well.
            await self._stream.writelines(chunks, end=end)
        except ClientDisconnected:
            self._response.disconnected()
            raise
        except StreamClosed as error:  # by whoever carries it: to the app it is the same
            self._response.disconnected()
            raise ClientDisconnected(str(error)) from error

    def _prepare(self, operations: Operations) -> tuple[list[bytes], bool]:
        """Return what ``operations`` send, and whether the response ends with it."""
        chunks: list[bytes] = []
        end = False
        for operation in operations:
            if isinstance(operation, bytes):
                chunks.append(operation)
            elif isinstance(operation, End):
                end = True
            elif isinstance(operation, Head):
                self._cancel_head_timer()
                chunks.append(self._begin(operation))
        return chunks, end

    def _flush_head(self) -> None:
        self._perform_now(self._response.flush())

    def _perform_now(self, operations: Operations) -> None:
        """Perform operations where nothing can wait. That the client is gone is then no news."""
        self._cancel_head_timer()
        for operation in operations:
            if isinstance(operation, Failure):
                self._stream.fail(operation.error)
                return
        chunks, end = self._prepare(operations)
        if chunks or end:
            try:
                self._stream.writelines_nowait(chunks, end=end)
            except (ClientDisconnected, StreamClosed):
                self._response.disconnected()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _returned(self) -> None:
        operations = self._response.returned()
        if operations:
            self._log_error("The app returned, but its response had not ended", None)
            self._perform_now(operations)

    def _raised(self, error: BaseException, deadline: Deadline) -> None:
        state = self._response.state
        gone = is_disconnect(error)
        if deadline.expired and (gone or isinstance(error, asyncio.CancelledError)):
            pass  # it does as it was told, and what happened has been logged
        elif deadline.interrupted and isinstance(error, asyncio.CancelledError):
            logger.warning("The app was cut short, the environment ends: %s", self._request_line())
        elif gone and state in (State.GONE, State.COMPLETE):  # that is, with the last message
            logger.info("The client went away: %s", self._request_line())
        elif state is State.COMPLETE:
            self._log_error("The app failed after its response had ended", error)
        else:
            self._log_error("The app failed", error)
        self._perform_now(self._response.raised(error))

    def _expire(self, seconds: float) -> None:
        error = DeadlineExceeded(f"The app was still running when its {seconds:.2f} s were over")
        ended = self._stream.closed
        self._log_error(f"{error}{', though its response had ended' if ended else ''}", None)
        self._perform_now(self._response.expired(error))

    def _log_error(self, what: str, error: BaseException | None) -> None:
        logger.error("%s: %s", what, self._request_line(), exc_info=error)

    def _request_line(self) -> str:
        path: bytes = self._scope.get("raw_path", b"")
        return f"{self._scope.get('method', '')} {path.decode('latin-1')}"


def is_disconnect(error: BaseException | None) -> bool:
    """Whether ``error`` is ours or made of ours: frameworks raise their own, or a group of them."""
    while error is not None:
        if isinstance(error, ClientDisconnected):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(map(is_disconnect, error.exceptions))
        error = error.__cause__ or error.__context__
    return False
