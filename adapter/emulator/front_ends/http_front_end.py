"""The HTTP front end: a client's request in, an HTTP response out, through an event source."""

from __future__ import annotations

import json
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from ...diagnosis.symptoms import is_buffered_response
from ..host import NOT_THIS_HOST, host_is_local
from ..local_invocation import LocalInvocation
from ..outcome import EndOfResponse, InvocationFailure, ResponseStart
from .client_request import client_request
from .client_response import ClientResponse
from .cors import TWO_VALUES, has_two_origins
from .function_url import FunctionUrlSource
from .http_server import read_body
from .prelude_reader import PRELUDE_CONTENT_TYPE, PreludeReader
from .source_event import EVENT_TOO_LARGE, SourceEvent
from .source_response import InvalidResponseError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool
    from .client_request import ClientRequest
    from .event_source import EventSource, SourceResponse
    from .front_end_settings import FrontEndSettings
    from .source_response import ResponseHead

BODY_TOO_LARGE = "the request body has more than {} bytes, the limit of this event source."
NOT_INTERPRETED = (
    "The client gets the JSON of the response as its body, statusCode included. The invoke mode of "
    "the URL is RESPONSE_STREAM, and the response has no prelude. Does the function buffer? Try "
    "--invoke-mode buffered."
)
NO_WEBSOCKET = (
    "WebSocket requested at {}: an invocation cannot open a WebSocket. Use server-sent events, or "
    "an API Gateway WebSocket API."
)


class HttpFrontEnd:
    """An ASGI app that invokes a function for every request.

    AWS does not document the effect of a timeout after the head; here it cuts the connection.
    """

    def __init__(
        self,
        pool: Pool,
        settings: FrontEndSettings,
        console: Console,
        source: EventSource | None = None,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._console = console
        self._source = source or FunctionUrlSource()
        self._advice: set[str] = set()  #: texts that `_advise` has logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        if scope["method"] == "CONNECT":  # for a tunnel: after a 200 the bytes are not HTTP
            await Response(b"", HTTPStatus.METHOD_NOT_ALLOWED)(scope, receive, send)
            return
        if self._settings.check_host and not host_is_local(list(scope["headers"])):
            refusal = PlainTextResponse(f"{NOT_THIS_HOST}\n", HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, send)
            return
        if request.headers.get("upgrade", "").lower() == "websocket":  # served like any other
            self._advise(NO_WEBSOCKET.format(scope["raw_path"].decode("latin-1")))
        try:
            body = await read_body(request, self._source.max_body_bytes)
        except ClientDisconnect:
            return
        received = client_request(scope, body)
        event = self._event(received)
        if isinstance(event, SourceEvent):
            await self._invoke(event, received.target, scope, receive, send)
            return
        if event.log:
            self._console.line(f"Responded {event.status}: {event.log}", "error")
        await ClientResponse(scope, receive, send).send_whole(event, [])

    def _event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event of a request, or the response if the function is not invoked."""
        event = self._source.event(request)
        if not isinstance(event, SourceEvent):
            return event
        if event.too_large:
            return self._source.too_large._replace(log=EVENT_TOO_LARGE)
        if len(request.body) > self._source.max_body_bytes:
            log = BODY_TOO_LARGE.format(self._source.max_body_bytes)
            return self._source.too_large._replace(log=log)
        return event

    async def _invoke(
        self, event: SourceEvent, target: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        streaming = self._source.streams
        invocation = LocalInvocation(
            event.document,
            request_id=event.request_id,
            trace_id=event.trace_id,
            client_target=target,
            streaming=streaming,
        )
        client = ClientResponse(scope, receive, send, invocation)
        self._pool.submit(invocation)
        async with invocation.body:
            try:
                serve = self._stream if streaming else self._buffer
                await serve(event, invocation, client)
            except NoResponseError as error:
                self._console.line(f"Responded {self._source.failed.status}: {error}", "error")
                replacement = self._failed(error)
            except UnavailableError:
                replacement = self._source.unavailable
            except TimeoutError:
                replacement = self._source.timed_out
                self._console.line(
                    f"Responded {replacement.status}: {self._source.timeout_advice}", "error"
                )
            else:
                return
            await client.send_whole(replacement, self._source.source_headers(event))

    async def _buffer(
        self, event: SourceEvent, invocation: LocalInvocation, client: ClientResponse
    ) -> None:
        with anyio.fail_after(self._source.response_timeout_seconds):
            start = await wait_for_response(invocation)
            payload = b"".join([chunk async for chunk in invocation.body])
        if invocation.end is not None and not invocation.end.clean:
            raise NoResponseError(f"the response ended with {invocation.end.error_type}.")
        try:
            head, body = self._source.buffered(payload, start.content_type, event)
        except InvalidResponseError as error:
            raise NoResponseError(f"{error}{self._source.buffered_advice}") from error
        await self._send_head(head, event, client)
        await client.send_body(body)
        await client.finish()

    async def _stream(
        self, event: SourceEvent, invocation: LocalInvocation, client: ClientResponse
    ) -> None:
        response = await wait_for_response(invocation)
        first = b""
        try:
            if response.content_type == PRELUDE_CONTENT_TYPE:
                prelude, first = await read_prelude(invocation)
                head = self._source.streamed_head(prelude, event)
            else:
                head = self._source.plain_head(response.content_type, event)
                first = await read_first_chunk(invocation)
                if is_buffered_response(first):  # not in later chunks: the first is sent now
                    self._console.line(NOT_INTERPRETED, "error")
        except InvalidResponseError as error:
            raise NoResponseError(str(error)) from error
        await self._send_head(head, event, client)
        if "hold" in self._settings.undocumented:
            client.hold()
        await client.send_body(first)
        async for chunk in invocation.body:
            await client.send_body(chunk)
        await self._finish(invocation, client)

    async def _send_head(
        self, head: ResponseHead, event: SourceEvent, client: ClientResponse
    ) -> None:
        if event.cors_headers and has_two_origins(head.headers):
            self._advise(TWO_VALUES)
        await client.send_head(head)

    async def _finish(self, invocation: LocalInvocation, client: ClientResponse) -> None:
        end = invocation.end
        assert end is not None
        if end.clean and "hang" in self._settings.undocumented and client.empty:
            await anyio.sleep(max(invocation.deadline_ms / 1000 - time(), 0))
        elif end.clean or (
            end.completeness is EndOfResponse.COMPLETE
            and "abort" not in self._settings.undocumented
        ):
            await client.finish()
        # Otherwise the last chunk is not sent, and the server closes the connection: this is how
        # a client learns that the body is incomplete.

    def _failed(self, error: NoResponseError) -> SourceResponse:
        """Return the response for a client; after a failed init it may be the error as a page."""
        replacement = self._source.failed
        if self._settings.show_init_errors and error.failure and error.failure.in_init:
            return replacement._replace(
                body=init_error_page(error.failure), media_type="text/plain"
            )
        return replacement

    def _advise(self, text: str) -> None:
        """Log a message, but each text only once."""
        if text not in self._advice:
            self._advice.add(text)
            self._console.line(text, "error")


class UnavailableError(Exception):
    """The environment is at its limit, and the event was not delivered."""


class NoResponseError(Exception):
    """The function failed, or its response is invalid; nothing has been sent to the client."""

    def __init__(self, message: str, failure: InvocationFailure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


def init_error_page(failure: InvocationFailure) -> bytes:
    """Return the error of a failed init as plain text for the developer."""
    try:
        frames = json.loads(failure.payload)["stackTrace"]
        trace = "".join(f"{frame.rstrip()}\n" for frame in frames)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        trace = ""
    page = (
        f"The function cannot start.\n\n{failure.explain()}\n{trace}\n"
        "The terminal of adapter dev shows more. Fix and save the file, then reload this page.\n"
    )
    return page.encode(errors="backslashreplace")


async def wait_for_response(invocation: LocalInvocation) -> ResponseStart:
    """Wait for the start of the response.

    Raises:
        NoResponseError: the function failed.
        UnavailableError: the event was not delivered.
    """
    start = await invocation.wait_for_start()
    if isinstance(start, InvocationFailure):
        if start.unavailable:
            raise UnavailableError
        raise NoResponseError(f"the function failed. {start.summarise()}", start)
    return start


async def read_prelude(invocation: LocalInvocation) -> tuple[dict[str, Any], bytes]:
    """Read the prelude; return the prelude and the first bytes of the body.

    Raises:
        NoResponseError: the stream ended before the end of its prelude.
        InvalidResponseError: the stream does not begin with a prelude.
    """
    reader = PreludeReader()
    async for chunk in invocation.body:
        if found := reader.feed(chunk):
            return found
    raise NoResponseError(
        f"the stream ended before its prelude was complete{error_suffix(invocation)}."
    )


async def read_first_chunk(invocation: LocalInvocation) -> bytes:
    """Return the first bytes of a stream without a prelude."""
    async for chunk in invocation.body:
        return chunk
    if invocation.end is not None and not invocation.end.clean:
        raise NoResponseError(f"the stream ended before its first byte{error_suffix(invocation)}.")
    return b""


def error_suffix(invocation: LocalInvocation) -> str:
    """Return the end of a sentence that names the error of a stream, if it has one."""
    error_type = invocation.end.error_type if invocation.end else ""
    return f", with {error_type}" if error_type else ""
