"""The handler for a function that is not ours."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from .context import seconds_left
from .environment import handlers
from .errors import DeadlineExceeded, HandlerError
from .loggers import get_logger
from .threads import threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stream import ResponseStream
    from .types import JSON, Context

logger = get_logger("adapter.runtime")


class FunctionHandler:
    """Calls a plain function of ``(event, context)``, or a vendor's wrapper around one of ours.

    It is called in a worker thread, so that it may block; a `LambdaHandler` inside it finds the
    invocation that it serves and streams. An ``async`` function is awaited where it is.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._function = function

    async def startup(self) -> bool:
        """Start the handlers of ours that it may stand around, which are all there are."""
        return any([await handler.startup() for handler in handlers()])

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Call the function and return what it returns.

        When the invocation's time is up and it has not returned, the invocation fails; a thread
        cannot be stopped, so this still returns only when the function does. (A `LambdaHandler`
        inside it has given up a margin earlier, and better.)

        Raises:
            Exception: what the function raised.
        """
        timer = None
        seconds = seconds_left(context)
        if seconds is not None and stream is not None:
            timer = asyncio.get_running_loop().call_later(seconds, _expire, stream)
        try:
            answer = await self._call(event, context)
        finally:
            if timer is not None:
                timer.cancel()
        return answer

    async def shutdown(self) -> None:
        """End them."""
        for handler in handlers():
            await handler.shutdown()

    async def _call(self, event: JSON, context: Context | None) -> JSON:
        if inspect.iscoroutinefunction(self._function):
            answer = await self._function(event, context)
        else:
            call = partial(copy_context().run, self._call_blocking, event, context)
            answer = await asyncio.get_running_loop().run_in_executor(threads(), call)
        answer = await answer if inspect.isawaitable(answer) else answer
        if inspect.isgenerator(answer) or inspect.isasyncgen(answer):
            raise HandlerError(
                "Runtime.MarshalError",
                "The handler returned a generator, which is not JSON. To stream what it yields,"
                " decorate the handler with @streamify_response, which calls it with (event,"
                " stream, context).",
            )
        result: JSON = answer
        return result

    def _call_blocking(self, event: JSON, context: Context | None) -> Any:
        try:
            return self._function(event, context)
        except StopIteration as error:
            # What awaits a thread cannot be given one, and on Python 3.11 would wait for ever.
            raise RuntimeError("The function raised StopIteration.") from error


def _expire(stream: ResponseStream) -> None:
    if not stream.closed:
        error = DeadlineExceeded("The function was still running when its time was up.")
        logger.error("%s", error)
        stream.fail(error)
