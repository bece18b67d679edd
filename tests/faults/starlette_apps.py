"""Apps of Starlette under fault, in a module of their own because Starlette is slow to import."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response
from starlette.routing import Route

from .apps import fail
from .library_apps import FORKS, fork, told

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request

    from adapter.types import ASGIApp


async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


async def fails(request: Request) -> Response:
    fail()


behind_middleware = Starlette(
    routes=[Route("/{path:path}", fails)],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=pass_on)],
)


# Children of `os.fork` that come back.


async def in_an_endpoint(request: Request) -> Response:
    told(fork())
    return Response(b"hello")


def in_a_thread(request: Request) -> Response:
    told(fork())
    return Response(b"hello")


async def in_a_background_task(request: Request) -> Response:
    async def background() -> None:
        told(fork())

    return Response(b"hello", background=BackgroundTask(background))


async def in_a_background_thread(request: Request) -> Response:
    return Response(b"hello", background=BackgroundTask(lambda: told(fork())))


async def in_a_task(request: Request) -> Response:
    async def beside() -> None:
        told(fork())

    await asyncio.create_task(beside())
    return Response(b"hello")


async def in_a_callback(request: Request) -> Response:
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def call() -> None:
        told(fork())
        done.set_result(None)

    loop.call_soon(call)
    await done
    return Response(b"hello")


ENDPOINTS = [
    in_an_endpoint,
    in_a_thread,
    in_a_background_task,
    in_a_background_thread,
    in_a_task,
    in_a_callback,
]
forks = Starlette(
    routes=[
        Route(f"/libraries/forks in {place}", endpoint)
        for place, endpoint in zip(FORKS, ENDPOINTS, strict=True)
    ]
)
APPS: dict[str, ASGIApp] = {
    "middleware": behind_middleware,
    **{f"forks in {place}": forks for place in FORKS},
}
