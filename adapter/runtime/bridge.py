"""Lets a synchronous runtime, which can only post whole answers, call handlers that stream."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..context import seconds_left
from ..errors import (
    AdapterError,
    DeadlineExceeded,
    EventError,
    RuntimeApiError,
    StreamClosed,
)
from ..prelude import CONTENT_TYPE, decode
from .client import RuntimeClient
from .invocation import Invocation
from .stream import RuntimeStream
from .worker import settle

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from ..types import JSON, Context, StreamingHandler

logger = logging.getLogger("adapter.runtime")

T = TypeVar("T")


class Bridge:
    """Stands between the managed client, which is synchronous, and handlers that stream.

    Its event loop runs in the thread that calls the handler, while it calls: no hand-over to
    another thread, and what is bound to the thread, as X-Ray's segments are, is the app's too.
    """

    def __init__(self) -> None:
        self.handlers: list[StreamingHandler] = []
        self.invocation: Invocation | None = None  #: the current one, if it can still be answered
        self._answered: str | None = None
        self._started = False
        self._turn = threading.Lock()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one event loop, for the life of the process."""
        return asyncio.new_event_loop()

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
        for handler in [named] if named in self.handlers else list(self.handlers):
            self._run(handler.startup())

    def join(self, request_id: str | None) -> None:
        """Join in when init is over already, in the middle of an invocation."""
        if request_id is not None:
            self._started = True
            self.began(request_id, None)

    def began(self, request_id: str, nonce: str | None) -> None:
        """Note which invocation the managed client has taken."""
        headers = {"lambda-runtime-invocation-id": nonce} if nonce else {}
        self.invocation = Invocation(request_id, 0, headers, b"")
        self._answered = None

    def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
        """Have ``handler`` answer the current invocation; return what is left to return.

        That is the buffered answer when nothing was streamed, and otherwise something small.

        Raises:
            AdapterError: another thread still runs the last call, and the time is up.
            Exception: why the handler failed, if nothing was streamed.
        """
        seconds = seconds_left(context)
        if not self._turn.acquire(timeout=1.0 if seconds is None else seconds):
            raise AdapterError(
                "The handler was called while it still ran in another thread, perhaps by its own"
                " app: under AWS's runtime it serves one call at a time."
            )
        try:
            return self._run(self._respond(handler, event, context))
        finally:
            self._turn.release()

    def has_answered(self, request_id: str) -> bool:
        """Whether that invocation has been answered; waits for a thread that may yet do it."""
        with self._turn:
            return self._answered == request_id

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, whatever else is raised in the loop meanwhile.

        A SystemExit in a task that the app left behind stops the loop, and so does a signal
        handler's; let out, either would end the process in the middle of a response.
        """
        task = self._loop.create_task(_stopping(self._loop, coroutine))
        while not task.done():
            try:
                self._loop.run_forever()
            except BaseException as error:
                if not task.done():
                    logger.error("Raised beside the response, which goes on.", exc_info=error)
        return task.result()

    async def _respond(
        self, handler: StreamingHandler, event: JSON, context: Context | None
    ) -> JSON:
        current = self.invocation
        if (
            current is None
            or current.request_id == self._answered
            # Called for another one: a wrapper warms the app up, or tests it.
            or getattr(context, "aws_request_id", current.request_id) != current.request_id
        ):
            return await handler.respond(event, context, None)
        await self._client.ready()
        stream = _Stream(self._client, current)
        answer = None
        try:
            answer = await handler.respond(event, context, stream)
            if stream.started and not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            if stream.answered:
                logger.error("The handler failed.", exc_info=error)
            stream.fail(error)
        if stream.answered:
            self._answered = current.request_id
            await _settle(stream)
            if self._client.connection is None:
                await asyncio.sleep(0)  # one turn to close it in, before the loop stands still
        if stream.failure is not None:
            raise stream.failure
        return stream.summary if stream.answered else answer


class _Stream(RuntimeStream):
    """Leaves a failure before the first byte to the managed client, and to all wrappers before it.

    Except for what cannot wait for them, or would end the process on the way.
    """

    failure: Exception | None = None
    _first = b""

    @property
    def answered(self) -> bool:
        """Whether anything was sent."""
        return self._answer is not None

    @property
    def summary(self) -> JSON:
        """What wrappers get to see of a response that is gone: its status, if it is HTTP's."""
        with suppress(EventError, KeyError):  # not HTTP, or a prelude written in pieces, or without
            return {"statusCode": decode(self._first)[0]["statusCode"]}
        return {}

    def transmit(self, chunks: Sequence[bytes], end: bool) -> int:
        """Keep the first chunk, which has the status."""
        if chunks and not self._first and self.content_type == CONTENT_TYPE:
            self._first = chunks[0]
        return super().transmit(chunks, end)

    def disconnect(self, reason: str) -> None:
        """Note that nobody reads; if nothing was sent either, that is a failure to report."""
        super().disconnect(reason)
        if not self.answered:
            self.failure = self._broken

    def _report(self, error: BaseException) -> None:
        if isinstance(error, Exception):
            self.failure = error
        if isinstance(error, DeadlineExceeded) or self.failure is None:
            super()._report(error)


async def _stopping(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Stop the loop with the end of ``coroutine``; ``run_until_complete`` takes a turn more."""
    try:
        return await coroutine
    finally:
        loop.stop()


async def _settle(stream: RuntimeStream) -> None:
    try:
        await settle(stream)
    except RuntimeApiError as error:
        logger.critical("%s", error)  # it will tell the managed client as well, which then ends
