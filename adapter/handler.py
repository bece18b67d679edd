"""The Lambda handler for an ASGI app: the one line a user writes."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .answer import BufferedAnswer, StreamedHead, refuse
from .cycle import HttpCycle
from .entry import EntryPoint
from .errors import ConfigurationError, DeadlineExceeded, EventError, ResponseTooLarge
from .events import Source, identify, unwrap
from .function import FunctionHandler
from .lifespan import lifespan
from .loggers import get_logger
from .response import Response
from .scope import http_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .events.custom import CustomSource, EventHandler
    from .lifespan import Lifespan
    from .response import Head
    from .stream import ResponseStream
    from .summary import Summary
    from .types import JSON, ASGIApp, Context, Scope

logger = get_logger("adapter.http")


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
        event_path: where in the app such events are POSTed, if not to ``on_event``.
        custom_handlers: classes that turn events into requests, with Mangum's interface.
        errors: ``"respond"`` or ``"raise"``: what becomes of a failure before the response.
        on_complete: called with an `adapter.summary.Summary` when an invocation is over.
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
        event_path: str = "",
        custom_handlers: Sequence[type[EventHandler]] | None = None,
        errors: str = "respond",
        on_complete: Callable[[Summary], Any] | None = None,
    ) -> None:
        self.app = app
        super().__init__(
            {
                "invoke_mode": invoke_mode,
                "lifespan": lifespan,
                "base_path": base_path,
                "on_event": on_event,
                "event_path": event_path,
                "custom_handlers": custom_handlers,
                "errors": errors,
                "on_complete": on_complete,
            }
        )
        self._lifespan: Lifespan | None = None
        self._starting = asyncio.Lock()

    async def startup(self) -> bool:
        """Start the app's lifespan; return whether the app has one.

        Raises:
            LifespanFailed: the app did not start.
            ConfigurationError: an option's value means nothing, or the app is not an ASGI app.
        """
        async with self._starting:  # invocations that come at once wait for the first one's
            if self._lifespan is None:
                _check(self.app)
                in_runtime = self._bridge is not None
                starting = lifespan(self.app, self.options.lifespan, shared=in_runtime)
                await starting.startup()
                self._lifespan = starting
        return self._lifespan.state is not None

    async def shutdown(self) -> None:
        """End the app's lifespan; a later `startup` begins another, on whatever loop."""
        ending, self._lifespan, self._starting = self._lifespan, None, asyncio.Lock()
        if ending is not None:
            await ending.shutdown()

    async def _respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation.

        Raises:
            EventError: the event is not HTTP, and there is no ``on_event``.
            Exception: what the app raised, when ``errors`` is ``raise`` and there is no stream
                to fail.
        """
        if self._lifespan is None:
            await self.startup()
        plain = unwrap(event)
        source = self._custom(plain, context) or identify(plain)
        if source is None:
            return await self._respond_to_event(event, context, stream)
        request = self._incoming(source, plain, context)
        if stream is None or self.options.invoke_mode not in source.streams_in:
            return await self._buffered(source, request, context, stream)
        assert isinstance(source, Source)
        raise_errors = self.options.errors == "raise"
        head = StreamedHead(stream, source, request.scope, raise_errors=raise_errors)
        await self._run(request, context, stream, head.begin)
        return None

    def _custom(self, event: JSON, context: Context | None) -> CustomSource | None:
        if not self.options.custom_handlers:
            return None
        from .events.custom import infer

        return infer(self.options.custom_handlers, event, context, self.options.base_path)

    def _incoming(
        self, source: Source | CustomSource, event: JSON, context: Context | None
    ) -> _Incoming:
        """Return the request in ``event``, or why it is refused."""
        assert self._lifespan is not None
        state = self._lifespan.state
        if not isinstance(source, Source):
            scope, body = source.http_scope(state), source.handler.body
        else:
            assert isinstance(event, dict)
            try:
                request = source.request(event)
            except EventError as error:
                logger.error("Malformed %s event; responded 400: %s", source.name, error)
                return _Incoming(None, b"", refused=400)
            scope = http_scope(
                request,
                event=event,
                context=context,
                state=state,
                base_path=self.options.base_path,
            )
            body = request.body
        if self.options.event_path:
            from .events.event_path import leads_to

            if leads_to(scope["path"], self.options.event_path):
                return _Incoming(scope, body, refused=404)
        return _Incoming(scope, body)

    async def _buffered(
        self,
        source: Source | CustomSource,
        request: _Incoming,
        context: Context | None,
        stream: ResponseStream | None,
    ) -> JSON:
        answer = BufferedAnswer()
        await self._run(request, context, answer, answer.begin)
        error = answer.error
        if error is None:
            if stream is not None:
                answer.warn_of_buffering(source)
            try:
                return answer.to_json(source)
            except ResponseTooLarge as too_large:
                logger.error("%s", too_large)
                error = too_large
        if self.options.errors == "raise":
            if stream is None:
                raise error
            stream.fail(error)
            return None
        # Nothing has left yet, so what would be error trailers can be an honest status.
        answer = BufferedAnswer()
        status = 504 if isinstance(error, DeadlineExceeded) else 500
        refuse(status, request.scope, answer, answer.begin)
        if (meter := self._meter()) is not None:
            meter.replaced(status)
        return answer.to_json(source)

    async def _run(
        self,
        request: _Incoming,
        context: Context | None,
        stream: ResponseStream,
        begin: Callable[[Head], bytes],
        *,
        raise_errors: bool | None = None,
    ) -> None:
        meter = self._meter()
        if meter is not None:
            meter.watch(stream)
            begin = meter.begin(begin)
        if request.scope is None or request.refused:
            refuse(request.refused, request.scope, stream, begin)
            return
        if raise_errors is None:
            raise_errors = self.options.errors == "raise"
        response = Response(
            request.scope["method"],
            raise_errors=raise_errors,
            pad_empty=self.options.pad_empty,
        )
        cycle = HttpCycle(self.app, request.scope, request.body, response, stream, begin)
        await cycle.run(self._seconds(context))
        if meter is not None:
            meter.ended(response.state)

    async def _respond_to_event(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Answer an event that is no HTTP request."""
        options = self.options
        if options.on_event is not None:  # whatever wrapped the event did it for this one
            return await FunctionHandler(options.on_event).respond(event, context, stream)
        from .events.non_http import explain, is_warm_up  # lazy: cold start

        event = unwrap(event)
        if is_warm_up(event):
            if (meter := self._meter()) is not None:
                meter.warmed_up()
            return "warm"
        if options.event_path:
            return await self._post(event, context)
        raise EventError(explain(event))

    async def _post(self, event: JSON, context: Context | None) -> JSON:
        """Post an event to the app and return the JSON of its answer."""
        from .events.event_path import event_request, event_response

        assert self._lifespan is not None
        path = self.options.event_path
        request = event_request(path, event)
        scope = http_scope(request, event=event, context=context, state=self._lifespan.state)
        answer = BufferedAnswer()
        incoming = _Incoming(scope, request.body)
        await self._run(incoming, context, answer, answer.begin, raise_errors=True)
        if answer.error is not None:
            raise answer.error
        return event_response(path, answer.head.status, answer.head.headers, answer.body)


def _check(app: ASGIApp) -> None:
    """Refuse an app that certainly cannot be called as one.

    Raises:
        ConfigurationError: its signature does not take three arguments.
    """
    reason = f"{app!r} is not a callable object"
    if callable(app):
        try:
            signature = inspect.signature(_called(app), follow_wrapped=False)
        except Exception:
            return  # written in C, or made at run time: unknown
        try:
            signature.bind(None, None, None)
        except TypeError as error:
            reason = str(error)
        else:
            return
    raise ConfigurationError(
        f"{app!r} is not an ASGI app, which is called with (scope, receive, send): {reason}."
        " A WSGI app, as Flask's are, becomes one by adapter.wsgi.WsgiToAsgi(app)."
    )


def _called(app: Any) -> Any:
    """Return what Python calls for ``app(...)``, with the ``self`` of an instance bound."""
    if inspect.isroutine(app) or isinstance(app, partial | type):
        return app
    call = inspect.getattr_static(type(app), "__call__")
    return call.__get__(app, type(app)) if hasattr(call, "__get__") else call


class _Incoming(NamedTuple):
    """A request on its way to the app."""

    scope: Scope | None
    body: bytes
    refused: int = 0  #: the status it is refused with, if it is
