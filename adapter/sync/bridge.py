"""Lets synchronous code call a handler that streams: AWS's runtime, or a wrapper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import HandlerError, ResponseTooLarge, StreamClosed, class_name
from ..events import identify, unwrap
from ..invocation.claim import ClaimInput
from ..invocation.current import current, drop_pending_app_cancellation
from ..invocation.loggers import get_logger
from ..invocation.registry import handlers
from ..runtime_api.runtime_stream import CallStream, RuntimeStream
from ..runtime_api.served_invocation import ServedInvocation, ServedInvocations

if TYPE_CHECKING:
    from ..events import Source
    from ..invocation.runner import LoopRunner
    from ..runtime_api.delivery import Delivery
    from ..runtime_api.invocation import Invocation
    from ..streams.streaming_handler import StreamingHandler
    from ..types import JSON, Context

logger = get_logger("adapter.runtime")


class Bridge:
    """Connects calls of ``handler(event, context)``, in any thread, with the one event loop."""

    def __init__(self, runner: LoopRunner) -> None:
        self.runner = runner
        #: Whether the runtime calls a function, which may be a wrapper, and not a handler itself.
        self.calls_function = True
        self.served = ServedInvocations(at_once=runner.concurrent)

    def call(self, handler: StreamingHandler, event: JSON, context: Context | None) -> JSON:
        """Have ``handler`` respond, from synchronous code.

        The call responds to the invocation that it belongs to. The first call claims the
        invocation. A later call gets the buffered response, unless the first call has failed before
        its first byte. A call that belongs to no running invocation gets the buffered response too,
        for example if a wrapper warms the app up or tests the app.

        Returns:
            The buffered response if nothing was streamed; otherwise the status, which a wrapper
            may read.

        Raises:
            Exception: the reason why the handler failed, also after a part of the response.
        """
        return self.runner.call(self._respond(handler, event, context, self._find(context)))

    async def wait_for_reply(self, delivery: Delivery) -> None:
        """Do nothing: the worker of the native runtime waits. `ManagedBridge` waits here."""

    async def wait_for_call(self, served: ServedInvocation, *, cancel: bool = False) -> None:
        """Wait for a call that still runs in a thread after its wrapper has returned.

        The response of the call is the outcome. The result or the exception of the wrapper is
        ignored.

        Raises:
            CancelledError: this coroutine was cancelled, and the call with it.
        """
        call = served.call
        if call is None:
            return
        if cancel:
            served.cancel(call)
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            served.cancel(call)
            await asyncio.wait((call,))
            raise

    async def _respond(
        self,
        handler: StreamingHandler,
        event: JSON,
        context: Context | None,
        served: ServedInvocation | None,
    ) -> JSON:
        """Do what `call` describes, for a call that belongs to ``served``."""
        if served is None or not served.delivery.enter(ClaimInput.CALL):
            return await handler.respond(event, context, None)
        current.set(served)  # the calling thread may have no context variables
        served.call = asyncio.current_task()
        try:
            return await self._stream(handler, event, context, served)
        finally:
            served.delivery.enter(ClaimInput.CALL_ENDED)
            served.call = None
            await drop_pending_app_cancellation(served)

    async def _stream(
        self,
        handler: StreamingHandler,
        event: JSON,
        context: Context | None,
        served: ServedInvocation,
    ) -> JSON:
        delivery = served.delivery
        stream = await self.open_stream(handler, delivery)
        response = None
        try:
            response = await handler.respond(event, context, stream)
            if stream.started and not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            stream.fail(error)
            if served.cancelled and isinstance(error, asyncio.CancelledError):
                raise
            if stream.started:
                logger.error("The handler failed", exc_info=error)
        finally:
            if delivery.sent:
                await self.wait_for_reply(delivery)
        if isinstance(stream.error, Exception):
            raise stream.error
        if stream.error is not None:  # a SystemExit, for example, which would end the process
            name = class_name(type(stream.error))
            raise HandlerError(name, f"The app raised {name}.") from stream.error
        if not delivery.sent:
            return response
        if stream.wrapped:
            await stream.finished()  # raises the disconnect, which a wrapper may count
        return {} if stream.head is None else {"statusCode": stream.head.status}

    async def open_stream(self, handler: StreamingHandler, delivery: Delivery) -> RuntimeStream:
        """Return the stream for a call of ``handler``, over a connection that is open."""
        return CallStream(delivery)

    def _find(self, context: object) -> ServedInvocation | None:
        """Return the record of the invocation that a call with ``context`` belongs to.

        A wrapper may change its context object, even its request id, and may call the handler with
        another context object, for example to warm the app up. So this is the invocation

        1. whose context object this is, or
        2. that has the same request id, or
        3. the only one, if the context has no request id, or the deadline and the function of that
           invocation. AWS's runtime makes the context, so the adapter does not know the object.
        """
        record = current.get(None)
        if isinstance(record, ServedInvocation):
            # None if that invocation is over: its thread must not respond to the next invocation,
            # which may be a retry with the same request id. (A nested call has a copy.)
            known = [self.served[record.delivery]] if record.delivery in self.served else []
        else:  # a thread that a wrapper has started without context variables
            known = list(self.served.values())
        named = getattr(context, "aws_request_id", None)
        for served in reversed(known):
            if (context is not None and context is served.context) or named == served.request_id:
                return served
        if len(known) == 1 and (not named or _was_made_for(known[0].delivery.invocation, context)):
            return known[0]
        return None


def _was_made_for(invocation: Invocation, context: object) -> bool:
    """Whether ``context`` has the deadline and the function of ``invocation``."""
    deadline = getattr(context, "_epoch_deadline_time_in_ms", None)
    arn = getattr(context, "invoked_function_arn", None)
    return deadline == invocation.deadline_ms and (arn or "") == invocation.function_arn


def stream_result(event: JSON, result: object, delivery: Delivery) -> bool:
    """Stream ``result`` if it is an HTTP response that a wrapper returns without the handler.

    In RESPONSE_STREAM mode a function URL does not interpret a posted response: the client gets its
    JSON, with status 200. But a wrapper that returns ``{"statusCode": …}`` without a call of the
    handler means an HTTP response. Only such a response is streamed, and only if the function has a
    handler of the adapter that streams to the event source. Return whether it was streamed.
    """
    if not (isinstance(result, dict) and "statusCode" in result):
        return False
    event = unwrap(event)
    source = identify(event)
    if source is None or not _is_streamed(source, event):
        return False
    from ..streams.metadata import http_response  # lazy: cold start

    response = http_response(result)
    if response is None or not delivery.enter(ClaimInput.CALL):
        return False
    head, body = response
    stream = RuntimeStream(delivery)
    try:
        stream.start(head, source)
        stream.writelines_nowait((body,), end=True)
    except ResponseTooLarge as error:
        logger.error("%s", error)
        delivery.enter(ClaimInput.CALL_ENDED)
        return False
    return True


_warned = False


def warn_of_lost_changes(result: object) -> None:
    """Warn, once per process, that the response that a function returns is not sent.

    The handler that the function called has responded, and has returned the status and no more. So
    further keys are those of a response that the function has made or changed.
    """
    global _warned
    if _warned or not (isinstance(result, dict) and "statusCode" in result and len(result) > 1):
        return
    _warned = True
    logger.warning(
        "The function returned a response (%s) after its handler had sent one, so the client does"
        " not get it. Change the response in a middleware of the app instead.",
        ", ".join(map(str, result)),
    )


def _is_streamed(source: Source, event: JSON) -> bool:
    """Whether a handler of the adapter streams its response to this event."""
    try:
        return any(handler.streams(source, event) for handler in handlers())
    except Exception as error:  # the option `invoke_mode` may be a function of the user
        logger.error("The function invoke_mode raised; the response is buffered", exc_info=error)
        return False
