"""The function URL: an HTTP request in, an HTTP response out.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from ..host import host_is_local
from ..invocation_steps import Responded, Sent
from ..local_invocation import EndOfResponse, InvocationFailure, LocalInvocation, ResponseStart
from .http_server import read_body
from .local_sources import UrlSource
from .prelude_reader import PRELUDE_CONTENT_TYPE, PreludeReader
from .url_request import EVENT_TOO_LARGE, UrlEvent, UrlRequest
from .url_response import InvalidResponseError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool
    from .source import EventSource, OwnResponse
    from .url_response import UrlHead
    from .url_settings import UrlSettings

# Not urllib: it raises for hosts that it considers invalid.
ORIGIN = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*")

NOT_THIS_HOST = (
    "This server serves localhost only, and the Host header names another host. "
    "To serve other machines or a tunnel, start it with --host 0.0.0.0.\n"
)
# Matched against the first chunk only: the response is not delayed for it.
PROXY_RESPONSE = re.compile(rb'\s*\{.*"statusCode"\s*:', re.DOTALL)
NOT_INTERPRETED = (
    "The client gets the JSON of the response as its body, statusCode included. The invoke mode of "
    "the URL is RESPONSE_STREAM, and the response has no prelude. Does the function buffer? Try "
    "--invoke-mode buffered."
)
NO_WEBSOCKET = (
    "WebSocket requested at {}: a Lambda function URL has no WebSockets. Use server-sent events, "
    "or an API Gateway WebSocket API."
)


class FunctionUrl:
    """An ASGI app that invokes a function for every request.

    AWS does not document two cases, which are decided here. A timeout before the head is a 502,
    like other failures; after the head it aborts the connection. A concurrent environment at its
    limit is a 429.
    """

    def __init__(
        self,
        pool: Pool,
        settings: UrlSettings,
        console: Console,
        source: EventSource | None = None,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._console = console
        self._source = source or UrlSource()
        self._websocket_paths: set[str] = set()
        self._told: set[str] = set()  #: advice that has been logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        if scope["method"] == "CONNECT":  # asks a proxy; after a 200 the bytes would not be HTTP
            await Response(b"", HTTPStatus.METHOD_NOT_ALLOWED)(scope, receive, send)
            return
        if self._settings.check_host and not host_is_local(list(scope["headers"])):
            await PlainTextResponse(NOT_THIS_HOST, HTTPStatus.FORBIDDEN)(scope, receive, send)
            return
        if request.headers.get("upgrade", "").lower() == "websocket":
            self._explain_websocket(scope["raw_path"].decode("latin-1"))
        try:
            body = await read_body(request, self._source.max_body_bytes)
        except ClientDisconnect:
            return
        arrived = url_request(scope, body)
        event = self._source.event(arrived)
        if isinstance(event, UrlEvent) and (
            event.too_large or len(body) > self._source.max_body_bytes
        ):
            event = self._source.too_large._replace(log=EVENT_TOO_LARGE)
        if isinstance(event, UrlEvent):
            exchange = Exchange(scope, receive, send, event, self._source)
            await self._invoke(event, exchange, arrived)
            return
        if event.log:
            self._console.line(f"Responded {event.status}: {event.log}", "error")
        headers = dict(event.headers)
        refusal = Response(event.body, event.status, headers, event.media_type)
        await refusal(scope, receive, send)

    def _explain_websocket(self, path: str) -> None:
        """Log once per path why no WebSocket opens; the request is served like any other."""
        if path not in self._websocket_paths:
            self._websocket_paths.add(path)
            self._console.line(NO_WEBSOCKET.format(path), "error")

    async def _invoke(self, event: UrlEvent, exchange: Exchange, request: UrlRequest) -> None:
        streaming = self._source.streams
        invocation = LocalInvocation(
            event.document,
            request_id=event.request_id,
            trace_id=event.trace_id,
            streaming=streaming,
        )
        exchange.invocation = invocation
        self._pool.submit(invocation)
        async with invocation.body:
            try:
                serve = self._stream if streaming else self._buffer
                await serve(invocation, exchange, request)
            except BadGatewayError as error:
                self._console.line(f"Responded {self._source.failed.status}: {error}", "error")
                if self._settings.show_init_errors and error.failure and error.failure.in_init:
                    page = init_error_page(error.failure).encode()
                    await exchange.send_whole(
                        self._source.failed._replace(body=page, media_type="text/plain")
                    )
                    return
                await exchange.send_whole(self._source.failed)
            except UnavailableError:
                await exchange.send_whole(self._source.unavailable)
            except TimeoutError:
                status = self._source.timed_out.status
                self._console.line(f"Responded {status}: {self._source.timeout_advice}", "error")
                await exchange.send_whole(self._source.timed_out)

    async def _buffer(
        self, invocation: LocalInvocation, exchange: Exchange, request: UrlRequest
    ) -> None:
        with anyio.fail_after(self._source.wait_seconds):
            start = await wait_for_response(invocation)
            payload = b"".join([chunk async for chunk in invocation.body])
        if invocation.end is not None and not invocation.end.clean:
            raise BadGatewayError(f"the response ended with {invocation.end.error_type}.")
        try:
            head, body = self._source.buffered(payload, start.content_type, exchange.event)
        except InvalidResponseError as error:
            raise BadGatewayError(f"{error}{self._source.buffered_advice}") from error
        await self._send_head(head, exchange, request)
        await exchange.send_body(body)
        await exchange.finish()

    async def _stream(
        self, invocation: LocalInvocation, exchange: Exchange, request: UrlRequest
    ) -> None:
        response = await wait_for_response(invocation)
        first = b""
        try:
            if response.content_type == PRELUDE_CONTENT_TYPE:
                prelude, first = await read_prelude(invocation)
                head = self._source.streamed_head(prelude, exchange.event)
            else:
                head = self._source.plain_head(response.content_type, exchange.event)
                first = await read_first_chunk(invocation)
                if PROXY_RESPONSE.match(first):
                    self._console.line(NOT_INTERPRETED, "error")
        except InvalidResponseError as error:
            raise BadGatewayError(str(error)) from error
        await self._send_head(head, exchange, request)
        if "hold" in self._settings.undocumented:
            exchange.hold()
        await exchange.send_body(first)
        async for chunk in invocation.body:
            await exchange.send_body(chunk)
        await self._finish(invocation, exchange)

    async def _send_head(self, head: UrlHead, exchange: Exchange, request: UrlRequest) -> None:
        head, advice = self._source.adjust(head, request)
        if advice and advice not in self._told:
            self._told.add(advice)
            self._console.line(advice, "error")
        await exchange.send_head(head)

    async def _finish(self, invocation: LocalInvocation, exchange: Exchange) -> None:
        end = invocation.end
        assert end is not None
        if end.clean and "hang" in self._settings.undocumented and exchange.empty:
            await anyio.sleep(max(invocation.deadline_ms / 1000 - time(), 0))
        elif end.clean or (
            end.how is EndOfResponse.COMPLETE and "abort" not in self._settings.undocumented
        ):
            await exchange.finish()
        # Otherwise the last chunk is not sent, and the server closes the connection: this is how
        # a client learns that the body is incomplete.


class UnavailableError(Exception):
    """The environment is at its limit, and the event was not delivered."""


class BadGatewayError(Exception):
    """The function failed, or its response is invalid; nothing has been sent to the client."""

    def __init__(self, message: str, failure: InvocationFailure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class Exchange:
    """One HTTP response to the client."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, event: UrlEvent, source: EventSource
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._source = source
        self.event = event
        self.empty = True
        self._bodiless = scope["method"] == "HEAD"
        self._held: bytes | None = None
        self.invocation: LocalInvocation | None = None  #: told which bytes are sent

    def hold(self) -> None:
        """From now on, hold each chunk back until the next one or the end."""
        self._held = b""

    async def send_head(self, head: UrlHead) -> None:
        """Send status and header fields."""
        self._bodiless = self._bodiless or head.bodiless
        await self._send(
            {"type": "http.response.start", "status": head.status, "headers": head.headers}
        )
        if self.invocation is not None:
            self.invocation.tell(Responded(monotonic(), head.status, head.headers))

    async def send_body(self, data: bytes) -> None:
        """Send bytes of the body, unless HTTP forbids a body."""
        if not data or self._bodiless:
            return
        self.empty = False
        if self._held is not None:
            data, self._held = self._held, data
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._tell_sent(data)

    async def finish(self) -> None:
        """Send the end of the body."""
        await self._send({"type": "http.response.body", "body": self._held or b""})
        self._tell_sent(self._held or b"")

    def _tell_sent(self, data: bytes) -> None:
        if self.invocation is not None and data:
            self.invocation.tell(Sent(monotonic(), data))

    async def send_whole(self, own: OwnResponse) -> None:
        """Send a response that is not the function's."""
        added = self._source.own_headers(self.event)
        headers = {name.decode(): value.decode() for name, value in added}
        response = Response(own.body, own.status, {**headers, **own.headers}, own.media_type)
        await response(self._scope, self._receive, self._send)
        if self.invocation is not None:
            self.invocation.tell(Responded(monotonic(), own.status, response.raw_headers))
        self._tell_sent(own.body)


def init_error_page(failure: InvocationFailure) -> str:
    """Return the error of a failed init as plain text for the developer."""
    try:
        frames = json.loads(failure.payload)["stackTrace"]
        trace = "".join(f"{frame.rstrip()}\n" for frame in frames)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        trace = ""
    return (
        f"The function cannot start.\n\n{failure.explain()}\n{trace}\n"
        "The terminal of adapter dev shows more. Fix and save the file, then reload this page.\n"
    )


async def wait_for_response(invocation: LocalInvocation) -> ResponseStart:
    """Wait for the start of the response.

    Raises:
        BadGatewayError: the function failed.
        UnavailableError: the event was not delivered.
    """
    start = await invocation.wait_for_start()
    if isinstance(start, InvocationFailure):
        if start.unavailable:
            raise UnavailableError
        raise BadGatewayError(f"the function failed. {start.explain()}", start)
    return start


async def read_prelude(invocation: LocalInvocation) -> tuple[dict[str, Any], bytes]:
    """Read the prelude; return it and the first bytes of the body.

    Raises:
        BadGatewayError: the stream ended before the end of its prelude.
        InvalidResponseError: the stream does not begin with a prelude.
    """
    reader = PreludeReader()
    async for chunk in invocation.body:
        if found := reader.feed(chunk):
            return found
    raise BadGatewayError(
        f"the stream ended before its prelude was complete{error_suffix(invocation)}."
    )


async def read_first_chunk(invocation: LocalInvocation) -> bytes:
    """Return the first bytes of a stream without a prelude."""
    async for chunk in invocation.body:
        return chunk
    if invocation.end is not None and not invocation.end.clean:
        raise BadGatewayError(f"the stream ended before its first byte{error_suffix(invocation)}.")
    return b""


def error_suffix(invocation: LocalInvocation) -> str:
    """Return the end of a sentence that names the error of a stream, if it has one."""
    error_type = invocation.end.error_type if invocation.end else ""
    return f", with {error_type}" if error_type else ""


def url_request(scope: Scope, body: bytes) -> UrlRequest:
    """Return the request with path and query as the client sent them."""
    path = scope["raw_path"].decode("latin-1")
    if not path.startswith("/"):
        path = ORIGIN.sub("", path)  # an absolute URL, as to a proxy, or OPTIONS *
    return UrlRequest(
        method=scope["method"],
        path=path if path.startswith("/") else "/",
        query=scope["query_string"].decode("latin-1"),
        headers=list(scope["headers"]),
        body=body,
        scheme=scope["scheme"],
        port=scope["server"][1] or 80,
        peer=scope["client"][0] if scope["client"] else "127.0.0.1",
    )
