"""Libraries that have their own idea of a stream, of a session or of the event loop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import CONCURRENT

if TYPE_CHECKING:
    from .conftest import Function, Serve

SSE_STARLETTE = """
from adapter import LambdaHandler
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route
from tests.frameworks.parts import parts

async def stream(request):
    events = ({"data": part.decode()} async for part in parts(request.path_params["end"]))
    return EventSourceResponse(events)

handler = LambdaHandler(Starlette(routes=[Route("/stream/{end}", stream)]))
"""

SOCKET_IO = """
import socketio
from adapter import LambdaHandler

server = socketio.AsyncServer(async_mode="asgi", transports=["polling"])

@server.event
async def message(sid, text):
    await server.emit("reply", text[::-1], to=sid)

handler = LambdaHandler(socketio.ASGIApp(server))
"""

STRAWBERRY = """
from collections.abc import AsyncGenerator
import strawberry
from adapter import LambdaHandler
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from tests.frameworks.parts import parts

@strawberry.type
class Query:
    hello: str = "hello"

@strawberry.type
class Subscription:
    @strawberry.subscription
    async def stream(self) -> AsyncGenerator[str, None]:
        async for part in parts("ends"):
            yield part.decode()

schema = strawberry.Schema(Query, subscription=Subscription)
app = FastAPI()
router = GraphQLRouter(schema, subscription_protocols=["graphql-sse"])
app.include_router(router, prefix="/stream/graphql")
handler = LambdaHandler(app)
"""

NEST_ASYNCIO = """
import asyncio
import nest_asyncio
from adapter import LambdaHandler
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
from tests.frameworks.parts import parts

nest_asyncio.apply()

def run_nested(seconds):
    return asyncio.get_event_loop().run_until_complete(asyncio.sleep(seconds, "nested"))

async def run_nested_in_task(seconds):
    return run_nested(seconds)

async def stream(request):
    runs = await asyncio.gather(run_nested_in_task(0.01), run_nested_in_task(0.05))
    return StreamingResponse(parts("ends"), headers={"x-runs": ",".join(runs)})

app_handler = LambdaHandler(Starlette(routes=[Route("/stream/", stream)]))
"""
WITHOUT_WRAPPER = NEST_ASYNCIO + "handler = app_handler\n"
WITH_WRAPPER = f"""{NEST_ASYNCIO}
def handler(event, context):
    run_nested(0)
    return app_handler(event, context)
"""


def test_sse_starlette_streams_each_event_again_and_again(serve: Serve) -> None:
    function = serve(SSE_STARLETTE)
    for _ in range(2):
        call = function.get("/stream/ends")
        assert call.first == b"data: one \r\n\r\n"
        assert call.request.content == b"data: one \r\n\r\ndata: two\r\n\r\n"
    trailers = function.get("/stream/fails").request.trailers
    assert trailers["lambda-runtime-function-error-type"] == "Function.ValueError"


def test_socket_io_polls_in_one_environment(serve: Serve) -> None:
    function = serve(SOCKET_IO)

    def poll(session: str = "", *, send: bytes = b"") -> str:
        query = f"EIO=4&transport=polling{session}"
        method = "POST" if send else "GET"
        event = function_url_event("/socket.io/", method=method, query=query, body=send)
        return function.send(event).request.content.decode()

    session = f"&sid={json.loads(poll()[1:])['sid']}"
    assert poll(session, send=b"40") == "OK"
    assert poll(session).startswith("40")
    assert poll(session, send=b'42["message","abc"]') == "OK"
    assert poll(session) == '42["reply","cba"]'


def test_a_subscription_of_strawberry_is_streamed(serve: Serve) -> None:
    headers = [("accept", "text/event-stream"), ("content-type", "application/json")]
    body = json.dumps({"query": "subscription { stream }"}).encode()
    event = function_url_event("/stream/graphql", method="POST", headers=headers, body=body)
    call = serve(STRAWBERRY).send(event)
    assert b'{"stream":"one "}' in call.first
    assert b'{"stream":"two"}' in call.request.content
    assert b"event: complete" in call.request.content


def streams_twice(function: Function) -> bool:
    calls = [function.get("/stream/") for _ in range(2)]
    runs = {call.request.prelude["headers"]["x-runs"] for call in calls}
    return runs == {"nested,nested"} and {call.request.content for call in calls} == {b"one two"}


@pytest.mark.parametrize("source", [WITHOUT_WRAPPER, WITH_WRAPPER], ids=["app", "wrapper"])
def test_nest_asyncio_runs_the_loop_inside_the_loop(serve: Serve, source: str) -> None:
    assert streams_twice(serve(source))


@pytest.mark.parametrize("runtime", [CONCURRENT], ids=["concurrent"])
def test_so_it_does_in_a_concurrent_environment(serve: Serve) -> None:
    assert streams_twice(serve(WITHOUT_WRAPPER))
