"""The Runtime API of an on-demand environment: one invocation at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

from ..outcome import EndOfResponse, InvocationFailure, ResponseEnd, exit_error, timeout_error
from . import replies
from .on_demand_state import RuntimeState, RuntimeStep, move
from .server import ROUTES, RuntimeApi, is_stale
from .server_connection import TruncatedError
from .uploads import copy_response, has_known_mode, read_failure, reported_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..function_config import FunctionConfig
    from ..local_invocation import LocalInvocation
    from .replies import Reply
    from .server import Handler, Routes
    from .server_connection import ServerConnection

    ReadUpload = Callable[[ServerConnection, LocalInvocation], Awaitable[Reply]]

RESTORE_ROUTES: Routes = (
    ("GET", r"/2018-06-01/runtime/restore/next", "restore_next"),
    ("POST", r"/2018-06-01/runtime/restore/error", "restore_error"),
)


class OnDemandApi(RuntimeApi):
    """Serves one invocation at a time; an invocation is done at the following ``next``.

    With SnapStart the runtime may call ``restore/next`` before its first ``next``. Its init is then
    over, and the call returns when `restore` is called.
    """

    def __init__(self, function: FunctionConfig, region: str) -> None:
        super().__init__(function, region)
        self.state = RuntimeState.STARTED
        self._invocation: LocalInvocation | None = None
        self._waiting: deque[anyio.Event] = deque()  #: calls of ``next``, the oldest first
        # RAPID holds a lock while it reads a response: a second response waits until the first
        # response has been read, and is refused only then.
        self._upload_lock = anyio.Lock(fast_acquire=True)
        self._restored = anyio.Event()
        if function.snapstart:
            self.routes = ROUTES + RESTORE_ROUTES

    @property
    def usable(self) -> bool:
        """Whether the environment is starting, or waits for an event."""
        return self.state in (
            RuntimeState.STARTED,
            RuntimeState.RESTORE_READY,
            RuntimeState.READY,
        )

    @property
    def waiting(self) -> int:
        """Return how many calls of ``next`` wait for an event."""
        return len(self._waiting)

    async def wait_for_next(self) -> None:
        """Return at once: an environment without a call of ``next`` is given no event."""

    def deliver(self, invocation: LocalInvocation) -> bool:
        """Give an event to the call of ``next`` that has waited longest.

        That call takes the event even if its client has disconnected.
        """
        self.state = move(self.state, RuntimeStep.EVENT)
        invocation.deliver(self.function.timeout_seconds)
        self._invocation = invocation
        self.extensions.deliver(invocation, self._arn)
        self._waiting.popleft().set()
        return True

    def time_out(self, invocation: LocalInvocation) -> bool:
        """Fail the invocation; the environment ends, as its app may still be running."""
        if invocation.first_byte_at is not None:
            # RAPID's error type. `timeout_error` has Lambda's, for a response that has not begun.
            invocation.finish(ResponseEnd(EndOfResponse.TRUNCATED, "Sandbox.Timeout"))
        invocation.fail(timeout_error(invocation.request_id, self.function.timeout_seconds))
        return True

    def exit_failure(self, request_id: str, returncode: int) -> InvocationFailure:
        """Return a failure that names the exit status."""
        if error_type := self.extensions.fatal_error:
            return exit_error(request_id, returncode, error_type)
        return exit_error(request_id, returncode)

    def restore(self) -> bool:
        """Let ``restore/next`` return, if the runtime has called it."""
        if self.state is not RuntimeState.RESTORE_READY:
            return False
        self.state = move(self.state, RuntimeStep.RESTORE)
        self._restored.set()
        return True

    async def uploads_finished(self) -> None:
        """Wait until no response or report is being read."""
        async with self._upload_lock:
            pass

    @property
    def _init_is_over(self) -> bool:
        return self.state is not RuntimeState.STARTED

    @property
    def _init_succeeded(self) -> bool:
        return self.state not in (RuntimeState.STARTED, RuntimeState.INIT_ERROR)

    def _handlers(self) -> dict[str, Handler]:
        return {
            **super()._handlers(),
            "restore_next": self._restore_next,
            "restore_error": self._restore_error,
        }

    async def _restore_next(self, _connection: ServerConnection, _argument: str) -> Reply:
        self.state = move(self.state, RuntimeStep.RESTORE_NEXT)
        self._check_initialised()
        await self._restored.wait()
        return replies.RESTORED

    async def _restore_error(self, connection: ServerConnection, _argument: str) -> Reply:
        self.state = move(self.state, RuntimeStep.RESTORE_ERROR)
        return await self._read_init_failure(connection)

    async def _next(self, _connection: ServerConnection, _argument: str) -> Reply:
        before = self.state
        self.state = move(self.state, RuntimeStep.NEXT)
        if before is RuntimeState.SENT:
            self._responded, self._invocation = self._invocation, None
            self._check_finished()
        self.next_called.set()
        self._check_initialised()
        if self._invocation is None:
            has_event = anyio.Event()
            self._waiting.append(has_event)
            await has_event.wait()
        assert self._invocation is not None
        headers = self._event_headers(self._invocation)
        with_value = tuple((name, value) for name, value in headers if value)
        return replies.event(self._invocation.event, with_value)

    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        return await self._read_upload(connection, request_id, self._read_response)

    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        return await self._read_upload(connection, request_id, self._read_error)

    async def _read_upload(
        self, connection: ServerConnection, request_id: str, read: ReadUpload
    ) -> Reply:
        async with self._upload_lock:
            invocation = self._invocation
            if invocation is None or invocation.request_id != request_id:
                return replies.INVALID_REQUEST_ID
            if is_stale(connection, invocation):
                return replies.INVOKE_TIMEOUT
            return await read(connection, invocation)

    async def _read_response(
        self, connection: ServerConnection, invocation: LocalInvocation
    ) -> Reply:
        self.state = move(self.state, RuntimeStep.RESPONSE)
        if not has_known_mode(connection):
            # The state does not change: the runtime can no longer respond or call ``next``.
            invocation.fail(InvocationFailure("Runtime.InvalidResponseModeHeader"))
            return replies.INVALID_RESPONSE_MODE
        try:
            invocation.begin(connection.header("Content-Type"))
            throttle = self.function.throttle
            return await copy_response(connection, invocation, throttle=throttle)
        finally:
            self.state = move(self.state, RuntimeStep.SENT)

    async def _read_error(self, connection: ServerConnection, invocation: LocalInvocation) -> Reply:
        self.state = move(self.state, RuntimeStep.ERROR)
        try:
            failure = await read_failure(connection)
        except TruncatedError:
            # RAPID accepts an incomplete report: it keeps the error type and drops the text.
            failure = reported_failure(connection, b"")
        if len(failure.payload) > invocation.max_bytes:
            # RAPID fails here and closes the connection. The state does not change: the runtime
            # cannot call ``next``.
            invocation.fail(InvocationFailure("Function.ResponseSizeTooLarge"))
            raise anyio.BrokenResourceError
        self.state = move(self.state, RuntimeStep.SENT)
        invocation.fail(failure)
        return replies.ACCEPTED

    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        self.state = move(self.state, RuntimeStep.INIT_ERROR)
        return await self._read_init_failure(connection)
