"""The handler for a plain function or a wrapper."""

from __future__ import annotations

import asyncio
import inspect
import os
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from .errors import DeadlineExceeded, HandlerError
from .invocation.deadline import seconds_until_deadline
from .invocation.loggers import get_logger
from .invocation.registry import handlers
from .invocation.runner import current_runner
from .invocation.threads import call_for_future, threads
from .options import deadline_margin

if TYPE_CHECKING:
    from collections.abc import Callable

    from .streams.response_stream import ResponseStream
    from .types import JSON, Context

logger = get_logger("adapter.runtime")


class FunctionHandler:
    """Calls a plain function of ``(event, context)``, or a wrapper around a handler of the adapter.

    A synchronous function is called as AWS's runtime calls it: on the main thread, while the event
    loop is paused. The function is called in another thread outside a runtime, and in a
    concurrent environment, where the loop serves other invocations too. An ``async`` function is
    awaited. A `LambdaHandler` that the function calls streams the response.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._function = function

    async def startup(self) -> bool:
        """Start all handlers of the adapter: the function may call any of them.

        Raises:
            ConfigurationError: the option ``deadline_margin`` is invalid.
        """
        deadline_margin(os.environ)
        return any([await handler.startup() for handler in handlers()])

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Call the function and return its result.

        At the deadline the invocation fails, if the event loop runs. A thread cannot be stopped, so
        this method still returns only when the function does. Lambda's timeout ends a function
        that blocks the main thread, as under AWS's runtime. The margin is half of the option
        ``deadline_margin``: a `LambdaHandler` that the function calls ends its response before.

        Raises:
            Exception: the exception of the function.
        """
        # Not a `Deadline`, which cancels the task: this method would return before the function.
        timer: asyncio.Handle | None = None
        seconds = seconds_until_deadline(context, deadline_margin(os.environ) / 2)
        if seconds is not None and stream is not None:
            loop = asyncio.get_running_loop()

            def on_deadline() -> None:
                # One turn later, because a function that blocked the loop may have returned:
                # its result comes first. uvloop runs timers before other callbacks.
                nonlocal timer
                timer = loop.call_soon(_expire, stream)

            timer = loop.call_later(seconds, on_deadline)
        try:
            result: JSON = await call_function(self._function, event, context)
        finally:
            if timer is not None:
                timer.cancel()
        return result

    async def shutdown(self) -> None:
        """End all handlers of the adapter."""
        for handler in handlers():
            await handler.shutdown()


async def call_function(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the user on the thread that AWS's runtime would use; await its result.

    Raises:
        Exception: the exception of the function.
    """
    result = await _call(function, args)
    if inspect.isawaitable(result):
        result = await result
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise HandlerError(
            "Runtime.MarshalError",
            "The handler returned a generator, which is not JSON. To stream what it yields,"
            " decorate the handler with @streamify_response, which calls it with (event,"
            " stream, context).",
        )
    return result


async def _call(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    runner = current_runner()
    if runner is not None and not runner.concurrent:
        return await runner.call_outside_loop(function, *args)
    call = partial(copy_context().run, call_for_future, function, *args)
    if runner is not None:
        call = partial(_call_with_loop, runner.loop, call)
    return await asyncio.wrap_future(threads().submit(call))


def _call_with_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], Any]) -> Any:
    """Call with ``loop`` as the current event loop of this thread, as it is on the main thread."""
    asyncio.set_event_loop(loop)
    return call()


def _expire(stream: ResponseStream) -> None:
    if not stream.closed:
        error = DeadlineExceeded("The function was still running at its deadline.")
        stream.fail(error)
        logger.error("%s", error)
