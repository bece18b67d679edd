"""The Runtime API of a managed instance: one environment, many invocations at once.

Its rules stand in `outstanding`. What is not known of AWS's, and therefore our choice: an answer
that is being read when the time is up is cut off with 410 there and then, and an error report
takes the place of a streaming response at once instead of with its next bytes.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio

from ..local_invocation import InvocationFailure, platform_error
from . import replies
from .managed_state import Outstanding, Phase, PhaseStep
from .server import RuntimeApi, is_stale
from .server_connection import TruncatedError
from .uploads import ReportTooLargeError, copy_response, mode_is_known, read_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ..local_invocation import LocalInvocation
    from .replies import Reply
    from .server import Identity
    from .server_connection import ServerConnection

MAX_REPORT = 1024 * 1024

UNAVAILABLE = platform_error(
    "Runtime.Unavailable", "The environment serves as many invocations as it asked for."
)
INIT_IS_OVER = replies.failure(
    HTTPStatus.FORBIDDEN,
    "InvalidStateTransition",
    "State transition from {} to InitError failed for runtime. "
    "Error: state transition is not allowed",
)


class Slot:
    """A ``next`` that waits."""

    def __init__(self) -> None:
        self.filled = anyio.Event()
        self.invocation: LocalInvocation | None = None


class Reading:
    """An answer that is being read. If it is interrupted, ``reply`` is what it hears."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.over = anyio.Event()
        self.reply: Reply | None = None

    def interrupt(self, reply: Reply | None) -> None:
        """Stop reading; without a reply the connection is closed without a word."""
        self.reply = reply
        self.scope.cancel()


class ManagedApi(RuntimeApi):
    """Serves as many invocations at once as there are ``next`` calls that wait."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self.outstanding: Outstanding[Slot] = Outstanding()
        self._invocations: dict[str, LocalInvocation] = {}
        self._readings: dict[str, Reading] = {}
        self._init_failed = False

    @property
    def usable(self) -> bool:
        """Whether it has not failed to start."""
        return not self._init_failed

    def deliver(self, invocation: LocalInvocation) -> bool:
        """Hand an event to the ``next`` that has waited longest."""
        slot = self.outstanding.take(invocation.request_id)
        if slot is None:
            invocation.fail(UNAVAILABLE)
            return False
        invocation.deliver(self.identity.timeout)
        self._invocations[invocation.request_id] = invocation
        slot.invocation = invocation
        slot.filled.set()
        return True

    def expire(self, invocation: LocalInvocation) -> bool:
        """Fail the invocation for its caller; the environment goes on, and its handler too."""
        seconds = f"{self.identity.timeout:.2f}"
        message = f"Task timed out after {seconds} seconds"
        invocation.fail(platform_error("Sandbox.Timedout", message))
        self.outstanding.step(invocation.request_id, PhaseStep.TIMEOUT)
        if reading := self._readings.get(invocation.request_id):
            reading.interrupt(replies.INVOKE_TIMEOUT)
        self._forget(invocation)
        return False

    def death(self, request_id: str, returncode: int) -> InvocationFailure:
        """Describe it in two words, as managed instances do."""
        return InvocationFailure(
            "Runtime.ExitError", json.dumps({"errorType": "Runtime.ExitError"}).encode()
        )

    async def settled(self) -> None:
        """Wait until no answer is being read."""
        for reading in list(self._readings.values()):
            await reading.over.wait()

    @property
    def _init_is_over(self) -> bool:
        return self.asked.is_set() or self._init_failed

    @property
    def _init_went_well(self) -> bool:
        return self.asked.is_set()

    async def _next(self, connection: ServerConnection, _argument: str) -> Reply:
        slot = Slot()
        if not self.outstanding.park(slot):
            return replies.INTERNAL_ERROR
        self.asked.set()
        self._check_initialised()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._withdraw, connection, slot)
            await slot.filled.wait()
            tasks.cancel_scope.cancel()
        if slot.invocation is None:
            raise anyio.BrokenResourceError
        return replies.event(slot.invocation.event, self._event_headers(slot.invocation))

    async def _withdraw(self, connection: ServerConnection, slot: Slot) -> None:
        await connection.hung_up()
        self.outstanding.withdraw(slot)
        slot.filled.set()

    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        if refusal := self._refusal(connection, request_id, PhaseStep.RESPONSE):
            return refusal
        invocation = self._invocations[request_id]
        if not mode_is_known(connection):
            invocation.fail(InvocationFailure("Runtime.InvalidResponseModeHeader"))
            self._finish(invocation)
            return replies.INVALID_RESPONSE_MODE
        content_type = connection.header("Content-Type") or "application/octet-stream"
        invocation.begin(content_type)
        copying = copy_response(connection, invocation, throttle=self.identity.throttle)
        return await self._read(connection, invocation, copying)

    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        if refusal := self._refusal(connection, request_id, PhaseStep.ERROR):
            return refusal
        if streaming := self._readings.get(request_id):
            streaming.interrupt(None)
        invocation = self._invocations[request_id]
        return await self._read(connection, invocation, self._report(connection, invocation))

    async def _report(self, connection: ServerConnection, invocation: LocalInvocation) -> Reply:
        try:
            invocation.fail(await read_failure(connection, MAX_REPORT))
        except TruncatedError:
            invocation.fail(InvocationFailure("Runtime.TruncatedResponse"))
            raise
        except ReportTooLargeError:
            self.outstanding.step(invocation.request_id, PhaseStep.REFUSED)
            connection.abandon()
            return replies.TOO_LARGE
        return replies.ACCEPTED

    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        if self._init_is_over:
            state = "InitError" if self._init_failed else "Ready"
            return INIT_IS_OVER._replace(body=INIT_IS_OVER.body.replace(b"{}", state.encode()))
        self._init_failed = True
        return await self._read_init_failure(connection)

    def _refusal(
        self, connection: ServerConnection, request_id: str, step: PhaseStep
    ) -> Reply | None:
        current = self._invocations.get(request_id)
        if current is not None and is_stale(connection, current):
            return replies.INVOKE_TIMEOUT
        before = self.outstanding.step(request_id, step)
        if before is None:
            return replies.INVALID_REQUEST_ID
        return replies.INVOKE_TIMEOUT if before is Phase.LATE else None

    async def _read(
        self, connection: ServerConnection, invocation: LocalInvocation, answer: Awaitable[Reply]
    ) -> Reply:
        """Read an answer to its end, or until it is interrupted."""
        reading = self._readings[invocation.request_id] = Reading()
        try:
            with reading.scope:
                return await answer
        finally:
            reading.over.set()
            if self._readings.get(invocation.request_id) is reading:
                self._finish(invocation)
        connection.abandon()
        if reading.reply is None:
            raise anyio.BrokenResourceError
        return reading.reply

    def _finish(self, invocation: LocalInvocation) -> None:
        """Take note that an answer has been read, unless another one may follow."""
        self._readings.pop(invocation.request_id, None)
        if self.outstanding.step(invocation.request_id, PhaseStep.SENT) is not None:
            self._forget(invocation)

    def _forget(self, invocation: LocalInvocation) -> None:
        del self._invocations[invocation.request_id]
        invocation.done.set()
