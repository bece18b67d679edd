"""The Lambda handler for an ASGI app."""

from __future__ import annotations

import asyncio
import inspect
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .asgi.cycle import HttpCycle, respond_plainly
from .asgi.lifespan import lifespan
from .asgi.response import Response
from .asgi.scope import http_scope
from .entry import EntryPoint, chosen_mode
from .errors import ConfigurationError, EventError
from .events import FUNCTION_URL, Source, identify, unwrap
from .invocation.deadline import seconds_until_deadline
from .invocation.loggers import get_logger
from .light_classes import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .asgi.lifespan import Lifespan
    from .events.custom import CustomSource, EventHandler
    from .observe.summary import Meter, Summary
    from .streams.response_stream import ResponseStream
    from .types import JSON, ASGIApp, Context, Event, Head, Request, Scope

logger = get_logger("adapter.http")


class LambdaHandler(EntryPoint):
    """The Lambda handler for an ASGI app; each body message is streamed when the app sends it.

    Use: ``handler = LambdaHandler(app)`` in a module. `adapter.options.table` has the options; most
    can also be set by an ``ADAPTER_*`` variable. The constructor does not check them: an invalid
    option is an error when the environment starts.

    Args:
        app: any ASGI 3 app.
        invoke_mode: ``"auto"``, ``"response_stream"`` or ``"buffered"``, or a function of the event
            that returns one of these.
        lifespan: ``"auto"``, ``"on"`` or ``"off"``.
        base_path: the path prefix of the app, for example ``"/api"``.
        on_event: called with ``(event, context)`` for events that are not HTTP.
        event_path: the path in the app to which such events are POSTed without ``on_event``.
        custom_handlers: classes that turn events into requests, with Mangum's interface.
        errors: ``"respond"`` or ``"raise"``: a failure before the response is a 500, or is raised.
        on_complete: called with an `adapter.observe.summary.Summary` when an invocation is over.
        trusted_host_header: the header that has the viewer's host, set by ``trusted_front_end``.
        trusted_front_end: ``"header: secret"`` or an ARN: the proof that a front end sends.
        authorization_source: the header that the app reads as ``authorization``.
        max_stream_seconds: how long a streamed response may go on; None: up to the timeout.
    """

    __name__ = "handler"  # wrappers read the name of a function, for example Powertools' Tracer

    def __init__(
        self,
        app: ASGIApp,
        *,
        invoke_mode: str | Callable[[Any], str] = "auto",
        lifespan: str = "auto",
        base_path: str | None = "",
        on_event: Callable[[Any, Any], Any] | None = None,
        event_path: str = "",
        custom_handlers: Sequence[type[EventHandler]] | None = None,
        errors: str = "respond",
        on_complete: Callable[[Summary], Any] | None = None,
        trusted_host_header: str = "",
        trusted_front_end: str = "",
        authorization_source: str = "",
        max_stream_seconds: float | None = None,
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
                "trusted_host_header": trusted_host_header,
                "trusted_front_end": trusted_front_end,
                "authorization_source": authorization_source,
                "max_stream_seconds": max_stream_seconds,
            }
        )
        self._lifespan: Lifespan | None = None
        self._state: dict[str, Any] | None = None  #: the state that the startup of the app has set
        self._startup_lock = asyncio.Lock()

    async def startup(self) -> bool:
        """Start the app's lifespan; return whether the app has one.

        Raises:
            LifespanFailed: the app did not start.
            ConfigurationError: an option has an invalid value, or the app is not an ASGI app.
        """
        async with self._startup_lock:  # concurrent invocations wait for the startup of the first
            if self._lifespan is None:
                _check(self.app)
                in_runtime = self._bridge is not None
                starting = lifespan(self.app, self.options.lifespan, shared=in_runtime)
                await starting.startup()
                self._lifespan, self._state = starting, starting.state
        return self._state is not None

    async def shutdown(self) -> None:
        """End the app's lifespan. A later `startup` begins a new lifespan, on any loop."""
        ending, self._lifespan, self._startup_lock = self._lifespan, None, asyncio.Lock()
        if ending is not None:
            await ending.shutdown()

    async def _respond(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
        meter: Meter | None,
    ) -> JSON:
        """Serve one invocation.

        Raises:
            EventError: the event is not HTTP, and there is no ``on_event``.
            Exception: the exception of the app, if ``errors`` is ``raise`` and there is no stream
                to fail.
        """
        if self._lifespan is None:
            await self.startup()
        plain = event if type(event) is dict else unwrap(event)
        custom = self._custom(plain, context) if self.options.custom_handlers else None
        source = custom or identify(plain)
        if source is None:
            return await self._respond_to_event(event, context, stream, meter)
        incoming = self._incoming(source, plain, context)
        if stream is not None and isinstance(source, Source) and self.streams(source, plain):
            await self._run(incoming, context, stream, source, meter)
            return None
        from .streams.buffered_stream import BufferedStream, render  # lazy: cold start

        buffered = BufferedStream(partial(render, source, stream is not None), source, stream)
        await self._run(incoming, context, buffered, source, meter)
        return buffered.result()

    def streams(self, source: Source | None, event: JSON) -> bool:
        """Whether the response to an event is streamed; ``source`` is None if it is not HTTP."""
        mode = self.options.invoke_mode
        if not isinstance(mode, str):
            mode = chosen_mode(mode, event)
        return source is not None and mode in source.streams_in

    def _custom(self, event: JSON, context: Context | None) -> CustomSource | None:
        assert self.options.custom_handlers is not None
        from .events.custom import infer  # lazy: cold start

        return infer(self.options.custom_handlers, event, context, self.options.base_path)

    def _incoming(
        self, source: Source | CustomSource, event: JSON, context: Context | None
    ) -> _Incoming:
        """Return the request in ``event``, or the status that refuses it."""
        state = self._state
        if not isinstance(source, Source):
            scope, body = source.http_scope(state), source.handler.body
        else:
            assert isinstance(event, dict)
            try:
                request = source.request(event)
            except EventError as error:
                logger.error("Malformed %s event; responded 400: %s", source.name, error)
                return _Incoming(None, b"", 400)
            if self._rewrite is not None:
                request = self._rewrite(request, event)
            scope = http_scope(
                request,
                event=event,
                context=context,
                state=state,
                base_path=self.options.base_path,
            )
            body = request.body
        if self.options.event_path:
            from .events.event_path import leads_to  # lazy: cold start

            if leads_to(scope["path"], self.options.event_path):
                return _Incoming(scope, body, 404)
        return _Incoming(scope, body, 0)

    @cached_property
    def _rewrite(self) -> Callable[[Request, Event], Request] | None:
        """The function that turns a request into the viewer's request, if an option needs it."""
        options = self.options
        if options.trusted_front_end is None and not options.authorization_source:
            return None
        from .events.front_end import as_sent_by_viewer  # lazy: cold start

        return partial(
            as_sent_by_viewer,
            trusted=options.trusted_front_end,
            host_header=options.trusted_host_header,
            authorization_header=options.authorization_source,
        )

    async def _run(
        self,
        incoming: _Incoming,
        context: Context | None,
        stream: ResponseStream,
        source: Source | CustomSource,
        meter: Meter | None,
        *,
        is_http: bool = True,
    ) -> None:
        """Run the app, or refuse the request. ``is_http``: the event itself is a request."""
        if meter is not None:
            meter.measure(stream)
            if is_http:
                meter.requested(incoming.scope, source.name)
        rendering = source if isinstance(source, Source) else FUNCTION_URL
        scope = incoming.scope
        if scope is None or incoming.refused:  # None: the event is malformed
            method = "" if scope is None else scope["method"]
            respond_plainly(incoming.refused, method, stream, rendering)
            return
        buffered = not stream.sends_prelude
        response = Response(
            scope["method"],
            raise_errors=not is_http or self.options.errors == "raise",
            pad_empty=self.options.pad_empty and not buffered,
            buffered=buffered,
        )
        limit = 0.0 if buffered else self.options.max_stream_seconds
        cycle = HttpCycle(self.app, scope, incoming.body, response, stream, rendering, limit)
        try:
            await cycle.run(seconds_until_deadline(context, self.options.deadline_margin))
        finally:
            if meter is not None:
                meter.ended(response.state)

    async def _respond_to_event(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
        meter: Meter | None,
    ) -> JSON:
        """Respond to an event that is not an HTTP request."""
        options = self.options
        if options.on_event is not None:  # gets the event unchanged, also from a wrapper
            from .function import FunctionHandler  # lazy: cold start

            return await FunctionHandler(options.on_event).respond(event, context, stream)
        from .events.non_http import explain, is_warm_up  # lazy: cold start

        event = unwrap(event)
        if is_warm_up(event):
            if meter is not None:
                meter.warmed_up()
            return "warm"
        if options.event_path:
            return await self._post(event, context, stream, meter)
        raise EventError(explain(event))

    async def _post(
        self,
        event: JSON,
        context: Context | None,
        stream: ResponseStream | None,
        meter: Meter | None,
    ) -> JSON:
        """Post an event to the app and respond with the JSON of its response."""
        from .events.event_path import RECEIVER, event_request, event_response  # lazy: cold start
        from .streams.buffered_stream import BufferedStream  # lazy: cold start

        path = self.options.event_path
        request = event_request(path, event)
        scope = http_scope(request, event=event, context=context, state=self._state)

        def render(head: Head | None, body: bytes) -> JSON:
            assert head is not None
            return event_response(path, head.status, head.headers, body)

        buffered = BufferedStream(render, RECEIVER, stream)
        incoming = _Incoming(scope, request.body, 0)
        await self._run(incoming, context, buffered, FUNCTION_URL, meter, is_http=False)
        if buffered.error is not None:
            raise buffered.error
        return buffered.result()


def _check(app: ASGIApp) -> None:
    """Refuse an app whose signature is not that of an ASGI app.

    Raises:
        ConfigurationError: the app cannot be called with three arguments.
    """
    reason = f"{app!r} is not a callable object"
    if callable(app):
        try:
            signature = inspect.signature(_call_of(app), follow_wrapped=False)
        except Exception:
            return  # the signature is unknown: a C function, for example
        try:
            signature.bind(None, None, None)
        except TypeError as error:
            reason = str(error)
        else:
            return
    raise ConfigurationError(
        f"{app!r} is not an ASGI app, which is called with (scope, receive, send): {reason}."
        f" {_advice(app)}"
    )


def _advice(app: Any) -> str:
    """Say what to do with an object that is not an ASGI app."""
    if isinstance(app, str):
        return "Pass the app, not its name: LambdaHandler(app)."
    if inspect.isgeneratorfunction(app) or inspect.isasyncgenfunction(app):
        return "To stream what a function yields, decorate it with @streamify_response."
    if inspect.isfunction(app):
        signature = inspect.signature(app, follow_wrapped=False)
        names = list(signature.parameters)
        if may_be_factory(signature):
            return f"If this function returns the app, call it: LambdaHandler({app.__name__}())."
        if len(names) == 2 and names[1] != "start_response":
            return (
                "This is a function of two parameters. Name a Lambda handler with a dot:"
                f" {app.__module__}.{app.__qualname__}"
            )
    return "Wrap a WSGI app (Flask, for example) in adapter.wsgi.WsgiToAsgi(app)."


def may_be_factory(signature: inspect.Signature) -> bool:
    """Whether every parameter has a default, and the names are not those of a handler or an app."""
    parameters = signature.parameters
    names = {name.lstrip("_") for name in parameters}  # unused ones are `_event` and `_context`
    names &= {"event", "context", "scope", "receive", "send"}
    return not names and all(p.default is not p.empty for p in parameters.values())


def _call_of(app: Any) -> Any:
    """Return the callable that Python uses for ``app(...)``, bound to its instance."""
    if inspect.isroutine(app) or isinstance(app, partial | type):
        return app
    call = inspect.getattr_static(type(app), "__call__")
    return call.__get__(app, type(app)) if hasattr(call, "__get__") else call


class _Incoming(NamedTuple):
    """A request for the app, or the status that refuses it."""

    scope: Scope | None
    body: bytes
    refused: int  #: the status of the refusal, or 0
