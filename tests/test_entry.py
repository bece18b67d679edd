"""What LambdaHandler and functions written by hand share: see also `test_handler`, way by way."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from adapter import LambdaHandler, ResponseStream, streamify_response
from adapter.errors import AdapterError, ConfigurationError
from adapter.invocation.deadline import seconds_until_deadline
from adapter.testing import MemoryStream, function_url_event, lambda_context, rest_api_event

if TYPE_CHECKING:
    from adapter.entry import EntryPoint
    from adapter.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


@streamify_response
async def function(event: Any, stream: ResponseStream, context: Any) -> None:
    await stream.write(b"hello")


HANDLERS = [pytest.param(LambdaHandler(app), id="asgi"), pytest.param(function, id="function")]
every_handler = pytest.mark.parametrize("handler", HANDLERS)


@every_handler
def test_without_a_runtime_the_response_is_returned(handler: EntryPoint) -> None:
    response = handler(function_url_event(), lambda_context())
    assert (response["statusCode"], response["body"]) == (200, "aGVsbG8=")


@pytest.mark.anyio
@every_handler
async def test_in_an_event_loop_it_says_what_to_await_instead(handler: EntryPoint) -> None:
    with pytest.raises(AdapterError, match=r"await handler\.respond"):
        handler(function_url_event(), lambda_context())


@every_handler
def test_a_task_factory_that_takes_no_context_makes_its_task(handler: EntryPoint) -> None:
    async def respond() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coroutine: asyncio.Task(coroutine, loop=loop))
        return await handler.respond(function_url_event(), None, None)

    assert asyncio.run(respond())["statusCode"] == 200


@every_handler
def test_without_a_runtime_threads_may_call_it_at_once_and_wait_for_each_other(
    handler: EntryPoint,
) -> None:
    barrier = threading.Barrier(4)

    def call() -> Any:
        barrier.wait()
        return handler(function_url_event(), None)["body"]

    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(call) for _ in range(4)]
    assert [call.result() for call in calls] == ["aGVsbG8="] * 4


def test_without_a_runtime_a_handler_for_each_call_opens_no_more_files() -> None:
    def open_files() -> int:
        LambdaHandler(app)(function_url_event(), None)
        return len(os.listdir("/proc/self/fd"))

    before = open_files()
    assert open_files() <= before


def test_without_a_runtime_a_function_that_closes_the_current_loop_closes_none() -> None:
    def on_event(event: Any, context: Any) -> str:
        asyncio.get_event_loop().close()
        return "closed"

    handler = LambdaHandler(app, on_event=on_event)
    assert [handler({}, None) for _ in range(2)] == ["closed"] * 2
    asyncio.set_event_loop(None)


def test_without_a_runtime_an_app_may_call_another_handler_in_a_thread() -> None:
    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        inner = await asyncio.to_thread(LambdaHandler(app), function_url_event(), None)
        await send({"type": "http.response.start", "status": inner["statusCode"] + 1})
        await send({"type": "http.response.body"})

    assert LambdaHandler(outer)(function_url_event(), None)["statusCode"] == 201


def test_one_that_its_own_app_calls_says_so_and_does_not_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapter.entry.MAX_WAIT_SECONDS", 0.01)

    def on_event(event: Any, context: Any) -> Any:
        return handler({}, None)

    handler = LambdaHandler(app, on_event=on_event)
    with pytest.raises(AdapterError, match="an app that calls its own handler deadlocks"):
        handler({}, None)


@every_handler
@pytest.mark.parametrize(
    ("margin", "given", "least", "most"),
    [
        ("250", 10, 9.0, 9.75),
        ("0", 10, None, None),
        ("250", 0, 0.0, 0.0),
        ("250", None, None, None),
    ],
    ids=["margin", "switched-off", "never-negative", "no-context"],
)
def test_the_time_that_is_left_has_a_margin(
    handler: EntryPoint,
    margin: str,
    given: float | None,
    least: float | None,
    most: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", margin)
    fresh = type(handler)(getattr(handler, "app", None) or function.__wrapped__)  # type: ignore[attr-defined]
    context = None if given is None else lambda_context(seconds=given)
    seconds = seconds_until_deadline(context, fresh.options.deadline_margin)
    if least is None or most is None:
        assert seconds is None
    else:
        assert seconds is not None
        assert least <= seconds <= most


SCRIPTS = {
    "async": """
import asyncio
from adapter import streamify_response

@streamify_response
async def handler(event, stream, context):
    await stream.write(str(id(asyncio.get_running_loop())))

print(len({handler(None, None)["body"] for _ in range(3)}))
""",
    "in-a-thread-which-is-waited-for-when-no-other-can-be-started": """
from adapter import streamify_response

@streamify_response
def handler(event, stream, context):
    stream.write("x")

print(len({handler(None, None)["body"] for _ in range(3)}))
""",
}


@pytest.mark.parametrize("program", SCRIPTS.values(), ids=SCRIPTS.keys())
@pytest.mark.process
def test_all_calls_of_a_script_share_a_loop_that_is_closed_at_its_end(program: str) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


class TestAnInvokeModeForEachEvent:
    @pytest.mark.parametrize(("mode", "streamed"), [("response_stream", True), ("buffered", False)])
    @pytest.mark.anyio
    async def test_decides_whether_the_response_is_streamed(
        self, mode: str, streamed: bool
    ) -> None:
        asked: list[Any] = []

        def invoke_mode(event: Any) -> str:
            asked.append(event)
            return mode

        event, stream = rest_api_event("/chat"), MemoryStream()
        response = await LambdaHandler(app, invoke_mode=invoke_mode).respond(event, None, stream)
        assert (stream.started, response is None) == (streamed, streamed)
        assert asked == [event]

    @pytest.mark.anyio
    async def test_has_to_be_an_invoke_mode(self) -> None:
        handler = LambdaHandler(app, invoke_mode=lambda event: "stream")
        with pytest.raises(ConfigurationError, match="The result of the function invoke_mode is"):
            await handler.respond(function_url_event("/"), None, MemoryStream())

    @pytest.mark.anyio
    async def test_may_be_replaced_by_the_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "buffered")
        handler = LambdaHandler(app, invoke_mode=lambda event: pytest.fail("asked"))
        stream = MemoryStream()
        response = await handler.respond(function_url_event("/"), None, stream)
        assert isinstance(response, dict)
        assert not stream.started
