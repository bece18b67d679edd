"""The API by which SDKs invoke the function: boto3's ``invoke`` and the streaming one.

What AWS leaves open, and is therefore our choice: a streaming call whose function failed before
the first byte gets no chunk, only the error in ``InvokeComplete``.
"""

from __future__ import annotations

import json
from base64 import b64decode
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..function_config import VERSION
from ..host import host_is_local
from ..local_invocation import (
    EndOfResponse,
    InvocationFailure,
    LocalInvocation,
    ResponseStart,
    platform_error,
)
from . import event_stream
from .function_url import read_body
from .invoke_request import InvokeRequest, RefusedError, invoke_request
from .url_request import new_root, one_step_down

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool

NOT_THIS_HOST = RefusedError(
    HTTPStatus.FORBIDDEN,
    "AccessDeniedException",
    "This local server answers to localhost only, and the Host header names something else. "
    "To serve other machines, start it with --host.",
)
ENDINGS = {
    EndOfResponse.COMPLETE: "The function failed.",
    EndOfResponse.TRUNCATED: "The response broke off.",
    EndOfResponse.OVERSIZED: "Response payload exceeded maximum allowed payload size ({} bytes).",
}
BUSY = RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.")


class InvokeApi:
    """An ASGI app that invokes the function for whoever calls it as AWS's API is called."""

    def __init__(self, pool: Pool, console: Console, *, check_host: bool = True) -> None:
        self._pool = pool
        self._console = console
        self._check_host = check_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        call = Request(scope, receive)
        request_id = str(uuid4())
        try:
            asked = await self._read(call)
            response = await self._answer(asked, request_id, send)
        except ClientDisconnect:
            return
        except RefusedError as error:
            self._console.line(f"{error.status} to the caller: {error}", "bad")
            response = refusal(error, request_id)
        if response is not None:
            await response(scope, receive, send)

    async def _read(self, call: Request) -> InvokeRequest:
        if self._check_host and not host_is_local(list(call.scope["headers"])):
            raise NOT_THIS_HOST
        body = await read_body(call)
        name = self._pool.function.name
        return invoke_request(call.method, call.scope["path"], call.headers, body, name)

    async def _answer(self, asked: InvokeRequest, request_id: str, send: Send) -> Response | None:
        """Invoke the function and return the answer, unless it has been sent as it came."""
        if asked.kind == "DryRun":
            return reply(HTTPStatus.NO_CONTENT, request_id)
        invocation = self._invocation(asked, request_id)
        self._pool.submit(invocation)
        async with invocation.body:
            if asked.kind == "Event":
                return reply(HTTPStatus.ACCEPTED, request_id)
            if not asked.streamed:
                return await whole(invocation)
            await stream(invocation, send)
        return None

    def _invocation(self, asked: InvokeRequest, request_id: str) -> LocalInvocation:
        return LocalInvocation(
            asked.event,
            request_id=request_id,
            trace_id=one_step_down(new_root(time())),
            client_context=asked.client_context,
            streaming=asked.streamed,
        )


async def whole(invocation: LocalInvocation) -> Response:
    """Answer with all that the function says; an error of its own is a success of the call."""
    answer = await begun(invocation)
    payload = b"".join([chunk async for chunk in invocation.body])
    error = error_of(answer, invocation)
    response = reply(HTTPStatus.OK, invocation.request_id, error.details if error else payload)
    if error:
        response.headers["X-Amz-Function-Error"] = "Unhandled"
    return response


async def stream(invocation: LocalInvocation, send: Send) -> None:
    """Answer with events, each chunk at once, and how it ended."""
    answer = await begun(invocation)
    head = reply(HTTPStatus.OK, invocation.request_id, media_type=event_stream.CONTENT_TYPE)
    headers = [field for field in head.raw_headers if field[0] != b"content-length"]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    async for chunk in invocation.body:
        data = event_stream.message("PayloadChunk", "application/octet-stream", chunk)
        await send({"type": "http.response.body", "body": data, "more_body": True})
    complete: dict[str, str] = {}
    if error := error_of(answer, invocation):
        details = error.details.decode("utf-8", "replace")
        complete = {"ErrorCode": error.error_type, "ErrorDetails": details}
    data = event_stream.message("InvokeComplete", "application/json", json.dumps(complete).encode())
    await send({"type": "http.response.body", "body": data})


async def begun(invocation: LocalInvocation) -> ResponseStart | InvocationFailure:
    """Wait until there is something to say.

    Raises:
        RefusedError: nobody has asked the function.
    """
    answer = await invocation.answer()
    if isinstance(answer, InvocationFailure) and answer.error_type == "Runtime.Unavailable":
        raise BUSY
    return answer


class FunctionError(NamedTuple):
    """What went wrong in the function."""

    error_type: str
    details: bytes  #: a JSON error object


def error_of(
    answer: ResponseStart | InvocationFailure, invocation: LocalInvocation
) -> FunctionError | None:
    """Return the error with which an answer that has been read has ended."""
    end = invocation.end
    assert end is not None
    if end.clean:
        return None
    details = answer.payload if isinstance(answer, InvocationFailure) else decoded(end.error_body)
    if not details:  # the platform's own words, then
        message = ENDINGS[end.how].format(invocation.limit)
        details = platform_error(end.error_type, message).payload
    return FunctionError(end.error_type, details)


def decoded(error_body: str) -> bytes:
    """Return what an error trailer says; nothing if it is not base64."""
    try:
        return b64decode(error_body)
    except ValueError:
        return b""


def reply(
    status: int, request_id: str, body: bytes = b"", media_type: str = "application/json"
) -> Response:
    """Make an answer, with what AWS adds to each."""
    added = {"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": VERSION}
    return Response(body, status, added, media_type)


def refusal(error: RefusedError, request_id: str) -> Response:
    """Make the answer of which an SDK makes an exception."""
    body = json.dumps({"Type": "User", "message": str(error)}).encode()
    response = reply(error.status, request_id, body)
    response.headers["x-amzn-ErrorType"] = error.error_type
    return response
