from __future__ import annotations

from typing import TYPE_CHECKING, Any

from falcon.asgi import App

from . import parts

if TYPE_CHECKING:
    from falcon.asgi import Request, Response


class Startup:
    async def process_startup(self, scope: Any, event: Any) -> None:
        await parts.started()


class Echo:
    async def on_post(self, request: Request, response: Response) -> None:
        response.data = await request.stream.read()
        response.content_type = "application/octet-stream"
        response.set_header("x-names", ",".join(request.get_param_as_list("name") or []))
        response.set_header("x-startups", str(parts.startups))
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")


class Early:
    async def on_get(self, request: Request, response: Response) -> None:
        raise ValueError("before the first byte")


class Stream:
    async def on_get(self, request: Request, response: Response, end: str) -> None:
        response.stream = parts.parts(end)


app = App(middleware=[Startup()])
app.add_route("/echo", Echo())
app.add_route("/early", Early())
app.add_route("/stream/{end}", Stream())
