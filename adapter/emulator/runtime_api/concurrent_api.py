"""The Runtime API of a concurrent environment, as on Lambda Managed Instances.

The rules are in `concurrent_state`. AWS has not documented two cases, which are decided here: a
response that is being read when its invocation times out is cut off with a 410 at once, and an
error report replaces a streamed response at once instead of at its next bytes.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from ..outcome import UNAVAILABLE, InvocationFailure, platform_error
from . import replies
from .concurrent_state import ConcurrentState, Phase, PhaseStep
from .server import RuntimeApi, is_stale
from .server_connection import TruncatedError
from .uploads import ReportTooLargeError, copy_response, has_known_mode, read_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..function_config import FunctionConfig
    from ..local_invocation import LocalInvocation
    from .replies import Reply
    from .server_connection import ServerConnection

MAX_REPORT_BYTES = 1024 * 1024

NEXT_SECONDS = 1.0
"""How long an event waits for a call of ``next`` while the runtime is below its limit.

The init ends with the first call of ``next``, and the runtime opens its other connections after it.
Between two invocations a connection has no waiting call either.
"""

AT_LIMIT = platform_error(
    UNAVAILABLE, "The environment is at its concurrency limit: no call of next waits for an event."
)


class WaitingNext:
    """A ``next`` call that waits for an event."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.invocation: LocalInvocation | None = None  #: ``None`` if the runtime disconnects


class OpenUpload:
    """A response or report that is being read."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.over = anyio.Event()
        self.reply: Reply | None = None

    def interrupt(self, reply: Reply | None) -> None:
        """Stop reading and send ``reply``; ``None`` closes the connection without a reply."""
        self.reply = reply
        self.scope.cancel()


class ConcurrentApi(RuntimeApi):
    """Serves as many invocations at once as there are waiting ``next`` calls."""

    def __init__(self, function: FunctionConfig, region: str) -> None:
        super().__init__(function, region)
        self.state: ConcurrentState[WaitingNext] = ConcurrentState()
        self._invocations: dict[str, LocalInvocation] = {}
        self._uploads: dict[str, OpenUpload] = {}
        #: for each invocation that waits for a call of ``next``: the call has come
        self._awaited_calls: deque[anyio.Event] = deque()
        self._init_failed = False

    @property
    def usable(self) -> bool:
        """Whether the environment is starting, or its init has succeeded."""
        return not self._init_failed

    @property
    def waiting(self) -> int:
        """Return how many calls of ``next`` wait for an event."""
        return self.state.waiting

    async def wait_for_next(self) -> None:
        """Wait at most `NEXT_SECONDS` for a call of ``next``; do not wait at the limit."""
        with anyio.move_on_after(NEXT_SECONDS):
            while not self.state.waiting and self._below_limit:
                called = anyio.Event()
                self._awaited_calls.append(called)
                try:
                    await called.wait()
                finally:
                    with suppress(ValueError):
                        self._awaited_calls.remove(called)

    def deliver(self, invocation: LocalInvocation) -> bool:
        """Give an event to the ``next`` call that has waited longest."""
        waiting = self.state.assign(invocation.request_id)
        if waiting is None:
            invocation.fail(AT_LIMIT)
            return False
        invocation.deliver(self.function.timeout_seconds)
        self._invocations[invocation.request_id] = invocation
        waiting.invocation = invocation
        waiting.over.set()
        return True

    def time_out(self, invocation: LocalInvocation) -> bool:
        """Fail the invocation; the environment and its handler continue."""
        seconds = f"{self.function.timeout_seconds:.2f}"
        message = f"Task timed out after {seconds} seconds"
        invocation.fail(platform_error("Sandbox.Timedout", message))
        self.state.step(invocation.request_id, PhaseStep.TIMEOUT)
        if upload := self._uploads.get(invocation.request_id):
            upload.interrupt(replies.INVOKE_TIMEOUT)
        self._forget(invocation)
        return False

    def exit_failure(self, request_id: str, returncode: int) -> InvocationFailure:
        """Return a failure without an exit status, as Lambda Managed Instances do."""
        return InvocationFailure(
            "Runtime.ExitError", json.dumps({"errorType": "Runtime.ExitError"}).encode()
        )

    async def uploads_finished(self) -> None:
        """Wait until no response or report is being read."""
        for upload in list(self._uploads.values()):
            await upload.over.wait()

    @property
    def _below_limit(self) -> bool:
        limit = self.function.concurrency or 1
        return len(self._invocations) + len(self._awaited_calls) < limit

    @property
    def _init_is_over(self) -> bool:
        return self.next_called.is_set() or self._init_failed

    @property
    def _init_succeeded(self) -> bool:
        return self.next_called.is_set()

    async def _next(self, connection: ServerConnection, _argument: str) -> Reply:
        waiting = WaitingNext()
        if not self.state.add_waiting(waiting):
            return replies.INTERNAL_ERROR
        self.next_called.set()
        self._check_initialised()
        if self._awaited_calls:
            self._awaited_calls.popleft().set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._stop_waiting_on_close, connection, waiting)
            await waiting.over.wait()
            tasks.cancel_scope.cancel()
        if waiting.invocation is None:
            raise anyio.BrokenResourceError
        return replies.event(waiting.invocation.event, self._event_headers(waiting.invocation))

    async def _stop_waiting_on_close(
        self, connection: ServerConnection, waiting: WaitingNext
    ) -> None:
        await connection.wait_closed()
        self.state.remove_waiting(waiting)
        waiting.over.set()

    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        if refusal := self._refusal(connection, request_id, PhaseStep.RESPONSE):
            return refusal
        invocation = self._invocations[request_id]
        if not has_known_mode(connection):
            invocation.fail(InvocationFailure("Runtime.InvalidResponseModeHeader"))
            self._finish(invocation)
            return replies.INVALID_RESPONSE_MODE
        content_type = connection.header("Content-Type") or "application/octet-stream"
        invocation.begin(content_type)
        throttle = self.function.throttle
        copying = copy_response(connection, invocation, throttle=throttle, sanitise=True)
        return await self._read(connection, invocation, copying)

    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        if refusal := self._refusal(connection, request_id, PhaseStep.ERROR):
            return refusal
        if response := self._uploads.get(request_id):
            response.interrupt(None)
        invocation = self._invocations[request_id]
        return await self._read(connection, invocation, self._read_error(connection, invocation))

    async def _read_error(self, connection: ServerConnection, invocation: LocalInvocation) -> Reply:
        try:
            invocation.fail(await read_failure(connection, MAX_REPORT_BYTES))
        except (TruncatedError, ReportTooLargeError):  # AWS's server treats both in the same way
            self.state.step(invocation.request_id, PhaseStep.REFUSED)
            connection.abandon()
            return replies.TOO_LARGE
        return replies.ACCEPTED

    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        if self._init_is_over:
            state = "InitError" if self._init_failed else "Ready"
            return replies.invalid_transition(
                f"State transition from {state} to InitError failed for runtime. "
                "Error: state transition is not allowed"
            )
        self._init_failed = True
        return await self._read_init_failure(connection)

    def _refusal(
        self, connection: ServerConnection, request_id: str, step: PhaseStep
    ) -> Reply | None:
        current = self._invocations.get(request_id)
        if current is not None and is_stale(connection, current):
            return replies.INVOKE_TIMEOUT
        before = self.state.step(request_id, step)
        if before is None:
            return replies.INVALID_REQUEST_ID
        return replies.INVOKE_TIMEOUT if before is Phase.LATE else None

    async def _read(
        self, connection: ServerConnection, invocation: LocalInvocation, reading: Awaitable[Reply]
    ) -> Reply:
        """Read an upload to its end, or until it is interrupted.

        An interruption cancels the scope: the return inside of it is skipped, and the rest runs.
        """
        upload = self._uploads[invocation.request_id] = OpenUpload()
        try:
            with upload.scope:
                return await reading
        finally:
            upload.over.set()
            # An error report that replaces a response has its own upload, which ends later.
            if self._uploads.get(invocation.request_id) is upload:
                self._finish(invocation)
        connection.abandon()
        if upload.reply is None:
            raise anyio.BrokenResourceError
        return upload.reply

    def _finish(self, invocation: LocalInvocation) -> None:
        """Record that an upload has been read; a refused report leaves the invocation open."""
        self._uploads.pop(invocation.request_id, None)
        if self.state.step(invocation.request_id, PhaseStep.SENT) is not None:
            self._forget(invocation)

    def _forget(self, invocation: LocalInvocation) -> None:
        del self._invocations[invocation.request_id]
        invocation.done.set()
