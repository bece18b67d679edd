"""The Lambda handler for an ASGI app: the one line a user writes."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import inspect
import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .cycle import HttpCycle
from .errors import AdapterError, DeadlineExceeded, EventError
from .events import identify
from .lifespan import lifespan
from .options import Options, resolve
from .prelude import CONTENT_TYPE, encode, prelude
from .response import Chunk, Head, Response, plain
from .scope import http_scope
from .stream import BufferedStream, current_invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Source
    from .lifespan import Lifespan
    from .stream import ResponseStream
    from .types import JSON, ASGIApp, Context, Event, Prelude, Receive, Request, Scope, Send

logger = logging.getLogger("adapter.http")


class LambdaHandler:
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
        self._arguments = {
            "invoke_mode": invoke_mode,
            "lifespan": lifespan,
            "base_path": base_path,
            "on_event": on_event,
            "errors": errors,
        }
        self._lifespan: Lifespan | None = None

    @cached_property
    def options(self) -> Options:
        """The options, with the environment's say.

        Raises:
            ConfigurationError: a value means nothing.
        """
        options, warnings = resolve(self._arguments, os.environ)
        for warning in warnings:
            logger.warning(warning)
        return options

    def __call__(self, event: Any, context: Any) -> Any:
        """Serve one invocation from synchronous code, as Lambda's managed runtime calls it.

        Inside the native runtime the response is streamed; where there is no runtime at all,
        in a script or a test, the buffered answer is returned.
        """
        invocation = current_invocation.get(None)
        if invocation is not None:
            answer = self.respond(event, context, invocation.stream)
            return asyncio.run_coroutine_threadsafe(answer, invocation.loop).result()
        return self._runner.run(
            self.respond(event, context, None), context=contextvars.copy_context()
        )

    async def startup(self) -> bool:
        """Start the app's lifespan; return whether the app has one.

        Raises:
            LifespanFailed: the app did not start.
            ConfigurationError: an option's value means nothing.
        """
        self._lifespan = lifespan(self.app, self.options.lifespan)
        await self._lifespan.startup()
        return self._lifespan.state is not None

    async def shutdown(self) -> None:
        """End the app's lifespan."""
        if self._lifespan is not None:
            await self._lifespan.shutdown()

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation: answer on ``stream``, or return the buffered answer.

        Without a stream, and for whatever cannot or shall not be streamed, the answer is returned.

        Raises:
            EventError: the event is not HTTP, and there is no ``on_event``.
            Exception: what the app raised, when nothing was sent and ``errors`` is ``raise``.
        """
        if self._lifespan is None:
            await self.startup()
        source = identify(event)
        if source is None:
            return await self._call_on_event(event, context)
        assert isinstance(event, dict)
        if stream is None or self.options.invoke_mode not in source.streams_in:
            return await self._buffered(source, event, context)
        await self._run(source, event, context, stream, _Prelude(stream))
        return None

    async def _buffered(self, source: Source, event: Event, context: Context | None) -> JSON:
        stream, head = BufferedStream(), _BufferedHead()
        await self._run(source, event, context, stream, head)
        if stream.error is None:
            return source.answer(head.prelude, b"".join(stream.chunks))
        if self.options.errors == "raise":
            raise stream.error
        # Nothing has left yet, so what would be error trailers can be an honest status.
        status = 504 if isinstance(stream.error, DeadlineExceeded) else 500
        begin, *rest = plain(status)
        assert isinstance(begin, Head)
        body = b"".join(part.data for part in rest if isinstance(part, Chunk))
        return source.answer(prelude(begin.status, begin.headers), body)

    async def _run(
        self,
        source: Source,
        event: Event,
        context: Context | None,
        stream: ResponseStream,
        begin: Callable[[Head], bytes],
    ) -> None:
        app, scope, method, body = self._exchange(source, event, context)
        response = Response(
            method,
            raise_errors=self.options.errors == "raise",
            pad_empty=self.options.pad_empty,
        )
        await HttpCycle(app, scope, body, response, stream, begin).run(self._seconds(context))

    def _exchange(
        self, source: Source, event: Event, context: Context | None
    ) -> tuple[ASGIApp, Scope, str, bytes]:
        try:
            request: Request = source.request(event)
        except EventError as error:
            logger.error("A %s event that is not one was answered with 400: %s", source.name, error)
            return _bad_request, {"type": "http"}, "GET", b""
        assert self._lifespan is not None
        scope = http_scope(
            request,
            event=event,
            context=context,
            state=self._lifespan.state,
            base_path=self.options.base_path,
        )
        return self.app, scope, request.method, request.body

    def _seconds(self, context: Context | None) -> float | None:
        """Return how long the app may run, or None for as long as it wants."""
        margin = self.options.deadline_margin
        if context is None or not margin:
            return None
        return max(0.0, context.get_remaining_time_in_millis() / 1000 - margin)

    async def _call_on_event(self, event: JSON, context: Context | None) -> JSON:
        on_event = self.options.on_event
        if on_event is None:
            keys = ", ".join(map(repr, event)) if isinstance(event, dict) else type(event).__name__
            raise EventError(
                "This event is not an HTTP request from a function URL or an HTTP API, and nothing"
                f" handles other events. It has the keys {keys}. Pass a function of (event,"
                " context) as LambdaHandler(app, on_event=...)."
            )
        if inspect.iscoroutinefunction(on_event):
            answer: JSON = await on_event(event, context)
            return answer
        answer = await asyncio.to_thread(on_event, event, context)
        return await answer if inspect.isawaitable(answer) else answer

    @cached_property
    def _runner(self) -> asyncio.Runner:
        """The event loop for calls outside any runtime: one for all of them."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            atexit.register(runner.close)
            return runner
        raise AdapterError(
            "handler(event, context) was called inside a running event loop, which it would block."
            " Use 'await handler.respond(event, context, None)' there."
        )


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


class _BufferedHead:
    """Begins a buffered response: the head is only remembered."""

    prelude: Prelude

    def __call__(self, head: Head) -> bytes:
        self.prelude = prelude(head.status, head.headers)
        return b""


async def _bad_request(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 400: what came is not a request."""
    await send(
        {
            "type": "http.response.start",
            "status": 400,
            "headers": [(b"content-type", b"text/plain; charset=utf-8")],
        }
    )
    await send({"type": "http.response.body", "body": b"Bad Request"})
