from __future__ import annotations

from functools import partial
from typing import Any

from blacksheep import Application, Content, Cookie, Request, Response
from blacksheep.contents import StreamedContent

from . import parts

app = Application()


@app.on_start
async def start(_: Any) -> None:
    await parts.started()


@app.router.post("/echo")
async def echo(request: Request) -> Response:
    names = ",".join(request.query["name"])
    headers = [(b"x-names", names.encode()), (b"x-startups", b"%d" % parts.startups)]
    content = Content(b"application/octet-stream", await request.read())
    response = Response(200, headers, content)
    response.set_cookies([Cookie("a", "1"), Cookie("b", "2")])
    return response


@app.router.get("/early")
async def early() -> None:
    raise ValueError("before the first byte")


@app.router.get("/stream/{end}")
async def stream(end: str) -> Response:
    return Response(200, content=StreamedContent(b"text/plain", partial(parts.parts, end)))
