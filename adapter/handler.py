"""The Lambda handler for an ASGI app: the one line a user writes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from .cycle import HttpCycle
from .entry import EntryPoint
from .errors import DeadlineExceeded, EventError
from .events import identify
from .function import FunctionHandler
from .lifespan import lifespan
from .prelude import CONTENT_TYPE, encode, prelude
from .response import Chunk, Head, Response, plain
from .scope import http_scope
from .stream import BufferedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Source
    from .lifespan import Lifespan
    from .stream import ResponseStream
    from .types import JSON, ASGIApp, Context, Event, Prelude, Request

logger = logging.getLogger("adapter.http")


class LambdaHandler(EntryPoint):
    """Makes a Lambda handler of an ASGI app; every body message is streamed as it is sent.

    ``handler = LambdaHandler(app)`` in a module is all there is to do. The options stand in
    `adapter.options`; each can also be set by its ``ADAPTER_*`` variable. Constructing one does
    nothing but remember; faults in the options show when the environment starts.

    Args:
        app: any ASGI 3 app.
        invoke_mode: ``"auto"``, ``"response_stream"`` or ``"buffered"``: what is streamed.
        lifespan: ``"auto"``, ``"on"`` or ``"off"``.
        base_path: a path in front of the app, for example ``"/api"``.
        on_event: called with ``(event, context)`` for events that are not HTTP.
        errors: ``"respond"`` or ``"raise"``: what becomes of a failure before the response.
    """

    __name__ = "handler"  # functions have one, and wrappers read it: Powertools' Tracer does

    def __init__(
        self,
        app: ASGIApp,
        *,
        invoke_mode: str = "auto",
        lifespan: str = "auto",
        base_path: str = "",
        on_event: Callable[[Any, Any], Any] | None = None,
        errors: str = "respond",
    ) -> None:
        self.app = app
        super().__init__(
            {
                "invoke_mode": invoke_mode,
                "lifespan": lifespan,
                "base_path": base_path,
                "on_event": on_event,
                "errors": errors,
            }
        )
        self._lifespan: Lifespan | None = None
        self._starting = asyncio.Lock()

    async def startup(self) -> bool:
        """Start the app's lifespan; return whether the app has one.

        Raises:
            LifespanFailed: the app did not start.
            ConfigurationError: an option's value means nothing.
        """
        async with self._starting:  # invocations that come at once wait for the first one's
            if self._lifespan is None:
                starting = lifespan(self.app, self.options.lifespan)
                await starting.startup()
                self._lifespan = starting
        return self._lifespan.state is not None

    async def shutdown(self) -> None:
        """End the app's lifespan; a later `startup` begins another, on whatever loop."""
        ending, self._lifespan, self._starting = self._lifespan, None, asyncio.Lock()
        if ending is not None:
            await ending.shutdown()

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation: answer on ``stream``, or return the buffered answer.

        Without a stream, and for whatever cannot or shall not be streamed, the answer is returned.

        Raises:
            EventError: the event is not HTTP, and there is no ``on_event``.
            Exception: what the app raised, when ``errors`` is ``raise`` and there is no stream
                to fail.
        """
        if self._lifespan is None:
            await self.startup()
        source = identify(event)
        if source is None:
            return await self._call_on_event(event, context, stream)
        assert isinstance(event, dict)
        request = _request(source, event)
        if stream is None or self.options.invoke_mode not in source.streams_in:
            return await self._buffered(source, request, event, context, stream)
        await self._run(request, event, context, stream, _Prelude(stream))
        return None

    async def _buffered(
        self,
        source: Source,
        request: Request | None,
        event: Event,
        context: Context | None,
        stream: ResponseStream | None,
    ) -> JSON:
        answer = _BufferedAnswer()
        await self._run(request, event, context, answer, answer.begin)
        error = answer.error
        if error is not None and self.options.errors == "raise":
            if stream is None:
                raise error
            stream.fail(error)
            return None
        if error is not None:
            # Nothing has left yet, so what would be error trailers can be an honest status.
            answer = _BufferedAnswer()
            status = 504 if isinstance(error, DeadlineExceeded) else 500
            _refuse(status, request, answer, answer.begin)
        return source.answer(answer.prelude, b"".join(answer.chunks))

    async def _run(
        self,
        request: Request | None,
        event: Event,
        context: Context | None,
        stream: ResponseStream,
        begin: Callable[[Head], bytes],
    ) -> None:
        if request is None:
            _refuse(400, request, stream, begin)
            return
        assert self._lifespan is not None
        scope = http_scope(
            request,
            event=event,
            context=context,
            state=self._lifespan.state,
            base_path=self.options.base_path,
        )
        response = Response(
            request.method,
            raise_errors=self.options.errors == "raise",
            pad_empty=self.options.pad_empty,
        )
        cycle = HttpCycle(self.app, scope, request.body, response, stream, begin)
        await cycle.run(self._seconds(context))

    async def _call_on_event(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        on_event = self.options.on_event
        if on_event is None:
            keys = ", ".join(map(repr, event)) if isinstance(event, dict) else type(event).__name__
            raise EventError(
                "This event is not an HTTP request from a function URL or an HTTP API, and nothing"
                f" handles other events. It has the keys {keys}. Pass a function of (event,"
                " context) as LambdaHandler(app, on_event=...)."
            )
        return await FunctionHandler(on_event).respond(event, context, stream)


class _Prelude:
    """Begins a streamed response: its content type, its head, and a word about compression."""

    _warned = False

    def __init__(self, stream: ResponseStream) -> None:
        self._stream = stream

    def __call__(self, head: Head) -> bytes:
        self._stream.set_content_type(CONTENT_TYPE)
        if not _Prelude._warned and any(name == b"content-encoding" for name, _ in head.headers):
            _Prelude._warned = True
            logger.warning(
                "The app sets Content-Encoding on a streamed response. Function URLs have been seen"
                " to decompress such bodies and drop the header; leave compression to a CDN."
            )
        return encode(prelude(head.status, head.headers))


class _BufferedAnswer(BufferedStream):
    """Collects a buffered answer: the head apart from the body."""

    prelude: Prelude

    def begin(self, head: Head) -> bytes:
        self.prelude = prelude(head.status, head.headers)
        return b""


def _request(source: Source, event: Event) -> Request | None:
    """Return the request in ``event``; None if there is none, though it looked like it."""
    try:
        return source.request(event)
    except EventError as error:
        logger.error("A %s event that is not one was answered with 400: %s", source.name, error)
        return None


def _refuse(
    status: int, request: Request | None, stream: ResponseStream, begin: Callable[[Head], bytes]
) -> None:
    """Answer in the app's place: ``status``, and what it means."""
    to_head_request = request is not None and request.method == "HEAD"
    chunks = [
        begin(part) if isinstance(part, Head) else part.data
        for part in plain(status, to_head_request=to_head_request)
        if isinstance(part, Head | Chunk)
    ]
    stream.writelines_nowait(chunks, end=True)
