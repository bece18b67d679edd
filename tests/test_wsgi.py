"""Real Flask apps through asgiref, the handler and the stream."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from flask import Flask, Response, request, stream_with_context

from adapter import LambdaHandler
from adapter.errors import ConfigurationError
from adapter.testing import LambdaTransport, MemoryStream, function_url_event, lambda_context
from adapter.wsgi import WsgiToAsgi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

pytestmark = pytest.mark.anyio

flask_app = Flask(__name__)
handler = LambdaHandler(WsgiToAsgi(flask_app))
meeting = threading.Barrier(2, timeout=20)
closed: list[str] = []


@flask_app.get("/meet")
def meet() -> Response:
    def body() -> Iterator[str]:
        for step in range(3):
            meeting.wait()  # passes only when another stream is at this point as well
            yield f"{step} {request.args['name']}\n"

    return Response(stream_with_context(body()), mimetype="text/plain")


@flask_app.post("/echo/<name>")
def echo(name: str) -> Response:
    response = Response(f"{name} {request.get_data(as_text=True)}", 201)
    response.headers["X-Seen"] = request.headers["X-Sent"]
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@flask_app.get("/query")
def query() -> str:
    sent = request.environ["QUERY_STRING"].encode("latin-1")  # as PEP 3333 has it
    return f"{request.args['name']} of {sent.decode()}"


@flask_app.get("/stage")
def stage() -> str:
    name = request.environ["aws.context"].function_name
    return f"{request.environ['aws.event']['requestContext']['stage']} of {name}"


@flask_app.get("/endless")
def endless() -> Response:
    def body() -> Iterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            closed.append(request.path)  # Flask's request is still there

    return Response(stream_with_context(body()))


@flask_app.get("/fail/<when>")
def fail(when: str) -> Response:
    def body() -> Iterator[bytes]:
        yield b"half of it"
        raise ValueError("no paper")

    if when == "before":
        raise ValueError("no paper")
    return Response(body())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = LambdaTransport(handler)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_two_streams_run_side_by_side_in_one_environment(client: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(client.get("/meet", params={"name": n}) for n in ("a", "b")))
    assert [response.text for response in responses] == ["0 a\n1 a\n2 a\n", "0 b\n1 b\n2 b\n"]


async def test_the_next_request_has_the_thread_of_an_earlier_one_and_what_django_keeps_there() -> (
    None
):
    kept = threading.local()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        kept.requests = getattr(kept, "requests", 0) + 1
        return [b"%d" % kept.requests]

    wsgi_handler = LambdaHandler(WsgiToAsgi(app))
    bodies = []
    for _ in range(10):
        stream = MemoryStream()
        await wsgi_handler.respond(function_url_event("/"), lambda_context(), stream)
        bodies.append(stream.body)
    assert b"2" in bodies  # the thread of an earlier test may become idle in between


async def test_header_fields_are_latin_1_in_both_directions(client: httpx.AsyncClient) -> None:
    sent = "café".encode("latin-1")
    response = await client.post("/echo/caf%C3%A9", content="tea", headers=[(b"x-sent", sent)])
    assert (response.status_code, response.text) == (201, "café tea")
    assert dict(response.headers.raw)[b"x-seen"] == sent
    assert len(response.headers.get_list("set-cookie")) == 2


@pytest.mark.parametrize("query", ["name=café", "name=caf%C3%A9"], ids=["as-it-is", "encoded"])
async def test_a_query_string_is_bytes_to_wsgi_as_a_client_can_send_it(query: str) -> None:
    stream = MemoryStream()
    event = function_url_event("/query", query=query)
    await handler.respond(event, lambda_context(), stream)
    assert stream.body.decode() == f"café of {query}"


async def test_the_environ_has_the_event_and_the_context_of_lambda() -> None:
    stream = MemoryStream()
    context = lambda_context()
    await handler.respond(function_url_event("/stage"), context, stream)
    assert stream.body.decode() == f"$default of {context.function_name}"


async def test_under_another_server_the_environ_has_neither() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [", ".join(key for key in environ if key.startswith("aws.")).encode()]

    transport = httpx.ASGITransport(WsgiToAsgi(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/")
    assert (response.status_code, response.text) == (200, "")


async def test_each_piece_is_a_chunk_of_its_own_and_sent_when_it_is_there() -> None:
    stream, go_on = MemoryStream(), threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        go_on.wait()  # for somebody who has read the first piece
        yield b"second"

    async def read() -> list[bytes]:
        chunks = []
        async for chunk in stream:
            chunks.append(chunk)
            if chunk == b"first":
                go_on.set()
        return chunks

    responding = LambdaHandler(WsgiToAsgi(app)).respond(
        function_url_event(), lambda_context(), stream
    )
    chunks, _ = await asyncio.gather(read(), responding)
    assert chunks[-2:] == [b"first", b"second"]
    assert stream.prelude["headers"] == {"content-type": "text/plain"}


async def test_when_the_client_leaves_the_app_is_stopped_and_closed() -> None:
    stream = MemoryStream()

    async def leave() -> None:
        async for chunk in stream:
            if chunk == b"more":
                stream.disconnect("the reader hung up")

    responding = handler.respond(function_url_event("/endless"), lambda_context(), stream)
    await asyncio.gather(leave(), responding)
    assert closed == ["/endless"]


async def test_a_failure_before_the_response_is_a_500_as_flask_makes_it(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/fail/before")
    assert (response.status_code, response.headers["content-type"]) == (
        500,
        "text/html; charset=utf-8",
    )


async def test_a_failure_in_the_middle_fails_the_stream_and_is_not_hidden() -> None:
    stream = MemoryStream()
    await handler.respond(function_url_event("/fail/middle"), lambda_context(), stream)
    assert (stream.body, str(stream.error)) == (b"half of it", "no paper")


@pytest.mark.parametrize("lifespan", ["auto", "off"])
async def test_without_the_wrapper_it_is_an_error_that_names_it_and_not_a_riddle(
    lifespan: str,
) -> None:
    bare: Any = flask_app
    with pytest.raises(
        ConfigurationError, match=r"<Flask .*, .*Wrap a WSGI app .*WsgiToAsgi\(app\)"
    ):
        await LambdaHandler(bare, lifespan=lifespan).respond(function_url_event(), None, None)


@pytest.mark.parametrize("length", ["5", "3"], ids=["right", "too-short"])
async def test_a_body_is_held_to_its_content_length(length: str) -> None:
    closed = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            yield b"he"
            yield b"llo"
            raise AssertionError("nothing more was asked for")

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", length)])
        return Pieces()

    stream = MemoryStream()
    wrapped = LambdaHandler(WsgiToAsgi(app))
    await wrapped.respond(function_url_event(), lambda_context(), stream)
    assert (stream.body, stream.error, closed) == (b"hello"[: int(length)], None, [True])


async def test_an_app_may_write_chunks_before_those_that_it_returns() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"one")
        write(b"two")
        return [b"three"]

    stream = MemoryStream()
    await LambdaHandler(WsgiToAsgi(app)).respond(function_url_event(), lambda_context(), stream)
    assert stream.chunks[1:] == [b"one", b"two", b"three"]


FORKS = """
import os
from adapter import LambdaHandler
from adapter.testing import function_url_event
from adapter.wsgi import WsgiToAsgi

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]

def serve():
    handler = LambdaHandler(WsgiToAsgi(app), invoke_mode="buffered")
    return handler(function_url_event(), None)["body"]

print(serve(), flush=True)
if os.fork() == 0:
    print(serve(), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.process
def test_a_forked_child_does_not_wait_for_threads_of_its_parent() -> None:
    # Python 3.12 and later warn of a fork in a process with threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.stdout, ended.stderr) == ("served\nserved\n", "")


@pytest.mark.process
def test_without_asgiref_the_error_says_what_to_install() -> None:
    # -S: Python without its installed packages
    command = [sys.executable, "-S", "-c", "import adapter.wsgi"]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    # Python 3.15 adds a sentence about the option.
    assert ended.stderr.splitlines()[-1].startswith(
        "ModuleNotFoundError: adapter.wsgi needs asgiref, which is not installed. Add asgiref to"
        " requirements.txt, and run: pip install asgiref"
    )
