"""One place to serve invocations in: takes an event, answers it, and takes the next."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ..errors import HandlerError, RuntimeApiError, StreamClosed
from ..loggers import get_logger
from ..wire import ProtocolError
from .invocation import function_context
from .served import Served, anywhere, served
from .stream import RuntimeStream

if TYPE_CHECKING:
    from ..context import LambdaContext
    from ..types import JSON, StreamingHandler
    from .bridge import Bridge
    from .client import RuntimeClient
    from .invocation import Function, Invocation

logger = get_logger("adapter.runtime")

# What the platform says when it will not take an answer, but the environment is fine.
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
        """Take no more events. What is being served is finished."""
        self._stopping = True
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def _take(self) -> None:
        invocation = await self._client.next()
        self._idle = None
        anywhere.request_id, anywhere.tenant_id = invocation.request_id, invocation.tenant_id
        if invocation.trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = invocation.trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        await self._serve(invocation)

    async def _serve(self, invocation: Invocation) -> None:
        """Bring one invocation to exactly one outcome, of which all that runs here knows."""
        this = Served(invocation.request_id, invocation.tenant_id)
        served.set(this)
        stream = RuntimeStream(self._client, invocation)
        current = self._bridge.began(this, stream)
        try:
            event, context = _unmarshal(invocation, self._function)
            try:
                answer = await self._handler.respond(event, context, stream)
            finally:
                if current.call is not None:
                    await self._join(current.call)
            if not stream.started and not stream.closed:
                stream.respond(*_marshal(answer))
            elif not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
        except BaseException as error:
            stream.fail(error)
            if self._stopping and isinstance(error, asyncio.CancelledError):
                raise
            logger.error("The invocation failed.", exc_info=error)
        finally:
            self._bridge.ended(current)
        await self._settle(stream)

    async def _join(self, call: asyncio.Task[Any]) -> None:
        """Wait for a call that its wrapper has left alone, in a thread of its own.

        What it answers is the outcome, whatever the wrapper has returned or raised.
        """
        if isinstance(sys.exception(), asyncio.CancelledError):
            call.cancel()
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            call.cancel()
            await asyncio.wait((call,))
            raise

    async def _settle(self, stream: RuntimeStream) -> None:
        await settle(stream)


async def settle(stream: RuntimeStream) -> None:
    """Hear what the Runtime API says to the answer; only then may ``next`` be asked for.

    Raises:
        RuntimeApiError: it says that this environment is lost.
    """
    try:
        response = await stream.answer()
    except (OSError, ProtocolError) as error:
        # A reset in mid-stream is how the platform says that the time is up; if it lets us
        # live, the next request opens a new connection.
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


def _unmarshal(invocation: Invocation, function: Function) -> tuple[JSON, LambdaContext]:
    try:
        event = invocation.event()
    except (ValueError, RecursionError) as error:
        raise HandlerError("Runtime.UnmarshalError", f"The event is not JSON: {error}") from error
    try:
        return event, invocation.context(function)
    except (ValueError, AttributeError, TypeError) as error:
        raise HandlerError(
            "Runtime.LambdaContextUnmarshalError", f"The context is not as documented: {error}"
        ) from error


def _marshal(answer: object) -> tuple[bytes, str]:
    """Return ``answer`` as JSON, and the type of that; bytes are sent as they are."""
    if isinstance(answer, bytes):
        return answer, "application/unknown"  # as AWS's own runtime says
    try:
        return _json(answer), "application/json"
    except (TypeError, ValueError, RecursionError) as error:
        raise HandlerError(
            "Runtime.MarshalError", f"The handler's answer cannot be sent as JSON: {error}"
        ) from error


def _json(answer: object) -> bytes:
    """Return ``answer`` in UTF-8, which is what its size was measured in."""
    try:
        return json.dumps(answer, default=_number, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair is text to Python, but not to UTF-8
        return json.dumps(answer, default=_number).encode()


def _number(value: object) -> int | float:
    """Return what is to be sent for a `Decimal`, which is what DynamoDB's numbers come as."""
    decimal = sys.modules.get("decimal")  # never imported: there is one only if it was
    if decimal is not None and isinstance(value, decimal.Decimal):
        whole = value == value.to_integral_value() if value.is_finite() else False
        return int(value) if whole else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
