"""A buffered response is posted when it is ready: with its last body message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.testing import sqs_event
from tests.runtimes.conftest import every_runtime
from tests.support.event_sources import EVENT_SOURCES
from tests.support.fake_runtime_api import NEXT, response_of
from tests.support.runtimes import EVENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runtimes import Running, StartRunning

# What goes on after a response waits for the file that has the name of the invocation.
WAIT = """
import asyncio, os
from adapter import LambdaHandler, streamify_response

async def wait(request_id):
    while not os.path.exists(os.path.join(os.environ["GATES"], request_id)):
        await asyncio.sleep(0.01)
    print("went on after", request_id, flush=True)
"""
ASGI = """
async def app(scope, receive, send):
    fields = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"re", "more_body": True})
    await send({"type": "http.response.body", "body": b"ady"})
    await wait(scope["aws.context"].aws_request_id)
"""
TASK = """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse

async def endpoint(request):
    task = BackgroundTask(wait, request.scope["aws.context"].aws_request_id)
    return PlainTextResponse("ready", background=task)

app = Starlette()
app.add_route("/", endpoint)
"""
DEPENDENCY = """
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse

app = FastAPI()

async def session(request: Request):
    yield
    await wait(request.scope["aws.context"].aws_request_id)

@app.get("/", response_class=PlainTextResponse, dependencies=[Depends(session)])
async def endpoint():
    return "ready"
"""
MADE = 'handler = LambdaHandler(app, lifespan="off", invoke_mode="buffered")\n'
WAYS = {
    "a coroutine that goes on": ASGI + MADE,
    "a background task": TASK + MADE,
    "a dependency with yield": DEPENDENCY + MADE,
}
FUNCTION = """
@streamify_response
async def handler(event, stream, context):
    stream.set_content_type("text/plain")
    await stream.write("ready")
    await stream.aclose()
    await wait(context.aws_request_id)
"""
EVENTS = """
import json

async def app(scope, receive, send):
    body = json.dumps({"path": scope["path"]}).encode()
    fields = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
    await wait(scope["path"].strip("/"))

class Letter:
    def __init__(self, event, context, config):
        self.body = event["letter"].encode()
        self.scope = {
            "type": "http", "method": "POST", "path": "/letter", "headers": [], "query_string": b""
        }

    @classmethod
    def infer(cls, event, context, config):
        return "letter" in event

    def __call__(self, response):
        return {"letter": response["body"].decode()}

handler = LambdaHandler(
    app, lifespan="off", event_path="/events", custom_handlers=[Letter]
)
"""
LATE = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"ready"})
    await asyncio.sleep(60)
"""


def posted_before_the_end(running: Running, gates: Path, event: Any, request_id: str) -> Any:
    """Return the response, which came while the app went on, and before the next event."""
    running.client.deliver(event, request_id)
    request = running.ours.read()
    assert request.call == response_of(request_id)
    assert "lambda-runtime-function-response-mode" not in request.headers
    running.ours.accept()
    assert running.client.is_silent(0.05), "the next event was asked for while the app went on"
    assert f"went on after {request_id}" not in running.platform.output
    (gates / request_id).touch()
    running.platform.wait_for(f"went on after {request_id}")
    return request.json


@every_runtime
@pytest.mark.parametrize("app", WAYS.values(), ids=WAYS)
def test_it_is_posted_before_what_the_app_does_afterwards_and_next_is_asked_after_it(
    run: StartRunning, tmp_path: Path, app: str
) -> None:
    running = run(WAIT + app, {"GATES": str(tmp_path)})
    for number, source in enumerate(EVENT_SOURCES):
        response = posted_before_the_end(running, tmp_path, source.event("/"), f"id-{number}")
        assert source.read(response).body == b"ready"
    assert running.client.read().call == NEXT


@every_runtime
def test_so_is_that_of_a_streaming_function_whose_url_does_not_stream(
    run: StartRunning, tmp_path: Path
) -> None:
    environ = {"GATES": str(tmp_path), "ADAPTER_INVOKE_MODE": "buffered"}
    running = run(WAIT + FUNCTION, environ)
    assert posted_before_the_end(running, tmp_path, EVENT, "id-1")["body"] == "ready"
    assert running.client.read().call == NEXT


@every_runtime
def test_so_are_those_to_events_that_are_posted_to_the_app_and_to_custom_events(
    run: StartRunning, tmp_path: Path
) -> None:
    running = run(WAIT + EVENTS, {"GATES": str(tmp_path)})
    response = posted_before_the_end(running, tmp_path, sqs_event("x"), "events")
    assert response == {"path": "/events"}
    response = posted_before_the_end(running, tmp_path, {"letter": "x"}, "letter")
    assert response == {"letter": '{"path": "/letter"}'}
    assert running.client.read().call == NEXT


@every_runtime
def test_it_is_not_lost_when_the_time_is_up_while_the_app_goes_on(run: StartRunning) -> None:
    running = run(WAIT + LATE + MADE)
    source = EVENT_SOURCES[1]
    for request_id in ("id-1", "id-2"):
        running.client.deliver(source.event("/"), request_id, seconds=0.6)
        request = running.ours.read()
        assert request.call == response_of(request_id)
        assert source.read(request.json).body == b"ready"
        running.ours.accept()
    assert running.client.read().call == NEXT
    assert running.platform.output.count("though its response had ended") == 2


WRAPPED = """
original = handler

def handler(event, context):
    response = original(event, context)
    response["body"] += ", and changed"
    return response
"""


@every_runtime
@pytest.mark.parametrize("app", WAYS.values(), ids=WAYS)
def test_inside_a_wrapper_it_is_returned_after_the_app_so_that_the_wrapper_may_change_it(
    run: StartRunning, tmp_path: Path, app: str
) -> None:
    running = run(WAIT + app + WRAPPED, {"GATES": str(tmp_path)})
    for number, source in enumerate(EVENT_SOURCES):
        request_id = f"id-{number}"
        running.client.deliver(source.event("/"), request_id)
        assert running.client.is_silent(0.05), "it was posted before the wrapper had it"
        (tmp_path / request_id).touch()
        request = running.client.read()
        assert request.call == response_of(request_id)
        assert source.read(request.json).body == b"ready, and changed"
        running.client.accept()
    assert running.client.read().call == NEXT
