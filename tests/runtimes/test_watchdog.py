"""What is said of an app that blocks the event loop, by a real process in the local Lambda."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from adapter.native.watchdog import WatchedHandler
from tests.runtimes.test_local import Serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulator.conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio

# Waits for the file that the query names: in the way of everything else, or not.
APP = """
import asyncio, os, sys

def block(name):
    while not os.path.exists(name): pass

async def app(scope, receive, send):
    if scope["type"] != "http": return
    name = scope["query_string"].decode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d " % os.getpid(), "more_body": True})
    if scope["path"] == "/block": block(name)
    if scope["path"] == "/first-wait":
        while not os.path.exists(name): await asyncio.sleep(0.005)
        block(name + "-on")
    while not os.path.exists(name): await asyncio.sleep(0.005)
    there = "adapter.native.watchdog" in sys.modules
    await send({"type": "http.response.body", "body": str(there).encode()})
"""
BLOCKED = "The event loop has been blocked for over a second"


@pytest.fixture
def serve(local: LocalFactory, tmp_path: Path) -> Serve:
    return Serve(local, tmp_path / "task")


@pytest.fixture
def go(tmp_path: Path) -> anyio.Path:
    return anyio.Path(tmp_path) / "go"


async def said(running: Local, what: str, times: int = 1) -> None:
    while running.log.getvalue().count(what) < times:  # noqa: ASYNC110 - it is a log
        await anyio.sleep(0.005)


async def freeze(pid: int) -> None:
    """Stop a process for longer than what counts as a block."""
    os.kill(pid, signal.SIGSTOP)
    await anyio.sleep(1.2)
    os.kill(pid, signal.SIGCONT)


async def test_the_stack_of_what_blocks_is_logged_once_a_block(
    serve: Serve, go: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_WATCHDOG", "on")
    request_id = "?"
    async with serve(APP) as running:
        for times in (1, 2):
            async with running.client.stream("GET", f"/block?{go}") as response:
                await said(running, BLOCKED, times)
                await go.touch()
                assert (await response.aread()).endswith(b" True")
                request_id = response.headers["x-amzn-requestid"]
            await said(running, "REPORT RequestId", times)
            await go.unlink()
        log = running.log.getvalue()
    assert any(BLOCKED in line and request_id in line for line in log.splitlines())
    report = log[log.index(BLOCKED) : log.index("REPORT")]
    assert 'main.py", line' in report
    assert "in block" in report
    assert "native.py" not in report  # what lies below the app is no news
    assert log.count(BLOCKED) == 2


async def test_a_block_after_a_freeze_is_told_too(
    serve: Serve, go: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_WATCHDOG", "on")
    async with serve(APP) as running, running.client.stream("GET", f"/first-wait?{go}") as response:
        chunks = response.aiter_text()
        await freeze(int(await anext(chunks)))
        assert BLOCKED not in running.log.getvalue()
        await go.touch()
        await said(running, BLOCKED)
        await go.with_name("go-on").touch()
        assert "".join([chunk async for chunk in chunks]) == "True"
        await said(running, "REPORT")


async def test_an_environment_without_work_is_not_blocked_because_nobody_waits_for_it(
    serve: Serve, go: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_WATCHDOG", "on")
    await go.touch()
    async with serve(APP) as running:
        for times in (1, 2):
            assert (await running.client.get(f"/?{go}")).text.endswith(" True")
            await said(running, "REPORT", times)
            await anyio.sleep(1.5)  # its loop does not turn in all that time
        assert BLOCKED not in running.log.getvalue()


async def test_a_freeze_is_no_block(
    serve: Serve, go: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_WATCHDOG", "on")
    async with serve(APP) as running, running.client.stream("GET", f"/wait?{go}") as response:
        chunks = response.aiter_text()
        await freeze(int(await anext(chunks)))
        await go.touch()
        assert "".join([chunk async for chunk in chunks]) == "True"
        await said(running, "REPORT")
        assert BLOCKED not in running.log.getvalue()


async def test_what_nobody_turned_on_is_not_even_imported(serve: Serve, go: anyio.Path) -> None:
    await go.touch()
    async with serve(APP) as running:
        assert (await running.client.get(f"/?{go}")).text.endswith(" False")


async def test_a_wrong_value_fails_the_start(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_WATCHDOG", "yes")
    async with serve(APP) as running:
        assert (await running.client.get("/")).status_code == httpx.codes.BAD_GATEWAY
        assert "ADAPTER_WATCHDOG is 'yes'; it can be 'on' or 'off'." in running.log.getvalue()


def test_a_stack_that_no_event_loop_is_in_is_given_whole() -> None:
    from adapter.native.watchdog import stack

    text = stack(sys._getframe())
    assert text.splitlines()[-1].strip() == "text = stack(sys._getframe())"
    assert "pytest" in text


async def test_the_context_variables_of_invocations_at_once_are_not_compared() -> None:
    """A value may refuse a comparison, as an array of numpy does."""

    class Incomparable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise ValueError("The truth value of an array is ambiguous.")

    class Waiting:
        async def startup(self) -> bool:
            return False

        async def respond(self, event: Any, context: Any, stream: Any) -> None:
            await event.wait()

        async def shutdown(self) -> None: ...

    value: ContextVar[Incomparable] = ContextVar("value")
    handler = WatchedHandler(Waiting())
    first, second = asyncio.Event(), asyncio.Event()

    async def respond(event: Any) -> None:
        value.set(Incomparable())
        await handler.respond(event, None, None)

    tasks = [asyncio.create_task(respond(event)) for event in (first, second)]
    await asyncio.sleep(0)
    second.set()
    await tasks[1]
    first.set()
    await tasks[0]
