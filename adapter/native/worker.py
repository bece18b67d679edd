"""A worker: takes an event, serves the invocation, and takes the next event."""

from __future__ import annotations

import asyncio
import os
import sys
from contextvars import copy_context
from typing import TYPE_CHECKING

from ..errors import StreamClosed, is_explained, read_only_hint
from ..invocation.claim import ClaimInput, ClaimState
from ..invocation.loggers import get_logger
from ..runtime_api.delivery import Delivery
from ..runtime_api.invocation import Invocation, function_fields
from ..runtime_api.runtime_stream import RuntimeStream
from ..runtime_api.served_invocation import ServedInvocation
from ..runtime_api.wire import ApiReply
from ..sync.bridge import stream_result, warn_of_lost_changes

if TYPE_CHECKING:
    from contextvars import Context

    from ..runtime_api.client import RuntimeClient
    from ..runtime_api.connection import ReplyOrError
    from ..streams.streaming_handler import StreamingHandler
    from ..sync.bridge import Bridge

logger = get_logger("adapter.runtime")


def is_after_outcome(error: BaseException, delivery: Delivery) -> bool:
    """Whether ``error`` ends a task whose invocation has its outcome already.

    Code of the app may raise GeneratorExit. When it reaches an ``await`` of the adapter, Python
    closes the coroutine: its ``except`` and ``finally`` blocks still run and send the error, but an
    ``await`` in them raises a RuntimeError.
    """
    return delivery.sent and isinstance(error, GeneratorExit | RuntimeError)


class Worker:
    """Serves one invocation at a time over one connection.

    Without errors, callbacks of the connection do the work, and no task waits between them::

        event ──► _on_event ──► _begin ──► _serve: the app and its response
                      ▲                       │
                      └── ask ◄── _ask_if_done: the app has returned, and the reply is here

    Each future for which a task waits costs a turn of the event loop, and each turn is a system
    call. In this way a warm call takes two turns; a task that awaits each step would take six.
    `run` sleeps until there is something unusual: connections, refusals, errors and the end.
    """

    _loop: asyncio.AbstractEventLoop  #: set by `run`, as the next one
    _variables: Context  #: copied for each invocation
    _delivery: Delivery  #: of the latest invocation
    _result_for_run: asyncio.Future[ApiReply | None]  #: see `_return_to_run`

    def __init__(self, handler: StreamingHandler, client: RuntimeClient, bridge: Bridge) -> None:
        self._handler = handler
        self._client = client
        self._bridge = bridge
        self._function = function_fields(os.environ)
        self._stopping = False
        self._running: asyncio.Task[None] | None = None  #: in `run`
        self._is_idle = False  #: `run` or the connection waits for an event
        self._serving: asyncio.Task[None] | None = None  #: the latest invocation
        self._has_returned = True  #: whether its app has returned

    async def run(self) -> None:
        """Serve until stopped, each invocation in a new task with new context variables.

        Raises:
            RuntimeApiError: the Runtime API says that this environment is lost.
            OSError: the Runtime API cannot be reached.
        """
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.current_task()
        self._variables = copy_context()
        event: ApiReply | None = None  # a reply to ``next``, from `_on_event`
        while not self._stopping:
            self._is_idle = True
            invocation = await self._client.next(event)
            self._result_for_run = self._loop.create_future()
            self._begin(invocation)
            event = await self._wait()
            if event is None:  # the latest outcome may have no reply, or a refusal
                await self._delivery.wait_for_reply()

    def stop(self) -> None:
        """Take no more events. The current invocation is finished."""
        self._stopping = True
        if self._is_idle and self._running is not None:
            self._running.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def _wait(self) -> ApiReply | None:
        """Wait until `_return_to_run` is called, while callbacks serve invocations."""
        try:
            return await self._result_for_run
        except asyncio.CancelledError:
            if self._serving is not None and not self._serving.done():
                self._serving.cancel()
                await asyncio.wait((self._serving,))
            raise

    def _on_event(self, reply: ReplyOrError) -> None:
        """Take the reply to ``next``."""
        if self._stopping:
            return
        if isinstance(reply, Exception) or reply.status != 200 or not reply.keep_alive:
            self._return_to_run(reply)
            return
        try:
            self._begin(Invocation.parse(reply))
        except Exception as error:
            self._return_to_run(error)

    def _begin(self, invocation: Invocation) -> None:
        """Start an invocation. From Python 3.12 on, it may be over when this method returns."""
        self._is_idle = False
        if invocation.trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = invocation.trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        self._has_returned = False
        self._delivery = Delivery(self._client, invocation, self._ask_if_done)
        loop = self._loop
        if sys.version_info >= (3, 12) and loop.get_task_factory() is None:
            variables = self._variables.copy()
            self._serving = asyncio.Task(
                self._serve_one(), loop=loop, context=variables, eager_start=True
            )
        else:  # starts a turn later; or the app has set a task factory, which may take no context
            self._serving = self._variables.run(loop.create_task, self._serve_one(later=True))
            # As `unlisted` does; the task is listed again in its first step.
            asyncio._unregister_task(self._serving)

    async def _serve_one(self, *, later: bool = False) -> None:
        """Serve one invocation; ``later``: the task is unlisted until this first step."""
        if later:
            asyncio._register_task(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await self._serve(ServedInvocation(self._delivery))
        except BaseException as error:
            if not is_after_outcome(error, self._delivery):
                self._return_to_run(error)
                return
        self._has_returned = True
        self._ask_if_done()

    def _ask_if_done(self) -> None:
        """Ask for the next event if the app has returned and its response has a reply.

        Called when the app returns, and when the reply comes.
        """
        reply = self._delivery.reply_to_stream
        if not self._has_returned or (reply is None and self._delivery.opened):
            return
        is_taken = isinstance(reply, ApiReply) and reply.status == 202
        if is_taken and not self._stopping and self._client.ask(self._on_event):
            self._is_idle = True
        else:
            self._return_to_run(None)

    def _return_to_run(self, result: ApiReply | BaseException | None) -> None:
        """Let `run` continue: with a reply to ``next``, with an error, or with None."""
        if self._result_for_run.done():
            return
        if isinstance(result, ConnectionError):
            self._result_for_run.set_result(None)  # `run` connects again
        elif isinstance(result, BaseException):
            self._result_for_run.set_exception(result)
        else:
            self._result_for_run.set_result(result)

    async def _serve(self, served: ServedInvocation) -> None:
        """Bring one invocation to exactly one outcome."""
        self._bridge.served.begin(served)
        try:
            if self._bridge.calls_function:
                await self._call_function(served)
            else:
                await self._call_handler(served)
        finally:
            self._bridge.served.end(served)

    async def _call_handler(self, served: ServedInvocation) -> None:
        """Let a handler of the adapter respond on the stream."""
        delivery = served.delivery
        delivery.enter(ClaimInput.CALL)
        stream = RuntimeStream(delivery)
        try:
            event = delivery.invocation.event()
            served.context = context = delivery.invocation.context(self._function)
            response = await self._handler.respond(event, context, stream)
            if not stream.started and not stream.closed:
                stream.respond(response)
            elif not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            stream.fail(error)
            self._log_failure(error)

    async def _call_function(self, served: ServedInvocation) -> None:
        """Call a function, perhaps around a handler of the adapter, and post its result.

        If a call of such a handler has begun to respond, its response is the outcome, and the
        result or the exception of the function is ignored.
        """
        delivery = served.delivery
        try:
            event = delivery.invocation.event()
            served.context = context = delivery.invocation.context(self._function)
            cancelled = False
            try:
                result = await self._handler.respond(event, context, RuntimeStream(delivery))
            except asyncio.CancelledError:
                cancelled = True
                raise
            finally:
                await self._bridge.wait_for_call(served, cancel=cancelled)
            if delivery.claim is ClaimState.RESPONDED:
                warn_of_lost_changes(result)
            elif delivery.claim is ClaimState.OPEN and not stream_result(event, result, delivery):
                delivery.respond(result, ClaimInput.RUNTIME)
        except BaseException as error:
            if delivery.enter(ClaimInput.RUNTIME):
                delivery.report(error)
            self._log_failure(error)

    def _log_failure(self, error: BaseException) -> None:
        """Log why an invocation failed.

        Raises:
            CancelledError: ``error``, if the environment ends.
        """
        if self._stopping and isinstance(error, asyncio.CancelledError):
            raise error
        shown = (type(error), error, None) if is_explained(error) else error
        logger.error("The invocation failed%s", read_only_hint(error), exc_info=shown)
