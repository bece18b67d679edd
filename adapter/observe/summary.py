"""The summary of one invocation: how it ended, how long it took, how much it sent.

`EntryPoint.respond` measures each invocation, under every runtime, if there is a listener.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ..asgi.response import State
from ..asgi.scope import http_scope
from ..errors import DeadlineExceeded, EventError
from ..invocation.current import drop_pending_app_cancellation
from ..invocation.loggers import get_logger
from ..invocation.tasks import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from ..events import Source
    from ..invocation.current import Current
    from ..streams.response_stream import ResponseStream
    from ..types import JSON, Context, Scope

logger = get_logger("adapter.http")


class Outcome(StrEnum):
    """How an invocation ended."""

    COMPLETE = "complete"  #: the whole response was handed to Lambda
    FAILED = "failed"  #: the app failed: a 500, a failed invocation, or a broken stream
    TIMEOUT = "timeout"  #: the deadline passed
    DISCONNECTED = "disconnected"  #: Lambda stopped reading the response
    WARM_UP = "warm-up"  #: the event only keeps the environment warm


class Summary(NamedTuple):
    """A finished invocation. Times are in seconds since the handler got the event."""

    request_id: str
    outcome: Outcome
    status: int | None  #: of the HTTP response, if there was one
    streamed: bool  #: false: the response was buffered
    first_byte: float | None  #: when the first byte (of the head) was written; None if buffered
    duration: float  #: background tasks included
    bytes: int  #: of the body
    chunks: int  #: how many the body had
    # The fields up to ``source`` are empty for an event that is not HTTP.
    method: str = ""  #: of the request
    target: str = ""  #: path and query, as the client sent them
    http_version: str = ""  #: ``1.1``, for example
    client: str = ""  #: the address and the port, ``203.0.113.9:0``
    route: str = ""  #: ``/items/{id}``; the path, if the framework does not name the route
    source: str = ""  #: the event source: ``function URL``, for example
    cold_start: bool = False  #: whether it is the first invocation of its environment
    first_body: float | None = None  #: when the first byte of the body was written, if streamed


class Meter:
    """Takes the measurements of one invocation.

    Args:
        context: the context object of the invocation.
        stream: the stream of the runtime; None if the response is returned.
        record: the record of the invocation.
    """

    def __init__(
        self, context: Context | None, stream: ResponseStream | None, record: Current
    ) -> None:
        self.outcome = Outcome.COMPLETE
        self._request_id: str = getattr(context, "aws_request_id", "")
        self._runtime_stream = stream
        self._stream = stream
        self._cold_start = _is_cold_start(record)
        self._scope: Scope | None = None
        self._source = ""
        self._started = monotonic()

    def requested(self, scope: Scope | None, source: str) -> None:
        """Record the request, and the name of the event source; both empty if it is not HTTP."""
        self._scope, self._source = scope, source

    def received(self, source: Source, event: JSON) -> None:
        """Record the request in an event that does not go to an app."""
        assert isinstance(event, dict)
        scope: Scope | None = None
        with suppress(EventError):
            scope = http_scope(source.request(event), event=None, context=None)
        self.requested(scope, source.name)

    def measure(self, stream: ResponseStream) -> None:
        """Measure ``stream``: the response is written to it instead of the runtime's stream."""
        self._stream = stream

    def ended(self, state: State) -> None:
        """Record how the response of an ASGI app ended."""
        if state is State.GONE:
            self.outcome = Outcome.DISCONNECTED
        elif state is State.EXPIRED:
            self.outcome = Outcome.TIMEOUT
        elif state not in (State.COMPLETE, State.LIMITED):
            self.outcome = Outcome.FAILED

    def warmed_up(self) -> None:
        """Record that the event is a warm-up ping."""
        self.outcome = Outcome.WARM_UP

    def failed(self, error: BaseException) -> None:
        """Record the error of the invocation or of its response."""
        timeout = isinstance(error, DeadlineExceeded)
        self.outcome = Outcome.TIMEOUT if timeout else Outcome.FAILED

    def finish(self) -> Summary:
        """Stop measuring; return the summary."""
        stream, runtime_stream = self._stream, self._runtime_stream
        for measured_stream in {stream, runtime_stream} - {None}:
            assert measured_stream is not None
            if measured_stream.error is not None:
                self.failed(measured_stream.error)
            elif measured_stream.disconnected and self.outcome is Outcome.COMPLETE:
                self.outcome = Outcome.DISCONNECTED
        head = None if stream is None else stream.head
        first_byte = None if runtime_stream is None else runtime_stream.first_byte
        first_body = None if runtime_stream is None else runtime_stream.first_body
        return Summary(
            self._request_id,
            self.outcome,
            None if head is None else head.status,
            first_byte is not None,
            None if first_byte is None else first_byte - self._started,
            monotonic() - self._started,
            0 if stream is None else stream.body_bytes,
            0 if stream is None else stream.body_chunks,
            *_request(self._scope),
            self._source,
            self._cold_start,
            None if first_body is None else first_body - self._started,
        )


_cold = True  #: outside a runtime, until the first call
_STARTED_BEFORE = ("provisioned-concurrency", "lambda-managed-instances")


def _is_cold_start(record: Current) -> bool:
    """Whether this is the first invocation of an environment that was started for it.

    The runtime counts the invocations, because a handler without listeners may serve the first one.
    """
    global _cold
    is_first, record.is_first = record.is_first, False
    if is_first is None:
        is_first, _cold = _cold, False
    return is_first and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") not in _STARTED_BEFORE


def _request(scope: Scope | None) -> tuple[str, str, str, str, str]:
    """Return method, target, version, client and route of a request."""
    if scope is None:
        return "", "", "", "", ""
    try:
        query: bytes = scope.get("query_string", b"")
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        target = (path + b"?" + query if query else path).decode("latin-1")
        client = scope.get("client")
        return (
            scope["method"],
            target,
            scope.get("http_version", "1.1"),
            f"{client[0]}:{client[1]}" if client else "",
            _route(scope),
        )
    except Exception:  # the app, its framework or a custom handler has changed the scope
        return "", "", "", "", ""


def _route(scope: Scope) -> str:
    """Return the route that FastAPI or Starlette leaves in the scope, or else the path."""
    route = scope.get("route")
    # FastAPI keeps a route of an included router apart from its copy, which has the prefixes.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if route is None or getattr(included, "original_route", None) is route:
        route = getattr(included, "starlette_route", None) or included or route
    own = getattr(route, "path", None)
    path: str = scope["path"]
    if not isinstance(own, str):
        return path
    # Starlette's `Mount` appends its path to `root_path`; `app_root_path` is without the mounts.
    root_path: str = scope.get("root_path", "")
    mounts = root_path.removeprefix(scope.get("app_root_path", root_path))
    is_mount = hasattr(route, "routes")  # its path is the last of `mounts`
    return (mounts if is_mount else mounts + own) or path


async def measured(
    response: Coroutine[Any, Any, JSON],
    record: Current,
    meter: Meter,
    listeners: list[Callable[[Summary], Any]],
) -> JSON:
    """Await ``response`` and call the listeners with the summary of the invocation.

    Raises:
        BaseException: the error of the invocation. An error of a listener is logged.
    """
    try:
        return await response
    except BaseException as error:
        meter.failed(error)
        raise
    finally:
        summary = meter.finish()
        await drop_pending_app_cancellation(record)
        for listener in listeners:
            await _notify(listener, summary, record)


async def _notify(listener: Callable[[Summary], Any], summary: Summary, record: Current) -> None:
    try:
        result = listener(summary)
        if inspect.isawaitable(result):
            task = asyncio.ensure_future(result)
            await wait_for_end(task, record)
            task.result()
    except BaseException as error:
        if record.cancelled and isinstance(error, asyncio.CancelledError):
            raise
        logger.error("A listener of the summary raised", exc_info=error)
