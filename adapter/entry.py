"""The synchronous way into a handler that streams: ``handler(event, context)``."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .context import seconds_left
from .environment import priming, register
from .errors import AdapterError
from .loggers import get_logger
from .options import Options, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .runtime.bridge import Bridge
    from .stream import ResponseStream
    from .summary import Meter, Summary
    from .types import JSON, Context

logger = get_logger("adapter.http")

PATIENCE = 60
"""Seconds that a call without a runtime waits for one in another thread."""


class EntryPoint(ABC):
    """What handlers that stream have in common: their options, and how they are called.

    Args:
        arguments: the options that were given in the code.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._turn = threading.Lock()
        self._bridge: Bridge | None = None
        if "AWS_LAMBDA_RUNTIME_API" in os.environ:
            from .runtime.attach import attach  # what no script or test has to pay for

            register(self)
            # Now, because AWS's runtime asks for its first event right after this module.
            self._bridge = attach()

    @cached_property
    def options(self) -> Options:
        """The options, with the environment's say.

        Raises:
            ConfigurationError: a value means nothing.
        """
        options, warnings = resolve(self._arguments, os.environ)
        for warning in warnings:
            logger.warning(warning)
        return options

    def __call__(self, event: Any, context: Any) -> Any:
        """Serve one invocation from synchronous code, as Lambda's managed runtime calls it.

        Inside a runtime the response is streamed; where there is none, in a script or a test,
        the buffered answer is returned. There, calls from several threads wait for each other.

        Raises:
            AdapterError: an event loop is running in this thread, which this would block; or
                another thread's call has not ended in a minute.
            Exception: what `respond` raises.
        """
        if _is_loop_running():
            raise AdapterError(
                "handler(event, context) was called inside a running event loop, which it would"
                " block. Use 'await asyncio.to_thread(handler, event, context)' there, or 'await"
                " handler.respond(event, context, None)' for the buffered answer."
            )
        if self._bridge is not None:
            return self._bridge.call(self, event, context)
        if not self._turn.acquire(timeout=PATIENCE):
            raise AdapterError(
                f"handler(event, context) has waited for {PATIENCE} s while it ran in another"
                " thread, perhaps for its own app: without a runtime it serves one call at a time."
            )
        try:
            return self._runner.run(
                self.respond(event, context, None), context=contextvars.copy_context()
            )
        finally:
            self._turn.release()

    @abstractmethod
    async def startup(self) -> bool:
        """Do what is done once per environment; return whether `shutdown` has work to do."""

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation: answer on ``stream``, or return the buffered answer.

        Without a stream, and for whatever cannot or shall not be streamed, the answer is returned.

        Raises:
            Exception: why there is no answer, where there is no stream to fail.
        """
        if not self._listeners or priming.get():
            return await self._respond(event, context, stream)
        from .summary import measured  # what nobody else has to pay for

        answer = self._respond(event, context, stream)
        return await measured(answer, context, stream, self._listeners)

    @abstractmethod
    async def _respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Do what `respond` does."""

    @abstractmethod
    async def shutdown(self) -> None:
        """Undo it, when the environment ends."""

    @cached_property
    def _listeners(self) -> list[Callable[[Summary], Any]]:
        """Who wants to know what each invocation was like."""
        listeners = [] if self.options.on_complete is None else [self.options.on_complete]
        if self.options.metrics == "emf":
            from .metrics import emit

            listeners.append(emit)
        return listeners

    def _meter(self) -> Meter | None:
        """What measures the current invocation, if anybody wants to know."""
        if not self._listeners:
            return None
        from .summary import current_meter

        return current_meter.get()

    def _seconds(self, context: Context | None) -> float | None:
        """Return how long the user's code may run, or None for as long as it wants."""
        margin = self.options.deadline_margin
        left = seconds_left(context) if margin else None
        return None if left is None else max(0.0, left - margin)

    @cached_property
    def _runner(self) -> asyncio.Runner:
        """The event loop for calls outside any runtime: one for all of them."""
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        atexit.register(self._close, runner)
        return runner

    def _close(self, runner: asyncio.Runner) -> None:
        try:
            runner.run(self.shutdown())
        finally:
            # From Python 3.12 on no thread can be started this late, not even the one in which
            # a runner, as its last step, waits for worker threads; which have ended already.
            with suppress(RuntimeError):
                runner.close()


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
