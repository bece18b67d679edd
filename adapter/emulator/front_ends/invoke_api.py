"""The Invoke API, which SDKs call: ``invoke`` and ``invoke_with_response_stream``.

AWS does not document the result of a streamed call if the function fails before the first byte;
here the call returns no chunk, and the error is in ``InvokeComplete``.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..function_config import VERSION
from ..host import NOT_THIS_HOST, host_is_local
from ..invocation_steps import Sent
from ..local_invocation import LocalInvocation
from ..outcome import EndOfResponse, InvocationFailure, ResponseStart, platform_error
from . import event_stream
from .http_server import read_body
from .invoke_request import InvokeRequest, RefusedError, invoke_request
from .source_event import MAX_EVENT_BYTES, child_trace, new_trace_root

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool

#: Lambda's own message for a failed call, by the end of the response
ERROR_MESSAGES = {
    EndOfResponse.COMPLETE: "The function failed.",
    EndOfResponse.TRUNCATED: "The response is incomplete.",
    EndOfResponse.OVERSIZED: "Response payload exceeded maximum allowed payload size ({} bytes).",
}

Start = ResponseStart | InvocationFailure


class InvokeApi:
    """An ASGI app that invokes the function for calls of AWS's Invoke API."""

    def __init__(self, pool: Pool, console: Console, *, check_host: bool = True) -> None:
        self._pool = pool
        self._console = console
        self._check_host = check_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        request = Request(scope, receive)
        request_id = str(uuid4())
        try:
            call = await self._read(request)
            response = await self._invoke(call, request_id, send)
        except ClientDisconnect:
            return
        except RefusedError as error:
            self._console.line(f"Responded {error.status} to the caller: {error}", "error")
            response = error_response(error, request_id)
        if response is not None:
            await response(scope, receive, send)

    async def _read(self, request: Request) -> InvokeRequest:
        if self._check_host and not host_is_local(list(request.scope["headers"])):
            raise RefusedError(HTTPStatus.FORBIDDEN, "AccessDeniedException", NOT_THIS_HOST)
        body = await read_body(request, MAX_EVENT_BYTES)
        name = self._pool.function.name
        return invoke_request(request.method, request.scope["path"], request.headers, body, name)

    async def _invoke(self, call: InvokeRequest, request_id: str, send: Send) -> Response | None:
        """Invoke the function; return the response, or ``None`` if it has been streamed."""
        if call.invocation_type == "DryRun":
            return make_response(HTTPStatus.NO_CONTENT, request_id)
        invocation = self._invocation(call, request_id)
        self._pool.submit(invocation)
        async with invocation.body:
            if call.invocation_type == "Event":
                return make_response(HTTPStatus.ACCEPTED, request_id)
            start = await invocation.wait_for_start()
            if isinstance(start, InvocationFailure) and start.unavailable:
                raise RefusedError(
                    HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded."
                )
            if not call.streamed:
                return await respond_buffered(start, invocation)
            await respond_streamed(start, invocation, send)
        return None

    def _invocation(self, call: InvokeRequest, request_id: str) -> LocalInvocation:
        return LocalInvocation(
            call.event,
            request_id=request_id,
            trace_id=child_trace(new_trace_root(time())),
            client_context=call.client_context,
            tenant_id=call.tenant_id,
            wants_log=call.wants_log,
            streaming=call.streamed,
        )


async def respond_buffered(start: Start, invocation: LocalInvocation) -> Response:
    """Return the whole response; the call succeeds even if the function fails."""
    payload = b"".join([chunk async for chunk in invocation.body])
    invocation.notify(Sent(monotonic(), payload))
    error = function_error(start, invocation)
    response = make_response(
        HTTPStatus.OK, invocation.request_id, error.details if error else payload
    )
    if error:
        response.headers["X-Amz-Function-Error"] = "Unhandled"
    if log := await log_result(invocation):
        response.headers["X-Amz-Log-Result"] = log
    return response


async def respond_streamed(start: Start, invocation: LocalInvocation, send: Send) -> None:
    """Send an event for each chunk as it arrives, then an event for the end."""
    head = make_response(HTTPStatus.OK, invocation.request_id, media_type=event_stream.CONTENT_TYPE)
    headers = [field for field in head.raw_headers if field[0] != b"content-length"]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    async for chunk in invocation.body:
        data = event_stream.message("PayloadChunk", "application/octet-stream", chunk)
        await send({"type": "http.response.body", "body": data, "more_body": True})
        invocation.notify(Sent(monotonic(), chunk))
    complete: dict[str, str] = {}
    if error := function_error(start, invocation):
        details = error.details.decode("utf-8", "replace")
        complete = {"ErrorCode": error.error_type, "ErrorDetails": details}
    if log := await log_result(invocation):
        complete["LogResult"] = log
    data = event_stream.message("InvokeComplete", "application/json", json.dumps(complete).encode())
    await send({"type": "http.response.body", "body": data})


async def log_result(invocation: LocalInvocation) -> str:
    """Return the end of the invocation's log in base64; empty if the caller does not want it."""
    if invocation.log_tail is None:
        return ""
    await invocation.logged.wait()
    return b64encode(invocation.log_tail).decode("ascii")


class FunctionError(NamedTuple):
    """The error of a function."""

    error_type: str
    details: bytes  #: a JSON error object


def function_error(start: Start, invocation: LocalInvocation) -> FunctionError | None:
    """Return the error of an invocation whose body has been read, if it has one."""
    end = invocation.end
    assert end is not None
    if end.clean:
        return None
    details = (
        start.payload if isinstance(start, InvocationFailure) else decode_error_body(end.error_body)
    )
    if not details:
        message = ERROR_MESSAGES[end.completeness].format(invocation.max_bytes)
        details = platform_error(end.error_type, message).payload
    return FunctionError(end.error_type, details)


def decode_error_body(error_body: str) -> bytes:
    """Return the error object of an error trailer; empty if it is not base64."""
    try:
        return b64decode(error_body)
    except ValueError:
        return b""


def make_response(
    status: int, request_id: str, body: bytes = b"", media_type: str = "application/json"
) -> Response:
    """Return a response with the headers that AWS adds to each."""
    headers = {"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": VERSION}
    return Response(body, status, headers, media_type)


def error_response(error: RefusedError, request_id: str) -> Response:
    """Return the response from which an SDK makes an exception."""
    body = json.dumps({"Type": "User", "message": str(error)}).encode()
    response = make_response(error.status, request_id, body)
    response.headers["x-amzn-ErrorType"] = error.error_type
    return response
