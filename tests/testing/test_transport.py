"""An existing suite of an existing app, through Lambda and not, must see the same responses."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import pytest
from fastapi import Cookie, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from adapter import LambdaHandler, ResponseStream, streamify_response
from adapter.events.prelude import CONTENT_TYPE
from adapter.function import FunctionHandler
from adapter.testing import LambdaTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from adapter.types import ASGIApp, Receive, Scope, Send

PLAIN = {"content-type": "text/plain"}
BAD_GATEWAY = b"Internal Server Error"
PHOTO = bytes(range(256))
LIBRARIES = [name for name in ("httpx", "httpx2") if importlib.util.find_spec(name)]


def make_app(events: list[str]) -> FastAPI:  # noqa: C901  # one route per thing a suite does
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        events.append("startup")
        yield
        events.append("shutdown")

    app = FastAPI(lifespan=lifespan)

    @app.api_route("/items/{name}", methods=["GET", "HEAD"])
    async def item(name: str, request: Request) -> Any:
        return {
            "name": name,
            "query": request.query_params.multi_items(),
            "self": str(request.url_for("item", name="self")),
            "accept": request.headers.getlist("x-repeated"),
        }

    @app.get("/old")
    async def old() -> Response:
        return RedirectResponse("/items/new?moved=1")

    @app.get("/login")
    async def login() -> Response:
        response = JSONResponse({"ok": True})
        response.set_cookie("session", "s3cret", httponly=True)
        response.set_cookie("theme", "dark")
        return response

    @app.get("/whoami")
    async def whoami(
        session: Annotated[str | None, Cookie()] = None,
        theme: Annotated[str | None, Cookie()] = None,
    ) -> Any:
        return [session, theme]

    @app.post("/upload")
    async def upload(request: Request, limit: int) -> Any:
        body = await request.body()
        kind = request.headers["content-type"].partition(";")[0]
        return [kind, len(body) < limit, PHOTO in body, "für".encode() in body]

    @app.put("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body(), media_type=request.headers.get("content-type"))

    @app.get("/sync")
    def sync() -> Any:
        return {"thread": "another"}

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"x-pot": "tea"})

    @app.get("/empty")
    async def empty() -> Response:
        return Response(status_code=204)

    @app.get("/stream")
    async def stream() -> Response:
        async def numbers() -> AsyncIterator[bytes]:
            for number in range(4):
                yield b"%d\n" % number

        return StreamingResponse(numbers(), media_type="text/plain")

    return app


SUITE: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "get": (("GET", "/items/a?x=1&x=2&y=%26", {}),),
    "escaped-path": (("GET", "/items/caf%C3%A9%20%2525?q=a+b", {}),),
    "repeated-header": (("GET", "/items/a", {"headers": [("x-repeated", "1")]}),),
    "head": (("HEAD", "/items/a", {}),),
    "redirect": (("GET", "/old", {}),),
    "redirect-followed": (("GET", "/old", {"follow_redirects": True}),),
    "cookies": (("GET", "/login", {}), ("GET", "/whoami", {})),
    "upload": (
        ("POST", "/upload?limit=9999", {"files": {"a": ("a", PHOTO)}, "data": {"b": "für"}}),
        ("POST", "/upload?limit=10", {"data": {"b": "für"}}),
    ),
    "json": (("PUT", "/echo", {"json": {"a": ["ü", None]}}),),
    "binary": (("PUT", "/echo", {"content": PHOTO}),),
    "no-body": (("PUT", "/echo", {}),),
    "sync": (("GET", "/sync", {}),),
    "stream": (("GET", "/stream", {}),),
    "empty": (("GET", "/empty", {}),),
    "http-exception": (("GET", "/teapot", {}),),
    "not-found": (("GET", "/nowhere", {}),),
    "wrong-method": (("DELETE", "/sync", {}),),
    "validation": (("POST", "/upload?limit=many", {"data": {"b": "x"}}),),
}

Seen = tuple[int, list[tuple[str, str]], bytes, str, int]


def seen(response: httpx.Response) -> Seen:
    """Return what has to be the same; a length and a date are for the platform to add."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-length", "date", "server")
    ]
    url = str(response.url)
    return response.status_code, sorted(headers), response.content, url, len(response.history)


async def expected(name: str) -> list[Seen]:
    transport = httpx.ASGITransport(make_app([]))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return [seen(await client.request(*call, **options)) for *call, options in SUITE[name]]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # anyio tells the threads of sync endpoints to end, and does not wait
        assert not thread.is_alive()


@pytest.mark.usefixtures("no_thread_left")
@pytest.mark.parametrize("name", SUITE)
@pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
def test_a_sync_suite_sees_what_it_saw_without_lambda(
    library: Any, name: str, invoke_mode: str
) -> None:
    transport = LambdaTransport(LambdaHandler(make_app([]), invoke_mode=invoke_mode))
    with library.Client(transport=transport, base_url="http://testserver") as client:
        found = [seen(client.request(*call, **options)) for *call, options in SUITE[name]]
    assert found == asyncio.run(expected(name))


@pytest.mark.anyio
@pytest.mark.parametrize("name", SUITE)
async def test_an_async_suite_sees_what_it_saw_without_lambda(library: Any, name: str) -> None:
    before = asyncio.all_tasks()
    async with library.AsyncClient(
        transport=LambdaTransport(make_app([])), base_url="http://testserver"
    ) as client:
        found = [seen(await client.request(*call, **options)) for *call, options in SUITE[name]]
    assert found == await expected(name)
    assert asyncio.all_tasks() == before


@pytest.mark.usefixtures("no_thread_left")
def test_the_lifespan_is_that_of_the_client() -> None:
    events: list[str] = []
    app = make_app(events)
    for _ in range(2):
        with httpx.Client(transport=LambdaTransport(app), base_url="http://t") as client:
            assert [client.get("/sync").status_code for _ in range(3)] == [200] * 3
    assert events == ["startup", "shutdown"] * 2


def test_closing_a_client_that_never_asked_does_nothing() -> None:
    transport = LambdaTransport(make_app([]))
    transport.close()
    asyncio.run(transport.aclose())


@pytest.mark.parametrize(
    ("returned", "status", "content_type", "body"),
    [
        ({"ok": True}, 200, "application/json", b'{"ok": true}'),
        ("hi", 200, "application/json", b'"hi"'),
        (None, 200, "application/json", b"null"),
        ({"statusCode": 201, "headers": PLAIN, "body": "made"}, 201, "text/plain", b"made"),
        (
            {
                "statusCode": 200,
                "headers": {"Content-Type": "image/png"},
                "body": "/wA=",
                "isBase64Encoded": True,
            },
            200,
            "image/png",
            b"\xff\0",
        ),
        ({"statusCode": 200, "headers": {"x": ["a", "b"]}}, 502, "text/plain", BAD_GATEWAY),
        ({"statusCode": "200"}, 502, "text/plain", BAD_GATEWAY),
        ({"statusCode": 200, "body": {}}, 502, "text/plain", BAD_GATEWAY),
        (object(), 502, "text/plain", BAD_GATEWAY),
    ],
)
def test_a_plain_handler_responds_as_through_a_function_url(
    returned: Any, status: int, content_type: str, body: bytes
) -> None:
    def handler(event: Any, context: Any) -> Any:
        return returned

    transport = LambdaTransport(FunctionHandler(handler))
    with httpx.Client(transport=transport, base_url="http://t") as client:
        response = client.get("/")
    assert (response.status_code, response.content) == (status, body)
    assert response.headers["content-type"] == content_type


class Guarded(LambdaHandler):
    def __call__(self, event: Any, context: Any) -> Any:
        if event["rawPath"] == "/private":
            return {"statusCode": 401, "body": "no"}
        return super().__call__(event, context)


def test_a_class_with_a_call_of_its_own_gets_each_event() -> None:
    transport = LambdaTransport(Guarded(make_app([])))
    with httpx.Client(transport=transport, base_url="http://t") as client:
        assert client.get("/private").status_code == 401
        assert client.get("/items/x").json()["name"] == "x"


@streamify_response
async def silent(event: Any, stream: ResponseStream, context: Any) -> None:
    """Write nothing."""


@streamify_response
async def in_pieces(event: Any, stream: ResponseStream, context: Any) -> None:
    stream.set_content_type(CONTENT_TYPE)
    for piece in (b'{"statusCode":', b"201}\0\0\0", b"\0\0\0\0\0", b"made"):
        await stream.write(piece)


@streamify_response
async def without_end(event: Any, stream: ResponseStream, context: Any) -> None:
    stream.set_content_type(CONTENT_TYPE)
    await stream.write(b'{"statusCode":201}')


@pytest.mark.parametrize(
    ("function", "status", "body"),
    [(silent, 200, b""), (in_pieces, 201, b"made"), (without_end, 502, BAD_GATEWAY)],
)
def test_a_streaming_function_may_write_its_prelude_as_it_likes(
    function: Any, status: int, body: bytes
) -> None:
    with httpx.Client(transport=LambdaTransport(function), base_url="http://t") as client:
        response = client.get("/")
    assert (response.status_code, response.content) == (status, body)


@pytest.mark.parametrize("use", ["close", "read"])
def test_a_response_may_be_left_until_its_client_is_closed(use: str) -> None:
    with httpx.Client(transport=LambdaTransport(Endless()), base_url="http://t") as client:
        response = client.send(client.build_request("GET", "/"), stream=True)
    if use == "read":
        with pytest.raises(httpx.ReadError, match="client has been closed"):
            response.read()
    response.close()


class TestAClientThatIsDropped:
    def test_warns_that_its_app_is_not_shut_down(self) -> None:
        clients = [httpx.Client(transport=LambdaTransport(make_app([])), base_url="http://t")]
        assert clients[0].get("/sync").status_code == 200
        with pytest.warns(ResourceWarning, match="LambdaTransport was not closed"):
            drop(clients)

    @pytest.mark.anyio
    async def test_warns_though_it_is_async(self) -> None:
        before = asyncio.all_tasks()
        app = LambdaHandler(make_app([]), lifespan="off")
        clients = [httpx.AsyncClient(transport=LambdaTransport(app), base_url="http://t")]
        assert (await clients[0].get("/empty")).status_code == 204
        await asyncio.gather(*(asyncio.all_tasks() - before))
        with pytest.warns(ResourceWarning, match="LambdaTransport was not closed"):
            drop(clients)

    def test_does_not_warn_if_it_is_closed_or_has_sent_nothing(self) -> None:
        clients = [httpx.Client(transport=LambdaTransport(make_app([]))) for _ in range(2)]
        clients[0].get("http://t/sync")
        clients[0].close()
        drop(clients)  # pytest makes an error of each warning


def drop(clients: list[Any]) -> None:
    clients.clear()
    gc.collect()


class Endless:
    """Streams until somebody stops it, and notes that it was stopped."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0)
        finally:
            self.stopped.set()


@pytest.mark.usefixtures("no_thread_left")
def test_chunks_come_while_the_app_is_making_them_and_closing_early_stops_it() -> None:
    app = Endless()
    with httpx.Client(transport=LambdaTransport(app), base_url="http://t") as client:
        with client.stream("GET", "/") as response:
            chunks = response.iter_raw()
            assert [next(chunks) for _ in range(3)] == [b"x"] * 3
            assert not app.stopped.is_set()
        assert app.stopped.wait(10)


@pytest.mark.anyio
async def test_a_request_that_is_given_up_is_a_client_that_is_gone() -> None:
    waiting, gone = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting.set()
        assert (await receive())["type"] == "http.disconnect"
        gone.set()

    transport = LambdaTransport(LambdaHandler(app, lifespan="off"))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        asking = asyncio.create_task(client.get("/"))
        await waiting.wait()
        asking.cancel()
        await gone.wait()


@pytest.mark.anyio
async def test_closing_the_client_ends_what_still_runs() -> None:
    waiting = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting.set()
        await receive()

    client = httpx.AsyncClient(transport=LambdaTransport(LambdaHandler(app, lifespan="off")))
    asking = asyncio.create_task(client.get("http://t/"))
    await waiting.wait()
    await client.aclose()
    assert (await asking).status_code == 502


@pytest.mark.anyio
async def test_requests_that_come_at_once_run_at_once() -> None:
    together = asyncio.Barrier(3)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await together.wait()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with httpx.AsyncClient(transport=LambdaTransport(app), base_url="http://t") as client:
        responses = await asyncio.gather(*(client.get("/") for _ in range(3)))
    assert [response.status_code for response in responses] == [204] * 3


def failing(after: int) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if after:
            await send({"type": "http.response.start", "status": 200})
        for _ in range(after):
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
        raise ValueError("boom")

    return app


class TestFailure:
    @pytest.mark.parametrize(
        ("errors", "status"), [("respond", 500), ("raise", 502)], ids=["respond", "raise"]
    )
    @pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
    def test_before_the_head_is_what_a_function_url_makes_of_it(
        self, invoke_mode: str, errors: str, status: int
    ) -> None:
        handler = LambdaHandler(failing(0), lifespan="off", invoke_mode=invoke_mode, errors=errors)
        with httpx.Client(transport=LambdaTransport(handler), base_url="http://t") as client:
            response = client.get("/")
        assert (response.status_code, response.text) == (status, "Internal Server Error")

    def test_after_the_head_raises_where_the_body_breaks_off(self, library: Any) -> None:
        transport = LambdaTransport(LambdaHandler(failing(2), lifespan="off"))
        with (
            library.Client(transport=transport, base_url="http://t") as client,
            client.stream("GET", "/") as response,
        ):
            chunks = response.iter_raw()
            assert (response.status_code, next(chunks), next(chunks)) == (200, b"some", b"some")
            with pytest.raises(library.ReadError, match="boom") as caught:
                next(chunks)
            assert isinstance(caught.value.__cause__, ValueError)

    @pytest.mark.anyio
    async def test_after_the_head_raises_for_async_clients_too(self, library: Any) -> None:
        transport = LambdaTransport(LambdaHandler(failing(1), lifespan="off"))
        async with library.AsyncClient(transport=transport, base_url="http://t") as client:
            with pytest.raises(library.ReadError, match="boom"):
                await client.get("/")

    def test_of_the_lifespan_is_a_502_that_the_log_explains(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = LambdaHandler(failing(0), lifespan="on")
        with httpx.Client(transport=LambdaTransport(handler), base_url="http://t") as client:
            assert client.get("/").status_code == 502
        assert "lifespan is 'on', but the app ended" in caplog.text

    def test_to_end_the_stream_is_one_after_the_head(self) -> None:
        class Careless:
            async def startup(self) -> bool:
                return False

            async def respond(self, event: Any, context: Any, stream: Any) -> None:
                await stream.write(b'{"statusCode":200}' + b"\0" * 8 + b"some")

            async def shutdown(self) -> None: ...

        with (
            httpx.Client(transport=LambdaTransport(Careless()), base_url="http://t") as client,
            pytest.raises(httpx.ReadError, match="had not ended its stream"),
        ):
            client.get("/")

    def test_by_the_time_out_of_the_function_is_a_504(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.Event().wait()

        transport = LambdaTransport(LambdaHandler(app, lifespan="off"), seconds=0.3)
        with httpx.Client(transport=transport, base_url="http://t") as client:
            assert client.get("/").status_code == 504


@pytest.mark.process
def test_without_httpx_the_error_says_what_to_install() -> None:
    root = str(Path(__file__).parents[2])
    # -S: Python without its installed packages
    command = [sys.executable, "-S", "-c", "from adapter.testing import LambdaTransport"]
    environ = os.environ | {"PYTHONPATH": root}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    # Python 3.15 adds a sentence about the option.
    last_line = ended.stderr.splitlines()[-1].partition(". ")[0]
    assert last_line == (
        "ModuleNotFoundError: LambdaTransport needs httpx or httpx2: pip install httpx"
    )
