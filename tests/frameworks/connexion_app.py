from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from connexion import AsyncApp
from starlette.responses import Response, StreamingResponse

from . import parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXT = {"type": "string"}
OK = {"200": {"description": "OK"}}
BINARY = {"application/octet-stream": {"schema": {**TEXT, "format": "binary"}}}
NAMES = {"in": "query", "name": "name", "schema": {"type": "array", "items": TEXT}}
END = {"in": "path", "name": "end", "required": True, "schema": TEXT}


def operation(name: str, **keys: Any) -> dict[str, Any]:
    return {"operationId": f"{__name__}.{name}", "responses": OK, **keys}


SPECIFICATION = {
    "openapi": "3.0.0",
    "info": {"title": "Tested", "version": "1"},
    "paths": {
        "/echo": {"post": operation("echo", parameters=[NAMES], requestBody={"content": BINARY})},
        "/early": {"get": operation("early")},
        "/stream/{end}": {"get": operation("stream", parameters=[END])},
    },
}


async def echo(body: bytes, name: list[str]) -> Response:
    headers = {"x-names": ",".join(name), "x-startups": str(parts.startups)}
    response = Response(body, headers=headers, media_type="application/octet-stream")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def early() -> None:
    raise ValueError("before the first byte")


async def stream(end: str) -> StreamingResponse:
    return StreamingResponse(parts.parts(end), media_type="text/plain")


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    await parts.started()
    yield


app = AsyncApp(__name__, lifespan=lifespan)
app.add_api(SPECIFICATION)
