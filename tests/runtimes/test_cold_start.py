"""What the native runtime does, and leaves undone, so that a function starts sooner."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest

from adapter.imports.collector import PAUSED_THRESHOLD
from tests.runtimes.apps import EVENT

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start

COLLECTOR = """
import gc, json

def state():
    return [gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count() > 0]

states = [state()]

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        states.append(state())
        await send({"type": "lifespan.startup.complete"})
        return await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps([*states, state()]).encode()})
"""
USUAL = gc.get_threshold()[0]


@pytest.fixture
def from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes from nothing, as a fork has frozen objects from the start."""
    monkeypatch.delenv("PYTHON_STARTS", raising=False)


@pytest.mark.usefixtures("from_nothing")
def test_the_collector_pauses_while_the_handler_is_imported_and_not_in_its_lifespan(
    start: Start,
) -> None:
    running = start(COLLECTOR, ADAPTER_SHUTDOWN="off")
    assert (
        json.loads(running.connection().invoke(EVENT).content)
        == [[True, PAUSED_THRESHOLD, True]] + [[True, USUAL, True]] * 2
    )


@pytest.mark.usefixtures("from_nothing")
def test_on_a_managed_instance_the_collector_is_left_alone(start: Start) -> None:
    running = start(COLLECTOR, ADAPTER_SHUTDOWN="off", AWS_LAMBDA_MAX_CONCURRENCY="1")
    assert json.loads(running.connection().invoke(EVENT).content) == [[True, USUAL, False]] * 3


STARLETTE = """
import sys
from starlette.applications import Starlette

site = Starlette()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await site(scope, receive, send)
    body = str("anyio._backends._asyncio" in sys.modules).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(("concurrency", "is_loaded"), [("", b"False"), ("41", b"True")])
def test_anyios_backend_is_imported_only_for_more_threads_than_anyio_allows(
    start: Start, concurrency: str, is_loaded: bytes
) -> None:
    running = start(STARLETTE, ADAPTER_SHUTDOWN="off", AWS_LAMBDA_MAX_CONCURRENCY=concurrency)
    assert running.connection().invoke(EVENT).content == is_loaded


PYDANTIC = """
from pydantic import BaseModel

class Order(BaseModel):
    price: float

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = str(Order.__pydantic_complete__).encode()
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(("setting", "is_built"), [("on", b"False"), ("off", b"True")])
def test_the_models_of_pydantic_are_deferred_if_an_option_says_so(
    start: Start, setting: str, is_built: bytes
) -> None:
    running = start(
        PYDANTIC, ADAPTER_SHUTDOWN="off", ADAPTER_LIFESPAN="off", ADAPTER_DEFER_BUILD=setting
    )
    assert running.connection().invoke(EVENT).content == is_built
