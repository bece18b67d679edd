"""One place to serve invocations in: takes an event, responds to it, and takes the next."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ..errors import HandlerError, RuntimeApiError, StreamClosed, advice
from ..loggers import get_logger
from ..wire import ProtocolError
from .bridge import Served, stream_result
from .delivery import Delivery, encode_response
from .invocation import function_context
from .stream import RuntimeStream

if TYPE_CHECKING:
    from ..context import LambdaContext
    from ..stream import StreamingHandler
    from ..types import JSON
    from .bridge import Bridge
    from .client import RuntimeClient
    from .invocation import Function, Invocation

logger = get_logger("adapter.runtime")

# Replies of a platform that does not take an outcome, but in an environment that is fine.
_ENVIRONMENT_IS_FINE = {
    400: "it was refused as broken, or it came for an invocation that is over",
    410: "it came too late, the invocation is over",
    413: "it is larger than Lambda accepts",
}


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


async def settle(delivery: Delivery) -> None:
    """Wait for the reply of the Runtime API; only then may ``next`` be asked for.

    Raises:
        RuntimeApiError: the reply says that this environment is lost.
        NotPosted: nothing could be posted, so ``next`` would deliver the same event again.
    """
    try:
        response = await delivery.reply()
    except (OSError, ProtocolError) as error:
        # A reset in mid-stream is how the platform says that the time is up; if the environment
        # goes on, the next request opens a new connection.
        logger.error("The outcome of the response is not known: %s", error)
        return
    if response.status in _ENVIRONMENT_IS_FINE:
        logger.error(
            "The Runtime API did not take the response (%s): %s. %s",
            response.status,
            _ENVIRONMENT_IS_FINE[response.status],
            response.body.decode("utf-8", "replace").strip(),
        )
    elif response.status != 202:
        body = response.body.decode("utf-8", "replace")
        raise RuntimeApiError("POST /runtime/invocation/…", response.status, body)


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
