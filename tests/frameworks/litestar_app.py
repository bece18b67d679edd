from __future__ import annotations

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Stream

from . import parts


@post("/echo", status_code=200)
async def echo(request: Request) -> Response[bytes]:
    names = ",".join(request.query_params.getall("name"))
    headers = {"x-names": names, "x-startups": str(parts.startups)}
    cookies = [Cookie("a", value="1"), Cookie("b", value="2")]
    return Response(
        await request.body(),
        headers=headers,
        cookies=cookies,
        media_type="application/octet-stream",
    )


@get("/early")
async def early() -> None:
    raise ValueError("before the first byte")


@get("/stream/{end:str}")
async def stream(end: str) -> Stream:
    return Stream(parts.parts(end))


app = Litestar([echo, early, stream], on_startup=[parts.started])
