"""Lets synchronous code call handlers that stream: AWS's runtime, and wrappers around a handler."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..errors import StreamClosed
from ..loggers import get_logger
from .served import anywhere, served
from .stream import Attempt

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..types import JSON, Context, StreamingHandler
    from .served import Served
    from .stream import RuntimeStream

logger = get_logger("adapter.runtime")

T = TypeVar("T")

TURN = 0.01
"""Seconds after which a call first looks whether it has to run the loop itself."""


class CurrentInvocation:
    """An invocation that is being served.

    Args:
        served: which one.
        stream: what answers it, if no call does.
        taken: whether something answers it already, so that calls need not try.
    """

    def __init__(self, served: Served, stream: RuntimeStream, *, taken: bool) -> None:
        self.served = served
        self.stream = stream
        self.taken = taken
        self.call: asyncio.Task[Any] | None = None  #: that is answering it


class Bridge(ABC):
    """Between ``handler(event, context)``, in whatever thread, and the one event loop.

    A call runs the loop, unless another thread does; then that one serves both.
    """

    #: The one of the native runtime, where this process is that.
    native: ClassVar[Bridge | None] = None

    #: Whether invocations are left to calls, because the function's handler is not one of ours.
    is_open = True

    def __init__(self) -> None:
        self._running: dict[str, CurrentInvocation] = {}
        self._makes = threading.Lock()
        self._runs = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, which is made when it is asked for, by one thread or another."""
        with self._makes:
            return self._get_loop()

    def began(self, served: Served, stream: RuntimeStream) -> CurrentInvocation:
        """Note that an invocation is being served."""
        current = CurrentInvocation(served, stream, taken=not self.is_open)
        self._running[served.request_id] = current
        return current

    def ended(self, current: CurrentInvocation) -> None:
        """Note that it is not any more; a retry of it may have begun meanwhile."""
        if self._running.get(current.served.request_id) is current:
            del self._running[current.served.request_id]

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the loop until ``coroutine`` has ended, when no other thread runs it."""
        with self._runs:
            return self._run(coroutine)

    def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
        """Have ``handler`` respond, from synchronous code.

        It answers the invocation that its context names, whoever called it with that; the current
        one, if its context names none. Of several calls the first one does. Every other call, and
        one for an invocation that is not running (a wrapper warms the app up, or tests it), gets
        the buffered answer back.

        Returns:
            What is left to return: the buffered answer when nothing was streamed, and otherwise
            the status, for wrappers to see.

        Raises:
            Exception: why the handler failed, if nothing had been sent.
        """
        responding = self._respond(handler, event, context)
        if self._runs.acquire(blocking=False):
            try:
                return self._run(responding)
            finally:
                self._runs.release()
        future = asyncio.run_coroutine_threadsafe(responding, self.loop)
        patience = TURN
        while not wait((future,), patience).done:
            patience = min(2 * patience, 0.1)
            if self._runs.acquire(blocking=False):  # the other thread has gone
                try:
                    self._run(asyncio.wait((asyncio.wrap_future(future, loop=self.loop),)))
                finally:
                    self._runs.release()
        return future.result()

    @abstractmethod
    def _get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop; make it, the first time."""

    @abstractmethod
    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do what `run` does, in the thread whose turn it is."""

    async def _respond(
        self, handler: StreamingHandler, event: JSON, context: Context | None
    ) -> JSON:
        """Do what `call` says."""
        current = self._find(context)
        if current is None:
            return await handler.respond(event, context, None)
        current.taken = True
        current.call = asyncio.current_task()
        try:
            return await self._answer(handler, event, context, current.stream)
        finally:
            current.taken = current.stream.closed
            current.call = None

    async def _answer(
        self,
        handler: StreamingHandler,
        event: JSON,
        context: Context | None,
        outcome: RuntimeStream,
    ) -> JSON:
        """Have ``handler`` answer the current invocation."""
        stream = Attempt(outcome)
        answer = None
        try:
            answer = await handler.respond(event, context, stream)
            if stream.started and not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except asyncio.CancelledError as error:
            stream.fail(error)
            raise
        except BaseException as error:
            if stream.answered:
                logger.error("The handler failed.", exc_info=error)
            stream.fail(error)
        if stream.failure is not None:
            raise stream.failure
        return stream.summary if stream.answered else answer

    def _find(self, context: Context | None) -> CurrentInvocation | None:
        """Return the invocation that a call with ``context`` is to answer, if there is one."""
        known = served.get()  # a thread that a wrapper has started knows none
        named = getattr(context, "aws_request_id", None) or known.request_id
        if not named and len(self._running) == 1:
            [named] = self._running
        current = self._running.get(named)
        if current is None or current.taken or current.stream.closed:
            return None
        late = known is not anywhere and known is not current.served  # and this one is a retry
        return None if late else current
