"""Synchronous code runs on the main thread, as AWS's own runtime calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from adapter.testing import sqs_event
from tests.runtimes.conftest import every_runtime
from tests.support.fake_runtime_api import NEXT, error_of, response_of
from tests.support.runtimes import EVENT, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runtimes import StartRunning

BEGIN = """
import asyncio, signal, sqlite3, threading
from adapter import LambdaHandler

database = sqlite3.connect(":memory:")  # bound to the thread that imports this module

async def app(scope, receive, send):
    await asyncio.sleep(0)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one two"})

async def work():
    await asyncio.sleep(0.01)
    return "worked"

def do():
    {statement}
"""
STATEMENTS = {
    "is on the main thread": "assert threading.current_thread() is threading.main_thread()",
    "sets a signal handler": "signal.signal(signal.SIGALRM, print); signal.alarm(60)",
    "uses a connection of sqlite3": "database.execute('select 1').fetchall()",
    "runs the current event loop": "asyncio.get_event_loop().run_until_complete(work())",
    "runs a loop of its own": "assert asyncio.run(work()) == 'worked'",
    "runs both": "asyncio.run(work()); asyncio.set_event_loop(asyncio.new_event_loop());"
    " asyncio.get_event_loop().run_until_complete(work())",
}
every_statement = pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)

WRAPPER = """
original = LambdaHandler(app, lifespan="off")

def handler(event, context):
    do()
    response = original(event, context)
    {after}
    return response
"""
PLAIN_FUNCTION = """
beside = LambdaHandler(app, lifespan="off")  # for AWS's runtime, which has a loop by that

def handler(event, context):
    do()
    return "done"
"""
ON_EVENT = """
def on_event(event, context):
    do()
    return "done"

handler = LambdaHandler(app, lifespan="off", on_event=on_event)
"""


@every_statement
def test_a_wrapper_before_and_after_the_handler_that_it_calls(
    run: StartRunning, statement: str
) -> None:
    # What asyncio.run leaves behind is for the wrapper itself to see, as without the adapter.
    after = "" if "asyncio.run(" in statement else "do()"
    source = BEGIN.replace("{statement}", statement) + WRAPPER.replace("{after}", after)
    running = run(source)
    assert running.stream("id-1") == b"one two"
    assert running.serves_on("id-2")
    assert "Traceback" not in running.platform.output


@every_statement
@pytest.mark.parametrize("function", [PLAIN_FUNCTION, ON_EVENT], ids=["plain", "on_event"])
def test_a_function(run: StartRunning, function: str, statement: str) -> None:
    running = run(BEGIN.replace("{statement}", statement) + function)
    for request_id in ("id-1", "id-2"):
        running.client.deliver(sqs_event("x"), request_id)
        request = running.client.read()
        assert (request.call, request.json) == (response_of(request_id), "done")
        running.client.accept()
    assert running.client.read().call == NEXT


def test_a_handler_inside_a_wrapper_on_the_main_thread_keeps_its_deadline(
    run: StartRunning,
) -> None:
    source = """
import asyncio, signal
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["path"] == "/hang":
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one two", "more_body": True})
    if scope["path"] == "/late":
        await asyncio.sleep(60)
    await send({"type": "http.response.body", "body": b""})

original = LambdaHandler(app, lifespan="off")

def handler(event, context):
    signal.signal(signal.SIGALRM, print)
    return original(event, context)
"""
    running = run(source)
    running.client.deliver(function_url_event("/hang"), "id-1", seconds=0.5)
    assert running.ours.read().prelude["statusCode"] == 504
    running.ours.accept()
    running.client.deliver(function_url_event("/late"), "id-2", seconds=0.5)
    request = running.ours.read()
    assert request.content == b"one two"
    assert request.trailers["lambda-runtime-function-error-type"] == "Function.DeadlineExceeded"
    running.ours.accept()
    assert running.serves_on("id-3")


def test_a_function_that_blocks_is_not_reported_because_lambda_ends_it_at_its_timeout(
    run: StartRunning, tmp_path: Path
) -> None:
    source = """
import os, time

def on_event(event, context):
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)
    return "late"

handler = LambdaHandler(app, on_event=on_event)
"""
    running = run(PLAIN + source, {"GATE": str(tmp_path / "gate")})
    running.client.deliver(sqs_event("x"), seconds=0.5)
    assert running.client.is_silent(0.6)
    (tmp_path / "gate").touch()
    request = running.client.read()
    assert (request.call, request.json) == (response_of("id-1"), "late")
    running.client.accept()
    assert running.serves_on()


def test_a_signal_that_a_wrapper_has_asked_for_interrupts_the_app_that_it_waits_for(
    run: StartRunning,
) -> None:
    """As Datadog and Lumigo end a span shortly before the timeout."""
    source = """
import asyncio, signal
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await asyncio.sleep(0.3)
    await send({"type": "http.response.body", "body": b"one two"})

original = LambdaHandler(app, lifespan="off")

def handler(event, context):
    signal.signal(signal.SIGALRM, lambda *_: print("nearly timed out", flush=True))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    return original(event, context)
"""
    running = run(source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("nearly timed out") == 2


ENDPOINTS = {
    "a def endpoint": """
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()

@app.get("/", response_class=PlainTextResponse)
def endpoint():
    return in_main_thread()

handler = LambdaHandler(app)
""",
    "a WSGI app": """
from adapter.wsgi import WsgiToAsgi

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [in_main_thread().encode()]

handler = LambdaHandler(WsgiToAsgi(app), lifespan="off")
""",
    "a streaming function": """
@streamify_response
def handler(event, stream, context):
    stream.write(in_main_thread())
""",
}


@every_runtime
@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_keeps_its_thread_because_the_loop_streams_what_it_writes(
    run: StartRunning, endpoint: str
) -> None:
    source = """
import threading
from adapter import LambdaHandler, streamify_response

def in_main_thread():
    return str(threading.current_thread() is threading.main_thread())
"""
    running = run(source + endpoint)
    running.client.deliver(EVENT)
    request = running.ours.read()
    assert (request.call, request.body[-5:]) == (response_of("id-1"), b"False")


def test_what_a_function_raises_on_the_main_thread_fails_its_invocation_alone(
    run: StartRunning,
) -> None:
    source = """
def on_event(event, context):
    raise ValueError("no")

handler = LambdaHandler(app, on_event=on_event)
"""
    running = run(PLAIN + source)
    running.client.deliver(sqs_event("x"))
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ValueError")
    running.client.accept()
    assert running.serves_on()
