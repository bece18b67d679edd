"""The function URL: HTTP in, invocation, HTTP out.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, Literal

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from ...errors import EventError
from ...prelude import CONTENT_TYPE
from ..environments.environment import explain
from ..host import host_is_local
from ..local_invocation import EndOfResponse, InvocationFailure, LocalInvocation, ResponseStart
from .prelude_reader import PreludeReader
from .url_request import EVENT_TOO_LARGE, MAX_EVENT, UrlEvent, UrlRequest, url_event
from .url_response import UrlHead, added, buffered_response, plain_head, streamed_head

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool

# Not by urllib, which raises on hosts that it does not like.
ORIGIN = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*")

TOO_LARGE = json.dumps(
    {"Message": f"Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"}
)

# As far as the first bytes tell: the answer is not held back to be understood.
PROXY_ANSWER = re.compile(rb'\s*\{.*"statusCode"\s*:', re.DOTALL)
NOT_INTERPRETED = (
    "The client gets the answer's JSON as it is, statusCode and all: the URL's invoke mode is "
    "RESPONSE_STREAM. Does the function buffer? Try --invoke-mode buffered"
)

NO_WEBSOCKET = (
    "WebSocket requested at {}: a Lambda function URL has no WebSockets. Use server-sent events, "
    "or an API Gateway WebSocket API."
)

RATE_EXCEEDED = b'{"Message":"Rate Exceeded."}'


@dataclass(frozen=True)
class UrlSettings:
    """How the URL behaves where AWS leaves a choice, or leaves us in doubt."""

    invoke_mode: Literal["response_stream", "buffered"] = "response_stream"
    #: what a client sees of error trailers after the head; AWS's way is not known for certain
    midstream_error: Literal["clean", "abort"] = "clean"
    #: two faults of the platform that people reported; off
    empty_body_hang: bool = False
    hold_last_chunk: bool = False
    #: the region whose names the event tells instead of the local truth
    aws_region: str | None = None
    check_host: bool = True
    #: whether a failed init is described to the client; on AWS it is in the log only
    show_init_errors: bool = False


class FunctionUrl:
    """An ASGI app that invokes a function for every request.

    Not documented by AWS, and therefore our choice: a time-out before the head is a 502 like
    every other failure there, and after the head the connection breaks off; a managed instance
    that has no room for the request is a 429.
    """

    def __init__(self, pool: Pool, settings: UrlSettings, console: Console) -> None:
        self._pool = pool
        self._settings = settings
        self._console = console
        self._websocket_paths: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if scope["method"] == "CONNECT":  # for a proxy; its 200 would be no HTTP any more
            await Response(b"", HTTPStatus.METHOD_NOT_ALLOWED)(scope, receive, send)
            return
        if self._settings.check_host and not host_is_local(list(scope["headers"])):
            message = (
                "This local server answers to localhost only, and the Host header names "
                "something else. To serve other machines, start it with --host.\n"
            )
            await PlainTextResponse(message, HTTPStatus.FORBIDDEN)(scope, receive, send)
            return
        if request.headers.get("upgrade", "").lower() == "websocket":
            self._explain_websocket(scope["raw_path"].decode("latin-1"))
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return
        event = url_event(url_request(scope, body), aws_region=self._settings.aws_region)
        if event.too_large:
            self._console.line(f"413 to the client: {EVENT_TOO_LARGE}", "bad")
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            refusal = Response(TOO_LARGE, status, media_type="application/json")
            await refusal(scope, receive, send)
            return
        await self._invoke(event, Exchange(scope, receive, send, event))

    def _explain_websocket(self, path: str) -> None:
        """Say once per path why no WebSocket opens; the function gets the request as it is."""
        if path not in self._websocket_paths:
            self._websocket_paths.add(path)
            self._console.line(NO_WEBSOCKET.format(path), "bad")

    async def _invoke(self, event: UrlEvent, exchange: Exchange) -> None:
        streaming = self._settings.invoke_mode == "response_stream"
        invocation = LocalInvocation(
            event.document,
            request_id=event.request_id,
            trace_id=event.trace_id,
            streaming=streaming,
        )
        self._pool.submit(invocation)
        async with invocation.body:
            try:
                await (self._stream if streaming else self._buffer)(invocation, exchange)
            except BadGatewayError as error:
                self._console.line(f"502 to the client: {error}", "bad")
                if self._settings.show_init_errors and error.failure and error.failure.in_init:
                    page = init_error_page(error.failure).encode()
                    await exchange.whole(HTTPStatus.BAD_GATEWAY, page, "text/plain")
                    return
                await exchange.whole(HTTPStatus.BAD_GATEWAY, b"Internal Server Error")
            except UnavailableError:
                await exchange.whole(HTTPStatus.TOO_MANY_REQUESTS, RATE_EXCEEDED)

    async def _buffer(self, invocation: LocalInvocation, exchange: Exchange) -> None:
        await begun(invocation)
        payload = b"".join([chunk async for chunk in invocation.body])
        if invocation.end is not None and not invocation.end.clean:
            raise BadGatewayError(f"the answer ended with {invocation.end.error_type}.")
        try:
            head, body = buffered_response(payload, exchange.request_id, exchange.trace_id)
        except EventError as error:
            raise BadGatewayError(
                f"{error} (The URL's invoke mode is BUFFERED; does the function stream?)"
            ) from error
        await exchange.start(head)
        await exchange.body(body)
        await exchange.finish()

    async def _stream(self, invocation: LocalInvocation, exchange: Exchange) -> None:
        answer = await begun(invocation)
        first = b""
        if answer.content_type == CONTENT_TYPE:
            head, first = await read_head(invocation, exchange)
        else:
            head = plain_head(answer.content_type, exchange.request_id, exchange.trace_id)
            first = await first_chunk(invocation)
            if PROXY_ANSWER.match(first):
                self._console.line(NOT_INTERPRETED, "bad")
        await exchange.start(head)
        if self._settings.hold_last_chunk:
            exchange.hold()
        await exchange.body(first)
        async for chunk in invocation.body:
            await exchange.body(chunk)
        await self._close(invocation, exchange)

    async def _close(self, invocation: LocalInvocation, exchange: Exchange) -> None:
        end = invocation.end
        assert end is not None
        if end.clean and self._settings.empty_body_hang and exchange.empty:
            await anyio.sleep(max(invocation.deadline_ms / 1000 - time(), 0))
        elif end.clean or (
            end.how is EndOfResponse.COMPLETE and self._settings.midstream_error == "clean"
        ):
            await exchange.finish()
        # Otherwise it is left without its last chunk, and the server closes the connection: the
        # only way to tell a client that this is not all.


class UnavailableError(Exception):
    """The function has no room for the request."""


class BadGatewayError(Exception):
    """The function's answer cannot be turned into a response; nothing has been sent."""

    def __init__(self, message: str, failure: InvocationFailure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class Exchange:
    """One HTTP response on its way to the client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, event: UrlEvent) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.request_id = event.request_id
        self.trace_id = event.trace_id
        self.empty = True
        self._bodiless = scope["method"] == "HEAD"
        self._held: bytes | None = None

    def hold(self) -> None:
        """From now on keep each chunk back until the next one, or the end, is there."""
        self._held = b""

    async def start(self, head: UrlHead) -> None:
        """Send status and header fields."""
        self._bodiless = self._bodiless or head.bodiless
        await self._send(
            {"type": "http.response.start", "status": head.status, "headers": head.headers}
        )

    async def body(self, data: bytes) -> None:
        """Send body bytes; nothing where HTTP allows none."""
        if not data or self._bodiless:
            return
        self.empty = False
        if self._held is not None:
            data, self._held = self._held, data
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """Send the end."""
        await self._send({"type": "http.response.body", "body": self._held or b""})

    async def whole(self, status: int, body: bytes, media_type: str = "application/json") -> None:
        """Send a response of our own."""
        headers = {
            name.decode(): value.decode() for name, value in added(self.request_id, self.trace_id)
        }
        response = Response(body, status, headers, media_type)
        await response(self._scope, self._receive, self._send)


def init_error_page(failure: InvocationFailure) -> str:
    """Return the error of an init as text for the developer."""
    try:
        frames = json.loads(failure.payload)["stackTrace"]
        trace = "".join(f"{frame.rstrip()}\n" for frame in frames)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        trace = ""
    return (
        f"The function cannot start.\n\n{explain(failure)}\n{trace}\n"
        "The terminal of adapter dev shows more. Fix and save the file, then reload this page.\n"
    )


async def begun(invocation: LocalInvocation) -> ResponseStart:
    """Wait for the head of the answer.

    Raises:
        BadGatewayError: the function failed instead.
        UnavailableError: it was not even asked.
    """
    answer = await invocation.answer()
    if isinstance(answer, InvocationFailure):
        if answer.error_type == "Runtime.Unavailable":
            raise UnavailableError
        raise BadGatewayError(f"the function failed. {explain(answer)}", answer)
    return answer


async def read_head(invocation: LocalInvocation, exchange: Exchange) -> tuple[UrlHead, bytes]:
    """Read as far as the prelude goes; return it and the first bytes of the body."""
    reader = PreludeReader()
    try:
        async for chunk in invocation.body:
            if found := reader.feed(chunk):
                prelude, first = found
                head = streamed_head({**prelude}, exchange.request_id, exchange.trace_id)
                return head, first
    except EventError as error:
        raise BadGatewayError(str(error)) from error
    raise BadGatewayError(f"the stream ended before its prelude was complete{why(invocation)}.")


async def first_chunk(invocation: LocalInvocation) -> bytes:
    """Return the first bytes of a stream without prelude."""
    async for chunk in invocation.body:
        return chunk
    if invocation.end is not None and not invocation.end.clean:
        raise BadGatewayError(f"the stream ended before its first byte{why(invocation)}.")
    return b""


def why(invocation: LocalInvocation) -> str:
    """Name the error with which a stream ended, if there was one."""
    error_type = invocation.end.error_type if invocation.end else ""
    return f", with {error_type}" if error_type else ""


async def read_body(request: Request) -> bytes:
    """Read the request's body, but no more than is needed to see that it is too large."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_EVENT:
            break
    return b"".join(pieces)


def url_request(scope: Scope, body: bytes) -> UrlRequest:
    """Take the request out of the scope, as the client wrote it."""
    path = scope["raw_path"].decode("latin-1")
    if not path.startswith("/"):
        path = ORIGIN.sub("", path)  # a whole URL, as for a proxy, or OPTIONS *
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
