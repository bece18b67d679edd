"""What real frameworks do when the contract is kept, and what they do when the client goes."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from adapter import LambdaHandler
from adapter.errors import DeadlineExceeded
from adapter.testing import (
    MemoryStream,
    function_url_event,
    lambda_context,
    rest_api_event,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from django.http import HttpRequest
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request

    from adapter.types import ASGIApp

pytestmark = pytest.mark.anyio

CHUNKS = [b"%d" % number for number in range(6)]


class Numbers:
    """A body of six chunks that notes whether it was read to its end, and cleaned up."""

    def __init__(self) -> None:
        self.read = 0
        self.cleaned_up = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in CHUNKS:
                self.read += 1
                yield chunk
                await self.go_on.wait()
        finally:
            self.cleaned_up.set()


def starlette(numbers: Numbers, **options: Any) -> ASGIApp:
    async def endpoint(request: Request) -> Response:
        return StreamingResponse(numbers())

    return Starlette(routes=[Route("/", endpoint)], **options)


def failing_in_mid_stream(*middleware: Middleware) -> ASGIApp:
    async def lines() -> AsyncIterator[bytes]:
        yield b"one"
        raise ConnectionError("no database")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(lines())

    return Starlette(routes=[Route("/", endpoint)], middleware=middleware)


async def through(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


def starlette_with_middleware(numbers: Numbers) -> ASGIApp:
    return starlette(numbers, middleware=[Middleware(BaseHTTPMiddleware, dispatch=through)])


def fastapi(numbers: Numbers) -> ASGIApp:
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> StreamingResponse:
        return StreamingResponse(numbers())

    return app


def django_app(numbers: Numbers) -> ASGIApp:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=None, ALLOWED_HOSTS=["*"], SECRET_KEY="test")
        django.setup()

    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(numbers())

    def plain(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.body[::-1])

    def paths(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.path} {request.path_info}")

    settings.ROOT_URLCONF = (path("", stream), path("plain", plain), path("paths", paths))
    app: ASGIApp = ASGIHandler()
    return app


apps = pytest.mark.parametrize(
    "make_app", [starlette, starlette_with_middleware, fastapi, django_app]
)


async def respond(
    app: ASGIApp, target: str = "/", *, seconds: float = 30, **event: Any
) -> MemoryStream:
    stream = MemoryStream()
    handler = LambdaHandler(app, lifespan="off")
    await handler.respond(
        function_url_event(target, **event), lambda_context(seconds=seconds), stream
    )
    return stream


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Whatever is in a circle stays there."""
    gc.disable()
    yield
    gc.enable()


@apps
async def test_a_stream_arrives_whole_and_in_its_own_pieces(
    make_app: Callable[[Numbers], ASGIApp],
) -> None:
    numbers = Numbers()
    stream = await respond(make_app(numbers))
    assert stream.prelude["statusCode"] == 200
    assert stream.chunks[1:] == CHUNKS
    assert numbers.cleaned_up.is_set()


@apps
# Django leaves its temporary file for the request body to the garbage collector then, too.
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
async def test_a_client_that_goes_stops_the_generator_and_its_finally_runs(
    make_app: Callable[[Numbers], ASGIApp], caplog: pytest.LogCaptureFixture, uncollected: None
) -> None:
    numbers, stream = Numbers(), MemoryStream()
    numbers.go_on.clear()
    handler = LambdaHandler(make_app(numbers), lifespan="off")
    responding = asyncio.create_task(handler.respond(function_url_event(), None, stream))
    await anext(aiter(stream))
    stream.disconnect("the client hung up")
    numbers.go_on.set()
    await responding
    if make_app is starlette_with_middleware:  # whose middleware keeps the generator in a circle
        gc.collect()
    await asyncio.wait_for(numbers.cleaned_up.wait(), 5)
    assert numbers.read < len(CHUNKS)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_client_that_goes_stops_an_idle_django_view_because_it_listens() -> None:
    numbers, stream = Numbers(), MemoryStream()
    numbers.go_on.clear()
    handler = LambdaHandler(django_app(numbers), lifespan="off")
    responding = asyncio.create_task(handler.respond(function_url_event(), None, stream))
    await anext(aiter(stream))
    stream.disconnect("the client hung up")
    await responding
    assert (numbers.read, numbers.cleaned_up.is_set()) == (1, True)


@apps
async def test_the_deadline_stops_the_generator_and_leaves_nothing_running(
    make_app: Callable[[Numbers], ASGIApp],
) -> None:
    before, numbers = asyncio.all_tasks(), Numbers()
    numbers.go_on.clear()
    stream = await respond(make_app(numbers), seconds=0.75)
    assert isinstance(stream.error, DeadlineExceeded)
    assert (stream.body, numbers.cleaned_up.is_set()) == (b"0", True)
    assert asyncio.all_tasks() == before


async def test_a_starlette_background_task_runs_after_the_client_has_everything() -> None:
    stream, seen = MemoryStream(), []

    async def task() -> None:
        seen.append(stream.closed)

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(task))

    handler = LambdaHandler(Starlette(routes=[Route("/", endpoint)]))
    await handler.respond(function_url_event(), None, stream)
    await handler.shutdown()
    assert (stream.body, seen) == (b"done", [True])


async def test_a_sync_endpoint_cannot_delay_the_report_of_its_deadline() -> None:
    app, go_on, stream = FastAPI(), threading.Event(), MemoryStream()

    @app.get("/")
    def endpoint() -> str:
        go_on.wait()
        return "too late"

    handler = LambdaHandler(app, lifespan="off")
    responding = asyncio.create_task(
        handler.respond(function_url_event(), lambda_context(seconds=0.26), stream)
    )
    await stream.wait_closed()
    assert stream.prelude["statusCode"] == 504
    assert not responding.done()
    go_on.set()
    await responding
    assert stream.body == b"Gateway Timeout"


async def test_starlette_state_is_what_its_lifespan_yielded() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        yield {"pool": "open"}

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.state.pool)

    handler = LambdaHandler(Starlette(routes=[Route("/", endpoint)], lifespan=lifespan))
    stream = MemoryStream()
    await handler.respond(function_url_event(), None, stream)
    await handler.shutdown()
    assert stream.body == b"open"


async def test_starlette_responds_to_an_exception_by_itself_and_it_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endpoint(request: Request) -> Response:
        raise ValueError("boom")

    stream = await respond(Starlette(routes=[Route("/", endpoint)]))
    assert (stream.prelude["statusCode"], stream.body) == (500, b"Internal Server Error")
    assert [record.name for record in caplog.records] == ["adapter.http"]


async def test_a_sync_django_view_gets_its_body() -> None:
    stream = await respond(django_app(Numbers()), "/plain", method="POST", body=b"abc")
    assert (stream.prelude["statusCode"], stream.body) == (200, b"cba")


def test_django_has_the_path_with_the_stage_and_without() -> None:
    handler = LambdaHandler(django_app(Numbers()), lifespan="off")
    assert handler(rest_api_event("/paths", stage="prod"), None)["body"] == "/prod/paths /paths"


async def test_starlettes_base_http_middleware_ends_what_fails_in_mid_stream_as_if_complete(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert (await respond(failing_in_mid_stream())).error is not None
    caplog.clear()
    app = failing_in_mid_stream(Middleware(BaseHTTPMiddleware, dispatch=through))
    stream = await respond(app)
    assert (stream.error, stream.body) == (None, b"one")
    assert "ConnectionError: no database" in caplog.text
