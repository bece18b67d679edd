"""The bridge of AWS's runtime: from synchronous awslambdaric to the event loop and a stream."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError, StreamClosed
from ..invocation import forks
from ..invocation.claim import ClaimInput
from ..invocation.current import current
from ..invocation.loggers import get_logger
from ..invocation.registry import handlers
from ..invocation.runner import KeptOpen, LoopRunner
from ..invocation.threads import app_threads, make_when_needed
from ..runtime_api.client import RuntimeClient
from ..runtime_api.delivery import Delivery
from ..runtime_api.invocation import Invocation
from ..runtime_api.runtime_stream import CallStream, DirectStream, RuntimeStream
from ..runtime_api.served_invocation import ServedInvocation
from .bridge import Bridge, stream_result, warn_of_lost_changes

if TYPE_CHECKING:
    from ..streams.streaming_handler import StreamingHandler
    from ..types import JSON

logger = get_logger("adapter.runtime")


class ManagedBridge(Bridge):
    """Connects awslambdaric, which is synchronous, with handlers that stream.

    The event loop runs during each call of the handler, in the thread of the call. So no other
    thread is involved, and the app sees objects that are bound to the thread, such as X-Ray's
    segments.
    """

    def __init__(self) -> None:
        loop = _current_loop()
        make_when_needed(loop, app_threads)
        KeptOpen(loop).__enter__()  # for as long as the process runs
        super().__init__(LoopRunner(loop))
        self.waiting = False  #: awslambdaric waits for an event
        self.started = False  #: the startup of the handlers has begun
        #: The handler that AWS's runtime calls without a wrapper; None if there is a wrapper.
        self._handler: object = None
        self._latest: ServedInvocation | None = None
        self._event: bytes | str | None = None
        self._forks = 0

    @cached_property
    def _client(self) -> RuntimeClient:
        return RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def start(self) -> None:
        """Run the startup of the function's handler, or of all handlers if it is a wrapper.

        Raises:
            Exception: the exception of the first startup that failed.
        """
        self.started = True
        module, _, name = os.environ.get("_HANDLER", "").replace("/", ".").rpartition(".")
        named = getattr(sys.modules.get(module), name, None)
        if any(named is handler and not handler.is_wrapper for handler in handlers()):
            self._handler = named
        for handler in handlers():
            if self._handler is None or self._handler is handler:
                self.runner.run(handler.startup())

    def join_invocation(self, request_id: str | None) -> None:
        """Serve an invocation that has begun already; init is over."""
        if request_id is not None:
            self.started = True
            self.received(request_id)

    def received(
        self,
        request_id: str,
        nonce: str | None = None,
        deadline_ms: Any = 0,
        function_arn: str | None = None,
        event: bytes | str | None = None,
    ) -> None:
        """Take the invocation that awslambdaric has received."""
        headers = {"lambda-runtime-invocation-id": nonce} if nonce else {}
        if function_arn:
            headers["lambda-runtime-invoked-function-arn"] = function_arn
        invocation = Invocation(request_id, deadline_ms, headers, b"")
        self._event = event
        self._latest = ServedInvocation(Delivery(self._client, invocation))
        self._forks = forks.generation
        self.served.begin(self._latest)
        asyncio.set_event_loop(self.runner.loop)  # asyncio.run unsets it

    def end_response(self, request_id: str, payload: bytes | None = None) -> bool:
        """Let no call respond any more; return whether the invocation has its outcome already.

        This method waits for a call that may still send the outcome. If there is no outcome,
        awslambdaric posts the result of the function. A forked child of the function that returns
        to this method ends here.

        Args:
            request_id: the invocation.
            payload: the result of the function that awslambdaric will post, if there is one.
        """
        if forks.generation != self._forks:
            forks.exit_if_forked(self._forks)
        served = self._latest
        if served is None or served.request_id != request_id:
            return False
        if served.call is not None:  # in a thread that the function has not joined
            self.runner.run(self.wait_for_call(served))
        delivery = served.delivery
        # No call runs now. Before each step a thread may still call, and send the outcome.
        if delivery.sent:
            _warn_of_lost_changes(payload)
        elif payload is not None:
            self._stream_payload(served, payload)
        if not delivery.sent:
            return self._release(delivery)
        if delivery.reply_to_stream is None and not delivery.has_posted:
            # A GeneratorExit has closed the call before it could wait for the reply.
            self.runner.run(self.wait_for_reply(delivery))
        return delivery.sent  # false if the POST could not be sent: awslambdaric posts

    async def wait_for_reply(self, delivery: Delivery) -> None:
        """Wait for the reply, because the event loop is paused after this call."""
        try:
            await delivery.wait_for_reply(current.get(None))
        except AdapterError as error:
            logger.critical("%s", error)  # awslambdaric gets the same reply, and ends
        if self._client.connection is None:
            await asyncio.sleep(0)  # a turn of the loop, in which the connection is closed

    async def open_stream(self, handler: StreamingHandler, delivery: Delivery) -> RuntimeStream:
        """Return the stream for a call of ``handler``, over a connection that is open."""
        await self._client.ensure_connection()  # awslambdaric received the event over another one
        if handler is self._handler:  # no wrapper can change the response, so it is posted at once
            return DirectStream(delivery)
        return CallStream(delivery)

    def _release(self, delivery: Delivery) -> bool:
        """Let awslambdaric post the outcome; return True if a call has just sent the outcome.

        The claim changes while the loop is paused, so no call can begin at the same time.
        """
        with self.runner.keep_paused():
            delivery.enter(ClaimInput.RUNTIME)
        return delivery.sent

    def _stream_payload(self, served: ServedInvocation, payload: bytes) -> None:
        """Stream the result of the function if it is an HTTP response."""
        if b'"statusCode"' not in payload:
            return
        try:
            event: JSON = json.loads(self._event or b"")
            result: JSON = json.loads(payload)
        except (ValueError, RecursionError):
            return
        self.runner.run(self._stream_result(event, result, served))

    async def _stream_result(self, event: JSON, result: JSON, served: ServedInvocation) -> None:
        try:
            await self._client.ensure_connection()
            await self.wait_for_call(served)  # a thread may have called since
            if stream_result(event, result, served.delivery):
                await self.wait_for_reply(served.delivery)
        except (OSError, StreamClosed) as error:
            logger.error("The response of the function could not be streamed: %s", error)


def _warn_of_lost_changes(payload: bytes | None) -> None:
    """Warn if the result of the function is more than the status, which the handler returned."""
    if payload is None or b"," not in payload:
        return
    with suppress(ValueError, RecursionError):
        warn_of_lost_changes(json.loads(payload))


def _current_loop() -> asyncio.AbstractEventLoop:
    """Return the current event loop, on which the app may have opened pools; make one if needed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 creates a loop and warns
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:  # Python 3.14; or after asyncio.run, or in a thread
            loop = asyncio.new_event_loop()
    if loop.is_closed():
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
