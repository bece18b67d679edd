"""The managed runtime's way from synchronous code to an event loop, and to a stream of our own."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..environment import handlers
from ..errors import RuntimeApiError
from ..loggers import get_logger
from .bridge import Bridge
from .client import RuntimeClient
from .executor import Executor
from .invocation import Invocation
from .served import Served
from .stream import RuntimeStream
from .worker import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..types import JSON, Context, StreamingHandler

logger = get_logger("adapter.runtime")

T = TypeVar("T")


class ManagedBridge(Bridge):
    """Stands between the managed client, which is synchronous, and handlers that stream.

    Its event loop runs in the thread that calls the handler, while it calls: no hand-over to
    another thread, and what is bound to the thread, as X-Ray's segments are, is the app's too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = False

    @cached_property
    def _client(self) -> RuntimeClient:
        return RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def start(self) -> None:
        """Run the startup of the function's handler, or of all if a wrapper stands around them.

        Raises:
            Exception: what the first one that failed raised.
        """
        if self._started:
            return
        self._started = True
        module, _, name = os.environ.get("_HANDLER", "").replace("/", ".").rpartition(".")
        named = getattr(sys.modules.get(module), name, None)
        for handler in [named] if named in handlers() else handlers():
            self.run(handler.startup())

    def join(self, request_id: str | None) -> None:
        """Join in when init is over already, in the middle of an invocation."""
        if request_id is not None:
            self._started = True
            self.took(request_id, None)

    def took(self, request_id: str, nonce: str | None) -> None:
        """Note which invocation the managed client has taken."""
        headers = {"lambda-runtime-invocation-id": nonce} if nonce else {}
        stream = RuntimeStream(self._client, Invocation(request_id, 0, headers, b""))
        self.began(Served(request_id), stream)

    def waits(self) -> None:
        """Note that the managed client is done with it, and waits for the next one."""
        self._running.clear()

    def has_answered(self, request_id: str) -> bool:
        """Whether that invocation has been answered; waits for a thread that may yet do it.

        If it has not, the managed client answers it now, and nothing else can.
        """
        with self._runs:
            current = self._running.get(request_id)
            if current is None:
                return False
            if current.call is not None:  # it was on the loop of another thread, which has gone
                self._run(asyncio.wait((current.call,)))
            if not current.stream.answered:
                current.stream.disconnect("AWS's runtime answers the invocation.")
            return current.stream.answered

    def _get_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(Executor())
        return self._loop

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, whatever else is raised in the loop meanwhile.

        A SystemExit in a task that the app left behind stops the loop, and so does a signal
        handler's; let out, either would end the process in the middle of a response.
        """
        loop = self.loop
        task = loop.create_task(_stopping(loop, coroutine))
        while not task.done():
            try:
                loop.run_forever()
            except BaseException as error:
                if not task.done():
                    logger.error("Raised beside the response, which goes on.", exc_info=error)
        return task.result()

    async def _answer(
        self,
        handler: StreamingHandler,
        event: JSON,
        context: Context | None,
        outcome: RuntimeStream,
    ) -> JSON:
        await self._client.ready()
        try:
            return await super()._answer(handler, event, context, outcome)
        finally:
            if outcome.answered:
                await self._settle(outcome)

    async def _settle(self, stream: RuntimeStream) -> None:
        try:
            await settle(stream)
        except RuntimeApiError as error:
            logger.critical("%s", error)  # the managed client will hear it too, and end
        if self._client.connection is None:
            await asyncio.sleep(0)  # one turn to close it in, before the loop stands still


async def _stopping(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Stop the loop with the end of ``coroutine``; ``run_until_complete`` takes a turn more."""
    try:
        return await coroutine
    finally:
        loop.stop()
