"""What an invocation leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import every_runtime
from tests.support.fake_runtime_api import NEXT
from tests.support.runtimes import EVENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runtimes import StartRunning

ERROR_TYPE = "lambda-runtime-function-error-type"

COUNTING = """
import gc
from adapter import LambdaHandler

async def app(scope, receive, send):
    unreachable = gc.collect()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d" % unreachable})

handler = LambdaHandler(app, lifespan="off")
gc.disable()
"""


@every_runtime
def test_an_invocation_leaves_no_reference_cycle_so_its_event_is_freed_at_once(
    run: StartRunning,
) -> None:
    running = run(COUNTING)
    counts = [running.stream() for _ in range(4)]
    assert counts[2:] == [b"0", b"0"]


PARTS = """
import asyncio, os
from adapter import LambdaHandler

async def inner():
    try:
        while True:
            yield b"part"
            await asyncio.sleep(0.01)
    finally:
        while not os.path.exists(os.environ["GATE"]):
            await asyncio.sleep(0.01)
        print("the generator is closed", flush=True)

async def parts():
    async for part in inner():
        yield part
"""
STREAMING_APP = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    async for part in parts():
        await send({"type": "http.response.body", "body": part, "more_body": True})

handler = LambdaHandler(app, lifespan="off")
"""
CATCHING_APP = (
    STREAMING_APP
    + """
async def catching(scope, receive, send):
    try:
        await app(scope, receive, send)
    except OSError:
        pass

handler = LambdaHandler(catching, lifespan="off")
"""
)
STREAMING_STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

async def endpoint(request):
    return StreamingResponse(parts())

handler = LambdaHandler(Starlette(routes=[Route("/", endpoint)]))
"""
# Closed in another task, the cancel scope of the task group cancels the app's task in each turn.
STREAMING_GROUP = (
    STREAMING_STARLETTE.replace("parts()", "grouped()")
    + """
import anyio

async def grouped():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 60)
        async for part in parts():
            yield part
"""
)
SOURCES = {
    "an app": STREAMING_APP,
    "an app that returns": CATCHING_APP,
    "Starlette": STREAMING_STARLETTE,
    "a task group": STREAMING_GROUP,
}


@every_runtime
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_generator_that_a_disconnect_stops_is_closed_before_the_next_invocation(
    run: StartRunning, tmp_path: Path, source: str
) -> None:
    gate = tmp_path / "gate"
    running = run(PARTS + source, {"GATE": str(gate)})
    running.client.deliver(EVENT, seconds=0.5)
    assert "DeadlineExceeded" in running.ours.read().trailers[ERROR_TYPE]
    running.ours.accept()
    assert running.client.is_silent(0.3), "the next event was asked for while it was closed"
    gate.touch()
    assert running.client.read().call == NEXT
    assert "the generator is closed" in running.platform.output
