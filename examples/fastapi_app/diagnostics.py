"""The received request, cookies, and errors before and after the first byte."""

import hashlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

router = APIRouter(tags=["diagnostics"])


class Echo(BaseModel):
    method: str
    headers: list[tuple[str, str]]
    query: list[tuple[str, str]]
    length: int
    sha256: str


@router.post("/echo")
async def echo(request: Request) -> Echo:
    """Return the received method, headers, query and body."""
    body = hashlib.sha256()
    length = 0
    async for part in request.stream():
        body.update(part)
        length += len(part)
    return Echo(
        method=request.method,
        headers=request.headers.items(),
        query=request.query_params.multi_items(),
        length=length,
        sha256=body.hexdigest(),
    )


@router.get("/cookies")
async def cookies(request: Request, response: Response) -> dict[str, str]:
    """Set two cookies, and return the received ones."""
    secure = request.url.scheme == "https"
    response.set_cookie("session", "k3tt1e", httponly=True, secure=secure)
    response.set_cookie("theme", "dark", max_age=30 * 24 * 3600, secure=secure)
    return request.cookies


class RequestInfo(BaseModel):
    url: str
    client: str | None
    http_version: str
    aws_request_id: str | None
    milliseconds_left: int | None


@router.get("/request")
async def request_info(request: Request) -> RequestInfo:
    """The app's data of this request; on Lambda also the request id and the time that is left."""
    context = request.scope.get("aws.context")
    return RequestInfo(
        url=str(request.url),
        client=request.client.host if request.client else None,
        http_version=request.scope["http_version"],
        aws_request_id=context.aws_request_id if context else None,
        milliseconds_left=context.get_remaining_time_in_millis() if context else None,
    )


@router.get("/fail/before")
async def fail_before() -> None:
    """Fail before the first byte: the client gets a 500."""
    raise RuntimeError("This route always fails, before its response")


@router.get("/fail/after", response_class=StreamingResponse)
async def fail_after() -> StreamingResponse:
    """Fail after the status and a part of the body: the client gets a broken response."""
    return StreamingResponse(_failing(), media_type="text/plain")


async def _failing() -> AsyncIterator[str]:
    for number in range(1, 4):
        yield f"line {number} of 10\n"
    raise RuntimeError("This route always fails, after three lines")
