"""Streaming handlers without an ASGI app: ``@streamify_response``."""

from __future__ import annotations

import asyncio
import inspect
from base64 import b64decode
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any

from .asgi.cycle import clear_frames, is_disconnect
from .entry import EntryPoint
from .errors import ClientDisconnected, DeadlineExceeded, StreamClosed
from .events import FUNCTION_URL, identify, unwrap
from .invocation import forks
from .invocation.deadline import Deadline, seconds_until_deadline
from .invocation.loggers import get_logger
from .invocation.tasks import generators_closed
from .streams.buffered_stream import BufferedStream, buffered_response, warn_of_buffering
from .streams.metadata import head as metadata_head
from .streams.pipe import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Source
    from .observe.summary import Meter
    from .streams.pipe import BlockingStream
    from .streams.response_stream import ResponseStream
    from .types import JSON, Context, Head

logger = get_logger("adapter.http")

_CLOSED = (ClientDisconnected, StreamClosed)  #: the errors of a write after the end of a stream


def streamify_response(function: Callable[[Any, Any, Any], Any]) -> StreamingFunction:
    """Make a Lambda handler of a function that writes its response to a stream.

    The function is called with ``(event, stream, context)``, as by AWS's
    ``awslambda.streamifyResponse`` in Node.js. The event may be of any kind. Bytes are sent
    unchanged when they are written, with the content type ``application/octet-stream``;
    `HttpResponseStream.from_` makes the response an HTTP response.

    * An ``async`` function gets a `ResponseStream`, and awaits its writes.
    * A synchronous function runs in a thread and gets an `adapter.streams.pipe.BlockingStream`: the
      same methods without ``await``.
    * Each chunk that a generator yields, async or not, is written.
    * A function that has written nothing may return ``{"statusCode", "headers",
      "multiValueHeaders", "cookies", "body", "isBase64Encoded"}``, with ``statusCode``, ``body`` or
      both, or only a body. The body can be anything that `ResponseStream.pipe` takes, and is closed
      at the end.

    The stream is ended if the function leaves it open. Before the first byte, an exception of the
    function is the error of the invocation; after the first byte, it is sent in error trailers.

    Raises:
        TypeError: the function does not take ``(event, stream, context)`` in this order.
    """
    _check(function)
    return StreamingFunction(function)


class StreamingFunction(EntryPoint):
    """The handler that `streamify_response` makes; ``__wrapped__`` is the function.

    Outside a runtime, with ``ADAPTER_INVOKE_MODE=buffered``, and for an event source that cannot
    stream, ``handler(event, context)`` returns the buffered response in the format of the event
    source, or in the format of a function URL if the event is not HTTP: ``{"statusCode", "headers",
    "body", "isBase64Encoded"}``.
    """

    def __init__(self, function: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__({"invoke_mode": "response_stream"})
        update_wrapper(self, function)
        self._function = function
        self._awaits = _is_async(function)

    async def startup(self) -> bool:
        """Check the options; there is nothing to start.

        Raises:
            ConfigurationError: an option has an invalid value.
        """
        _ = self.options
        return False

    async def shutdown(self) -> None:
        """Do nothing."""

    async def _respond(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
        meter: Meter | None,
    ) -> JSON:
        """Serve one invocation.

        A streamed response ends with the error of the function, which is not raised here.

        Raises:
            ResponseTooLarge: outside a runtime, the response is larger than the event source
                accepts.
            Exception: outside a runtime, the exception of the function. Inside a runtime, the
                stream of the runtime fails with the error.
        """
        plain = unwrap(event)
        source = identify(plain)
        if meter is not None and source is not None:
            meter.received(source, plain)
        if stream is not None and self.streams(source, plain):
            await self._run(event, context, stream, source, meter)
            return None

        def render(head: Head | None, body: bytes) -> JSON:
            # `buffered`, below, calls this function at its end.
            head = head or metadata_head({}, buffered.content_type)
            if stream is not None and body:
                warn_of_buffering(buffered.source, head)
            return buffered_response(buffered.source, head, body)

        buffered = BufferedStream(render, source or FUNCTION_URL, stream)
        await self._run(event, context, buffered, source, meter)
        return buffered.result()

    def streams(self, source: Source | None, event: JSON) -> bool:
        """Whether the response to an event is streamed; ``source`` is None if it is not HTTP."""
        mode = self.options.invoke_mode
        assert isinstance(mode, str)  # a streaming function has no argument for it
        return mode != "buffered" if source is None else mode in source.streams_in

    async def _run(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream,
        source: Source | None,
        meter: Meter | None,
    ) -> None:
        """Run the function in the current task, and always end the response."""
        stream.source = source or FUNCTION_URL
        if meter is not None:
            meter.measure(stream)
        seconds = seconds_until_deadline(context, self.options.deadline_margin)
        deadline = Deadline(seconds, partial(_expire, stream))
        before = forks.generation
        try:
            await self._call(event, stream, context)
            if not stream.closed:
                await stream.aclose()
        except BaseException as error:  # even SystemExit ends only the response
            forks.exit_if_forked(before)
            try:
                _fail(stream, error, deadline)
            finally:
                deadline.end()
        else:
            forks.exit_if_forked(before)
            deadline.end()
            if stream.error is None and not stream.disconnected:
                return
        await generators_closed()  # the error is forgotten, which may have kept them

    async def _call(self, event: JSON, stream: ResponseStream, context: Context | None) -> None:
        if not self._awaits:
            await in_thread(lambda blocking: self._call_blocking(event, blocking, context), stream)
            return
        result = self._function(event, stream, context)
        if inspect.isawaitable(result):
            result = await result
        metadata, body = _split(result)
        try:
            if metadata is not None:
                stream.set_metadata(metadata)
            await stream.pipe(body)
        finally:
            await _close(body)

    def _call_blocking(self, event: JSON, stream: BlockingStream, context: Context | None) -> None:
        result = self._function(event, stream, context)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(
                "A synchronous function returned an awaitable. Decorate the async function itself,"
                " or use functools.wraps in the wrapper around it."
            )
        metadata, body = _split(result)
        try:
            if metadata is not None:
                stream.set_metadata(metadata)
            stream.pipe(body)
        finally:
            if hasattr(body, "close"):
                body.close()


def _expire(stream: ResponseStream, seconds: float) -> None:
    error = DeadlineExceeded(
        f"The function was still running at its deadline, after {seconds:.2f} s"
    )
    ended = stream.closed
    stream.fail(error)
    logger.error("%s%s", error, ", though its response had ended" if ended else "")


def _fail(stream: ResponseStream, error: BaseException, deadline: Deadline) -> None:
    gone = is_disconnect(error)
    ended = stream.closed
    stream.fail(error)
    cancelled = isinstance(error, asyncio.CancelledError)
    if deadline.ended_response and (cancelled or is_disconnect(error, _CLOSED)):
        pass  # the deadline has ended the function, and has been logged
    elif gone and ended:
        logger.info("Client disconnected: %s", error)
    elif ended:
        logger.error("The function failed after its response had ended", exc_info=error)
    else:
        logger.error("The function failed", exc_info=error)
    if gone or cancelled:
        clear_frames(error)


def _split(result: Any) -> tuple[dict[str, Any] | None, Any]:
    """Return the head, if there is one, and the body of the result of a function."""
    if not isinstance(result, dict):
        return None, () if result is None else result
    if "statusCode" not in result and "body" not in result:
        raise TypeError(
            "A streaming function returned a dict that has neither 'statusCode' nor 'body', so it"
            " is not an HTTP response. Write to the stream, or return text, bytes or an iterable."
        )
    metadata = dict(result)
    body = metadata.pop("body", None)
    if metadata.pop("isBase64Encoded", False):
        body = b64decode(body or "")
    return metadata, () if body is None else body


async def _close(body: Any) -> None:
    if hasattr(body, "aclose"):
        await body.aclose()
    elif hasattr(body, "close"):
        closing = body.close()
        if inspect.isawaitable(closing):
            await closing


def _is_async(function: Callable[..., Any]) -> bool:
    called = inspect.unwrap(function)
    return any(
        inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate)
        for candidate in (function, called, getattr(called, "__call__", None))  # noqa: B004
    )


def _check(function: Callable[..., Any]) -> None:
    signature = inspect.signature(function)
    names = list(signature.parameters)
    if len(names) > 1 and names[1] == "context":
        raise TypeError(
            f"@streamify_response: the second parameter of {function!r} is 'context', but the"
            " second argument is the stream. The order is (event, stream, context), as in Node.js."
        )
    try:
        signature.bind(None, None, None)
    except TypeError as error:
        raise TypeError(
            f"@streamify_response: {function!r} is called with (event, stream, context), which it"
            f" does not take: {error}."
        ) from None
