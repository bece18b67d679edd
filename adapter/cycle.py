"""One ASGI exchange: runs the app and performs what its messages mean on a response stream."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .errors import ClientDisconnected, DeadlineExceeded
from .response import Chunk, End, Head, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .response import Operations, Response
    from .stream import ResponseStream
    from .types import ASGIApp, Message, Scope

logger = logging.getLogger("adapter.http")

HEAD_DELAY = 0.25
"""Seconds the head waits for the first body message, so that a failure can still be a 500."""


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
        """Run the app to its end, and its response to one of its own.

        When ``seconds`` are over first, the client is told and the app is cancelled; still this
        returns only when the app has ended, because what runs on must not meet the next
        invocation. Nothing the app does is raised here: the stream has been ended, or has
        failed with what the app raised.
        """
        task = asyncio.create_task(self._run_app())
        try:
            done, _ = await asyncio.wait((task,), timeout=seconds)
            if not done:
                await self._expire(seconds or 0.0)
        finally:  # also when we are cancelled ourselves, because the environment ends
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

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
        if operations:
            await self._perform(operations)
        elif self._response.state is State.STARTED:
            loop = asyncio.get_running_loop()
            self._head_timer = loop.call_later(HEAD_DELAY, self._flush_head)

    async def _perform(self, operations: Operations) -> None:
        chunks: list[bytes] = []
        end = False
        for operation in operations:
            if isinstance(operation, Chunk):
                chunks.append(operation.data)
            elif isinstance(operation, End):
                end = True
            elif isinstance(operation, Head):
                chunks.append(self._head(operation))
            else:
                await self._stream.fail(operation.error)
                return
        try:
            await self._stream.writelines(chunks, end=end)
        except ClientDisconnected:
            self._response.disconnected()
            raise

    def _head(self, head: Head) -> bytes:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        return self._begin(head)

    def _flush_head(self) -> None:
        heads = [self._head(head) for head in self._response.flush() if isinstance(head, Head)]
        try:
            self._stream.writelines_nowait(heads)
        except ClientDisconnected:
            self._response.disconnected()

    async def _run_app(self) -> None:
        try:
            await self._app(self._scope, self.receive, self.send)
        except BaseException as error:  # SystemExit and its like end the response, not us
            self._log_raised(error)
            await self._perform_last(self._response.raised(error))
        else:
            operations = self._response.returned()
            if operations:
                self._log_error("The app returned, but its response had not ended", None)
            await self._perform_last(operations)

    async def _expire(self, seconds: float) -> None:
        error = DeadlineExceeded(f"The app was still running when its {seconds:.2f} s were over.")
        over = self._response.state in (State.COMPLETE, State.FAILED, State.GONE)
        when = ", though its response had ended" if over else ""
        self._log_error(f"The app was still running when its {seconds:.2f} s were over{when}", None)
        await self._perform_last(self._response.expired(error))

    async def _perform_last(self, operations: Operations) -> None:
        """Perform an ending. That the client is gone too is nobody's concern any more."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        if operations:
            try:
                await self._perform(operations)
            except ClientDisconnected as error:
                logger.info("The end of the response found nobody: %s", error)

    def _log_raised(self, error: BaseException) -> None:
        state = self._response.state
        if state is State.GONE and _is_disconnect(error):
            logger.info("The client went away from %s.", self._request_line())
        elif state is State.COMPLETE:
            self._log_error("The app failed after its response had ended", error)
        elif state is not State.EXPIRED or not (
            isinstance(error, asyncio.CancelledError) or _is_disconnect(error)
        ):
            self._log_error("The app failed", error)

    def _log_error(self, what: str, error: BaseException | None) -> None:
        logger.error("%s: %s", what, self._request_line(), exc_info=error)

    def _request_line(self) -> str:
        path: bytes = self._scope.get("raw_path", b"")
        return f"{self._scope.get('method', '')} {path.decode('latin-1')}"


def _is_disconnect(error: BaseException | None) -> bool:
    """Whether ``error`` is ours, or made of ours: Starlette raises its own ``from`` it."""
    while error is not None:
        if isinstance(error, ClientDisconnected):
            return True
        error = error.__cause__ or error.__context__
    return False
