"""Cancellations by code of the app that come when the app has returned, and of calls inside others.

The app runs in the task that serves its invocation, so such a cancellation reaches the adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import NATIVE, RUN, Start, every_runtime
from tests.support.fake_runtime_api import NEXT, error_of

if TYPE_CHECKING:
    from tests.support.runtimes import StartRunning

START = """
import asyncio
from adapter import LambdaHandler

async def respond(send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one two"})
"""
# As many apps stop their work when the client has disconnected. The watcher is not ended.
WATCHED = """
async def app(scope, receive, send):
    task = asyncio.current_task()

    async def watch():
        while (await receive())["type"] != "http.disconnect":
            pass
        task.cancel()

    app.watcher = asyncio.create_task(watch())
    await respond(send)
"""
AT_THE_END = """
async def app(scope, receive, send):
    await respond(send)
    asyncio.current_task().cancel()
"""
BUFFERED = {"ADAPTER_INVOKE_MODE": "buffered"}
PLAIN = "handler = LambdaHandler(app, lifespan='off')\n"
WRAPPED = (
    f"original = {PLAIN[10:]}\ndef handler(event, context):\n    return original(event, context)\n"
)


every_late_app = pytest.mark.parametrize(
    "app", [WATCHED, AT_THE_END], ids=["watched", "at the end"]
)
every_handler = pytest.mark.parametrize("handler", [PLAIN, WRAPPED], ids=["plain", "wrapped"])


@every_runtime
@every_late_app
@every_handler
def test_one_that_comes_too_late_for_the_app_changes_nothing(
    run: StartRunning, app: str, handler: str
) -> None:
    running = run(START + app + handler)
    assert running.stream() == b"one two"
    assert running.serves_on()


@every_runtime
@every_late_app
@every_handler
def test_nor_does_it_where_the_response_is_buffered(
    run: StartRunning, app: str, handler: str
) -> None:
    running = run(START + app + handler, BUFFERED)
    for request_id in ("id-1", "id-2"):
        running.client.deliver(function_url_event("/"), request_id)
        peer = running.ours if handler is PLAIN else running.client
        request = peer.read()
        assert (request.json["statusCode"], request.json["body"]) == (200, "one two")
        peer.accept()
    assert running.client.read().call == NEXT


@every_runtime
def test_a_listener_hears_of_the_invocation_to_its_end(run: StartRunning) -> None:
    listener = """
async def listen(summary):
    await asyncio.sleep(0.01)
    print("heard of", summary.outcome, flush=True)

handler = LambdaHandler(app, lifespan="off", on_complete=listen)
"""
    running = run(START + WATCHED + listener)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("heard of complete") == 2
    assert "Traceback" not in running.platform.output


@every_runtime
@pytest.mark.parametrize("statement", ["", "await asyncio.sleep(0)"], ids=["returns", "waits"])
def test_a_listener_and_a_function_may_cancel_themselves(run: StartRunning, statement: str) -> None:
    functions = f"""
async def listen(summary):
    asyncio.current_task().cancel()
    {statement}

async def on_event(event, context):
    asyncio.current_task().cancel()
    {statement}
    return "done"

async def app(scope, receive, send):
    await respond(send)

handler = LambdaHandler(app, lifespan="off", on_complete=listen, on_event=on_event)
"""
    running = run(START + functions)
    running.client.deliver({"a": 1})
    peer = running.ours if statement else running.client  # a failure is reported at once
    request = peer.read()
    if statement:
        assert (request.call, request.json["errorType"]) == (error_of("id-1"), "CancelledError")
    else:
        assert request.json == "done"
    peer.accept()
    assert running.serves_on()


@pytest.mark.parametrize("concurrency", [{}, {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}])
def test_a_function_that_limits_the_time_of_a_handler_sees_its_timeout(
    start: Start, concurrency: dict[str, str]
) -> None:
    source = """
async def app(scope, receive, send):
    await asyncio.sleep(60)

original = LambdaHandler(app, lifespan="off", invoke_mode="buffered")

async def handler(event, context):
    try:
        async with asyncio.timeout(0.1):
            return await original.respond(event, context, None)
    except TimeoutError:
        return {"late": True}
"""
    environ = NATIVE.environ | concurrency
    platform = start(START + source, "main.handler", RUN, **environ)
    request = platform.connection().invoke(function_url_event("/"))
    assert request.json == {"late": True}
    assert "The app failed" not in platform.output
