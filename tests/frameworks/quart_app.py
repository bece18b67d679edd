from __future__ import annotations

from quart import Quart, Response, request

from . import parts

app = Quart(__name__)
app.before_serving(parts.started)


@app.post("/echo")
async def echo() -> Response:
    names = ",".join(request.args.getlist("name"))
    response = Response(
        await request.get_data(),
        headers={"x-names": names, "x-startups": str(parts.startups)},
        content_type="application/octet-stream",
    )
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/early")
async def early() -> None:
    raise ValueError("before the first byte")


@app.get("/stream/<end>")
async def stream(end: str) -> Response:
    return Response(parts.parts(end))
