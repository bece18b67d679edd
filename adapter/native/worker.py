"""One place to serve invocations in: takes an event, responds to it, and takes the next."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ..errors import HandlerError, StreamClosed, advice
from ..invocation.loggers import get_logger
from ..runtime_api.delivery import Delivery, encode_response, settle
from ..runtime_api.invocation import function_context
from ..runtime_api.runtime_stream import RuntimeStream
from ..sync.bridge import Served, stream_result

if TYPE_CHECKING:
    from ..invocation.context import LambdaContext
    from ..runtime_api.client import RuntimeClient
    from ..runtime_api.invocation import Function, Invocation
    from ..streams.response_stream import StreamingHandler
    from ..sync.bridge import Bridge
    from ..types import JSON

logger = get_logger("adapter.runtime")


class Worker:
    """Serves one invocation at a time over a connection of its own."""

    def __init__(self, handler: StreamingHandler, client: RuntimeClient, bridge: Bridge) -> None:
        self._handler = handler
        self._client = client
        self._bridge = bridge
        self._function = function_context(os.environ)
        self._stopping = False
        self._idle: asyncio.Task[None] | None = None  #: waits for an event

    async def run(self) -> None:
        """Serve until stopped, each invocation in a task and a context of its own.

        Raises:
            RuntimeApiError: the Runtime API says that this environment is lost.
            OSError: the Runtime API is gone.
        """
        while not self._stopping:
            self._idle = asyncio.create_task(self._take())
            await self._idle

    def stop(self) -> None:
        """Take no more events. The current invocation is finished."""
        self._stopping = True
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def _take(self) -> None:
        invocation = await self._client.next()
        self._idle = None
        if invocation.trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = invocation.trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        await self._serve(invocation)

    async def _serve(self, invocation: Invocation) -> None:
        """Bring one invocation to exactly one outcome."""
        served = Served(Delivery(self._client, invocation))
        self._bridge.begin(served)
        try:
            if self._bridge.calls_function:
                await self._call_function(served)
            else:
                await self._call_handler(served)
        finally:
            self._bridge.end(served)
        await self._settle(served.delivery)

    async def _call_handler(self, served: Served) -> None:
        """Have a handler of the adapter respond on the stream."""
        delivery = served.delivery
        delivery.claim.call()
        stream = RuntimeStream(delivery)
        try:
            event, context = _unmarshal(served, self._function)
            response = await self._handler.respond(event, context, stream)
            if not stream.started and not stream.closed:
                stream.respond(response)
            elif not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            stream.fail(error)
            self._log_failure(error)

    async def _call_function(self, served: Served) -> None:
        """Call a function, perhaps around a handler of the adapter, and post its result.

        If a call of such a handler has begun to respond, its response is the outcome, and the
        result or the exception of the function is ignored.
        """
        delivery = served.delivery
        try:
            event, context = _unmarshal(served, self._function)
            cancelled = False
            try:
                result = await self._handler.respond(event, context, RuntimeStream(delivery))
            except asyncio.CancelledError:
                cancelled = True
                raise
            finally:
                await self._bridge.wait_for_call(served, cancel=cancelled)
            if delivery.claim.open and not stream_result(event, result, delivery):
                payload, content_type = encode_response(result)
                if delivery.claim.runtime():
                    delivery.post(payload, content_type)
        except BaseException as error:
            if delivery.claim.runtime():
                delivery.report(error)
            self._log_failure(error)

    def _log_failure(self, error: BaseException) -> None:
        """Log why an invocation failed.

        Raises:
            CancelledError: ``error``, if the environment ends.
        """
        if self._stopping and isinstance(error, asyncio.CancelledError):
            raise error
        logger.error("The invocation failed%s", advice(error), exc_info=error)

    async def _settle(self, delivery: Delivery) -> None:
        await settle(delivery)


def _unmarshal(served: Served, function: Function) -> tuple[JSON, LambdaContext]:
    invocation = served.delivery.invocation
    try:
        event = invocation.event()
    except (ValueError, RecursionError) as error:
        raise HandlerError("Runtime.UnmarshalError", f"The event is not JSON: {error}") from error
    try:
        served.context = context = invocation.context(function)
    except (ValueError, AttributeError, TypeError) as error:
        raise HandlerError(
            "Runtime.LambdaContextUnmarshalError", f"The context is not as documented: {error}"
        ) from error
    return event, context
