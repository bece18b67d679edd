"""Lets synchronous code call handlers that stream: AWS's runtime, and wrappers around a handler."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ..errors import StreamClosed
from .log import served

if TYPE_CHECKING:
    from ..types import JSON, Context, StreamingHandler
    from .stream import RuntimeStream

logger = logging.getLogger("adapter.runtime")


class CurrentInvocation:
    """An invocation that is being served.

    Args:
        request_id: which one.
        stream: what answers it.
    """

    def __init__(self, request_id: str, stream: RuntimeStream, *, taken: bool) -> None:
        self.request_id = request_id
        self.stream = stream
        self.taken = taken  #: whether something answers it already


class Bridge(ABC):
    """Between ``handler(event, context)``, in whatever thread, and the runtime's event loop."""

    #: The one of the runtime that this process is, if it is one.
    installed: ClassVar[Bridge | None] = None

    #: Whether invocations are left to calls, because the function's handler is not one of ours.
    is_open = True

    def __init__(self) -> None:
        self._running: dict[str, CurrentInvocation] = {}

    def began(self, request_id: str, stream: RuntimeStream) -> CurrentInvocation:
        """Note that an invocation is being served."""
        current = CurrentInvocation(request_id, stream, taken=not self.is_open)
        self._running[request_id] = current
        return current

    def ended(self, current: CurrentInvocation) -> None:
        """Note that it is not any more; a retry of it may have begun meanwhile."""
        if self._running.get(current.request_id) is current:
            del self._running[current.request_id]

    @abstractmethod
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

    async def _respond(
        self, handler: StreamingHandler, event: JSON, context: Context | None
    ) -> JSON:
        """Do what `call` says."""
        current = self._find(context)
        if current is None:
            return await handler.respond(event, context, None)
        current.taken = True
        try:
            return await self._answer(handler, event, context, current.stream)
        finally:
            current.taken = current.stream.answered

    async def _answer(
        self, handler: StreamingHandler, event: JSON, context: Context | None, stream: RuntimeStream
    ) -> JSON:
        """Have ``handler`` answer on ``stream``."""
        stream.raises = True
        answer = None
        try:
            answer = await handler.respond(event, context, stream)
            if stream.started and not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            if stream.answered:
                logger.error("The handler failed.", exc_info=error)
            stream.fail(error)
        finally:
            stream.raises = False
        failure = stream.take_failure()
        if failure is not None:
            raise failure
        return stream.summary if stream.answered else answer

    def _find(self, context: Context | None) -> CurrentInvocation | None:
        """Return the invocation that a call with ``context`` is to answer, if there is one."""
        # A thread that a wrapper has started knows no context variables.
        named = getattr(context, "aws_request_id", None) or served.get().request_id
        if not named and len(self._running) == 1:
            [named] = self._running
        current = self._running.get(named)
        return None if current is None or current.taken else current
