"""Apps of FastAPI under fault, in a module of their own because FastAPI is slow to import."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import BackgroundTasks, FastAPI
from starlette.responses import Response

from .apps import fail
from .library_apps import FORKS, fork, told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from adapter.types import ASGIApp

starlette_middleware = FastAPI()


@starlette_middleware.middleware("http")
async def passes_on(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Any:
    return await call_next(request)


@starlette_middleware.get("/{path:path}")
async def fails(path: str) -> None:
    fail()


# Children of `os.fork` that come back.

forks = FastAPI()
PREFIX = "/libraries/forks"


@forks.get(f"{PREFIX} in an endpoint")
async def in_an_endpoint() -> Response:
    told(fork())
    return Response(b"hello")


@forks.get(f"{PREFIX} in a thread")
def in_a_thread() -> Response:
    told(fork())
    return Response(b"hello")


@forks.get(f"{PREFIX} in a background task")
async def in_a_background_task(tasks: BackgroundTasks) -> Response:
    async def background() -> None:
        told(fork())

    tasks.add_task(background)
    return Response(b"hello", background=tasks)


@forks.get(f"{PREFIX} in a background thread")
async def in_a_background_thread(tasks: BackgroundTasks) -> Response:
    tasks.add_task(lambda: told(fork()))
    return Response(b"hello", background=tasks)


@forks.get(f"{PREFIX} in a task")
async def in_a_task() -> Response:
    async def beside() -> None:
        told(fork())

    await asyncio.create_task(beside())
    return Response(b"hello")


@forks.get(f"{PREFIX} in a callback")
async def in_a_callback() -> Response:
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def call() -> None:
        told(fork())
        done.set_result(None)

    loop.call_soon(call)
    await done
    return Response(b"hello")


APPS: dict[str, ASGIApp] = {
    "middleware": starlette_middleware,
    **{f"forks in {place}": forks for place in FORKS},
}
