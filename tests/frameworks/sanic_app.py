from __future__ import annotations

from typing import Any

from sanic import HTTPResponse, Request, Sanic, raw

from . import parts

app = Sanic("tested")


@app.before_server_start
async def start(_: Any) -> None:
    await parts.started()


@app.post("/echo")
async def echo(request: Request) -> HTTPResponse:
    names = ",".join(request.args.getlist("name", []))
    response = raw(request.body, headers={"x-names": names, "x-startups": str(parts.startups)})
    response.add_cookie("a", "1")
    response.add_cookie("b", "2")
    return response


@app.get("/early")
async def early(_: Request) -> None:
    raise ValueError("before the first byte")


@app.get("/stream/<end>")
async def stream(request: Request, end: str) -> None:
    response = await request.respond()
    async for part in parts.parts(end):
        await response.send(part)
    await response.eof()
