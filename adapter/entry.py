"""The base class of handlers that stream, which makes ``handler(event, context)`` work."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from contextvars import copy_context
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from .errors import AdapterError
from .invocation import forks
from .invocation.current import Current, current, drop_pending_app_cancellation
from .invocation.loggers import get_logger
from .invocation.registry import register
from .options import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from .events import Source
    from .invocation.runner import LoopRunner
    from .observe.summary import Meter, Summary
    from .options.table import Options
    from .streams.response_stream import ResponseStream
    from .sync.bridge import Bridge
    from .types import JSON, Context

logger = get_logger("adapter.http")

MAX_WAIT_SECONDS = 60
"""How long a call outside a runtime waits for a call in another thread."""


class EntryPoint(ABC):
    """The common part of handlers that stream: their options, and how they are called.

    Args:
        arguments: the options that were given in the code.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._turn = threading.Lock()
        self._bridge: Bridge | None = None
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            from .sync import get_bridge  # lazy: not outside a runtime

            # Here, because AWS's runtime asks for the first event right after the import.
            self._bridge = get_bridge()
            register(self)

    @property
    def is_wrapper(self) -> bool:
        """Whether a subclass of the user overrides ``__call__``, and so wraps the handler."""
        return type(self).__call__ is not EntryPoint.__call__

    @cached_property
    def options(self) -> Options:
        """The options; an environment variable wins over an argument.

        Raises:
            ConfigurationError: an option has an invalid value.
        """
        options, warnings = resolve(self._arguments, os.environ)
        for warning in warnings:
            logger.warning(warning)
        return options

    def __call__(self, event: Any, context: Any) -> Any:
        """Serve one invocation from synchronous code, as Lambda's managed runtime calls it.

        Inside a runtime the first call of an invocation streams, if the event source and the
        options allow it. Any other call returns the buffered response. Outside a runtime, in a
        script or a test, calls of one handler from several threads wait for each other.

        Raises:
            AdapterError: an event loop is running in this thread, which the call would block; or a
                call in another thread has not ended within a minute.
            Exception: the exception of `respond`.
        """
        if asyncio._get_running_loop() is not None:
            raise AdapterError(
                "handler(event, context) was called inside a running event loop, which it would"
                " block. Use 'await asyncio.to_thread(handler, event, context)' there, or 'await"
                " handler.respond(event, context, None)' for the buffered response."
            )
        if self._bridge is not None:
            return self._bridge.call(self, event, context)
        if not self._turn.acquire(timeout=MAX_WAIT_SECONDS):
            raise AdapterError(
                f"handler(event, context) waited {MAX_WAIT_SECONDS} s for a call of the same"
                " handler in another thread. Outside a runtime a handler serves one call at a"
                " time, and an app that calls its own handler deadlocks."
            )
        try:
            return self._runner.run_in_any_thread(self.respond(event, context, None))
        finally:
            self._turn.release()

    @abstractmethod
    async def startup(self) -> bool:
        """Start the handler, once per environment; return whether `shutdown` has work to do."""

    @abstractmethod
    def streams(self, source: Source | None, event: JSON) -> bool:
        """Whether the response to an event is streamed; ``source`` is None if it is not HTTP."""

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation: respond on ``stream``, or return the buffered response.

        The response is buffered without a stream, and if the event source or the options say so.
        A buffered response is returned, except if the runtime calls this handler without a
        wrapper: then the response is sent with the last body message.

        Raises:
            Exception: the reason why there is no response. If the stream has failed with the
                reason, it may not be raised.
        """
        record = current.get(None)
        if record is None or stream is None:
            return await _in_own_task(record, self._measured, event, context, stream)
        if self._listeners:
            return await self._measured(record, event, context, stream)
        return await self._respond(event, context, stream, None)

    def _measured(
        self,
        record: Current,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
    ) -> Coroutine[Any, Any, JSON]:
        """Return the coroutine of `_respond`, with measurements if there are listeners."""
        if not self._listeners:
            return self._respond(event, context, stream, None)
        from .observe.summary import Meter, measured  # lazy: cold start

        meter = Meter(context, stream, record)
        response = self._respond(event, context, stream, meter)
        return measured(response, record, meter, self._listeners)

    @abstractmethod
    async def _respond(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
        meter: Meter | None,
    ) -> JSON:
        """Do what `respond` does, and give ``meter`` the request; it is None without listeners."""

    @abstractmethod
    async def shutdown(self) -> None:
        """Undo `startup`, when the environment ends."""

    @cached_property
    def _listeners(self) -> list[Callable[[Summary], Any]]:
        """The functions that are called with the summary of each invocation."""
        listeners = [] if self.options.on_complete is None else [self.options.on_complete]
        if self.options.metrics == "emf":
            from .observe.metrics import emit  # lazy: cold start

            listeners.append(emit)
        if self.options.access_log:
            from .observe.access_log import write  # lazy: cold start

            listeners.append(write)
        return listeners

    @cached_property
    def _runner(self) -> LoopRunner:
        """The event loop for calls outside a runtime. At the end of the process `shutdown` runs."""
        runner = _runner_outside(forks.generation)
        atexit.register(lambda: runner.run(self.shutdown()))
        return runner


@cache
def _runner_outside(generation: int) -> LoopRunner:
    """Return the event loop for the calls of all handlers outside a runtime.

    A test suite may make a handler for each test, and each event loop takes three file descriptors.
    A forked process cannot use the loop of its parent; ``generation`` is `forks.generation`.
    """
    from .invocation.runner import KeptOpen, LoopRunner  # lazy: cold start

    asyncio_runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    runner = LoopRunner(asyncio_runner.get_loop(), contain=False)
    kept_open = KeptOpen(runner.loop)
    kept_open.__enter__()

    def close() -> None:
        kept_open.__exit__()
        # From Python 3.12 on, no thread can be started at exit. The last step of asyncio's runner
        # starts a thread to join worker threads, but these have ended already.
        with suppress(RuntimeError):
            asyncio_runner.close()

    atexit.register(close)
    return runner


async def _in_own_task(
    outer: Current | None, respond: Callable[..., Coroutine[Any, Any, JSON]], *args: Any
) -> JSON:
    """Serve a call outside a runtime, or inside another invocation, in a new task with a record.

    The record distinguishes a cancellation from outside (by a timeout of the caller, for example)
    from a cancellation by the app.

    Raises:
        CancelledError: this coroutine was cancelled.
        Exception: the exception of ``respond``.
    """
    record = Current() if outer is None else outer.for_nested_call()
    variables = copy_context()
    variables.run(current.set, record)
    task = variables.run(asyncio.create_task, _respond_in_task(record, respond, *args))
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        record.cancelled = True
        task.cancel()
        await asyncio.wait((task,))
        raise
    return task.result()


async def _respond_in_task(
    record: Current, respond: Callable[..., Coroutine[Any, Any, JSON]], *args: Any
) -> JSON:
    try:
        return await respond(record, *args)
    finally:
        await drop_pending_app_cancellation(record)


def chosen_mode(function: Callable[[Any], Any], event: JSON) -> str:
    """Return the invoke mode that ``function`` chooses for ``event``.

    Raises:
        ConfigurationError: the result is not an invoke mode.
        Exception: the exception of the function.
    """
    from .options.values import INVOKE_MODES, choice

    return choice(*INVOKE_MODES)("The result of the function invoke_mode", function(event))
