"""The Runtime API of an environment on demand: one invocation at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ..local_invocation import InvocationFailure, exit_error, timeout_error
from . import replies
from .on_demand_state import RuntimeState, RuntimeStep, move
from .replies import MAX_PAYLOAD
from .server import ROUTES, Routes, RuntimeApi, is_stale
from .server_connection import TruncatedError
from .uploads import copy_response, mode_is_known, read_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..local_invocation import LocalInvocation
    from .replies import Reply
    from .server import Identity
    from .server_connection import ServerConnection


RESTORE_ROUTES: Routes = (
    ("GET", r"/2018-06-01/runtime/restore/next", "restore_next"),
    ("POST", r"/2018-06-01/runtime/restore/error", "restore_error"),
)


class OnDemandApi(RuntimeApi):
    """Serves one invocation at a time; an invocation is done at the following ``next``.

    With SnapStart a runtime may wait in ``restore/next`` before its first ``next``: its init is
    over there, and `restore` lets it go on.
    """

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self.state = RuntimeState.STARTED
        self._invocation: LocalInvocation | None = None
        self._delivered = anyio.Event()
        # RAPID holds a lock while it copies an answer: a second answer hangs until the first
        # one has been read, and only then hears that it was not allowed.
        self._answering = anyio.Lock()
        self._restored = anyio.Event()
        if identity.snapstart:
            self.routes = ROUTES + RESTORE_ROUTES

    @property
    def usable(self) -> bool:
        """Whether it waits for an event, or starts."""
        return self.state in (RuntimeState.STARTED, RuntimeState.RESTORE_READY, RuntimeState.READY)

    def deliver(self, invocation: LocalInvocation) -> bool:
        """Hand an event to the waiting runtime."""
        self.state = move(self.state, RuntimeStep.EVENT)
        invocation.deliver(self.identity.timeout)
        self._invocation = invocation
        self._delivered.set()
        return True

    def expire(self, invocation: LocalInvocation) -> bool:
        """Fail the invocation; the environment, which may still work for it, ends."""
        invocation.fail(timeout_error(invocation.request_id, self.identity.timeout))
        return True

    def death(self, request_id: str, returncode: int) -> InvocationFailure:
        """Describe it with the exit status."""
        return exit_error(request_id, returncode)

    def restore(self) -> bool:
        """Answer ``restore/next``, if that was asked."""
        if self.state is not RuntimeState.RESTORE_READY:
            return False
        self.state = move(self.state, RuntimeStep.RESTORE)
        self._restored.set()
        return True

    async def settled(self) -> None:
        """Wait until no answer is being read."""
        async with self._answering:
            pass

    @property
    def _init_is_over(self) -> bool:
        return self.state is not RuntimeState.STARTED

    @property
    def _init_went_well(self) -> bool:
        return self.state not in (RuntimeState.STARTED, RuntimeState.INIT_ERROR)

    def _calls(self) -> dict[str, Callable[[ServerConnection, str], Awaitable[Reply]]]:
        return {
            **super()._calls(),
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
            self._release()
        self.asked.set()
        self._check_initialised()
        while self._invocation is None:
            await self._delivered.wait()
        headers = self._event_headers(self._invocation)
        given = tuple((name, value) for name, value in headers if value)
        return replies.event(self._invocation.event, given)

    def _release(self) -> None:
        if self._invocation is not None:
            self._invocation.done.set()
        self._invocation = None
        self._delivered = anyio.Event()

    def _current(self, request_id: str) -> LocalInvocation | None:
        current = self._invocation
        return current if current is not None and current.request_id == request_id else None

    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        async with self._answering:
            invocation = self._current(request_id)
            if invocation is None:
                return replies.INVALID_REQUEST_ID
            if is_stale(connection, invocation):
                return replies.INVOKE_TIMEOUT
            self.state = move(self.state, RuntimeStep.RESPONSE)
            if not mode_is_known(connection):
                # The state stays: this runtime can neither answer again nor ask for more.
                invocation.fail(InvocationFailure("Runtime.InvalidResponseModeHeader"))
                return replies.INVALID_RESPONSE_MODE
            try:
                invocation.begin(connection.header("Content-Type"))
                throttle = self.identity.throttle
                return await copy_response(connection, invocation, throttle=throttle)
            finally:
                self.state = move(self.state, RuntimeStep.SENT)

    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        async with self._answering:
            invocation = self._current(request_id)
            if invocation is None:
                return replies.INVALID_REQUEST_ID
            if is_stale(connection, invocation):
                return replies.INVOKE_TIMEOUT
            self.state = move(self.state, RuntimeStep.ERROR)
            try:
                failure = await read_failure(connection)
            except TruncatedError:
                invocation.fail(InvocationFailure("Runtime.TruncatedResponse"))
                raise
            finally:
                self.state = move(self.state, RuntimeStep.SENT)
            if len(failure.payload) > MAX_PAYLOAD:
                invocation.fail(InvocationFailure("Function.ResponseSizeTooLarge"))
                return replies.TOO_LARGE
            invocation.fail(failure)
            return replies.ACCEPTED

    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        self.state = move(self.state, RuntimeStep.INIT_ERROR)
        return await self._read_init_failure(connection)
