from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from adapter.errors import ConfigurationError, DeadlineExceeded, HandlerError
from adapter.function import FunctionHandler
from adapter.testing import MemoryStream, lambda_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.streams.streaming_handler import StreamingHandler

pytestmark = pytest.mark.anyio


def plain(event: Any, context: Any) -> Any:
    return {"event": event, "id": context.aws_request_id}


async def coroutine(event: Any, context: Any) -> Any:
    await asyncio.sleep(0)
    return plain(event, context)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(plain, id="plain"),
        pytest.param(coroutine, id="async"),
        pytest.param(lambda event, context: coroutine(event, context), id="returns-an-awaitable"),
    ],
)
async def test_the_response_is_what_the_function_returns(function: Callable[..., Any]) -> None:
    stream = MemoryStream()
    response = await FunctionHandler(function).respond({"a": 1}, lambda_context("42"), stream)
    assert response == {"event": {"a": 1}, "id": "42"}
    assert not stream.started


def generator(event: Any, context: Any) -> Any:
    yield b"one"


async def async_generator(event: Any, context: Any) -> Any:
    yield b"one"


async def returning_a_generator(event: Any, context: Any) -> Any:
    return generator(event, context)


@pytest.mark.parametrize("function", [generator, async_generator, returning_a_generator])
async def test_a_generator_is_an_error_that_names_the_decorator_with_which_it_streams(
    function: Callable[..., Any],
) -> None:
    with pytest.raises(HandlerError, match="@streamify_response") as caught:
        await FunctionHandler(function).respond({}, lambda_context(), MemoryStream())
    assert caught.value.error_type == "Runtime.MarshalError"


async def test_a_plain_function_may_block_because_it_has_a_thread_and_its_context_variables() -> (
    None
):
    shop: ContextVar[str] = ContextVar("shop")
    shop.set("bakery")
    handler = FunctionHandler(lambda event, context: (threading.get_ident(), shop.get()))
    response: Any = await handler.respond(None, None, None)
    thread, name = response
    assert (thread != threading.get_ident(), name) == (True, "bakery")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param(ValueError("no"), ValueError, id="exception"),
        pytest.param(SystemExit(3), SystemExit, id="SystemExit"),
        pytest.param(StopIteration("no"), RuntimeError, id="StopIteration-which-no-future-takes"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_what_the_function_raises_comes_back_and_nothing_hangs(
    raised: BaseException, expected: type[BaseException], kind: str
) -> None:
    def function(event: Any, context: Any) -> Any:
        raise raised

    async def async_function(event: Any, context: Any) -> Any:
        raise raised

    handler = FunctionHandler(function if kind == "plain" else async_function)
    with pytest.raises(expected):
        await handler.respond(None, lambda_context(), MemoryStream())


async def test_an_overdue_function_is_reported_at_once_and_still_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream, go_on = MemoryStream(), threading.Event()
    handler = FunctionHandler(lambda event, context: go_on.wait())
    responding = asyncio.create_task(handler.respond(None, lambda_context(seconds=0.01), stream))
    await stream.wait_closed()
    assert isinstance(stream.error, DeadlineExceeded)
    assert not responding.done()
    go_on.set()
    assert await responding is True
    [record] = caplog.records
    assert "still running at its deadline" in record.getMessage()


async def test_half_of_the_margin_is_left_for_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "119990")
    stream = MemoryStream()

    async def function(event: Any, context: Any) -> None:
        await stream.wait_closed()

    await FunctionHandler(function).respond(None, lambda_context(seconds=60), stream)
    assert isinstance(stream.error, DeadlineExceeded)


async def test_without_a_margin_a_function_has_no_deadline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "0")
    stream = MemoryStream()

    async def function(event: Any, context: Any) -> str:
        await asyncio.sleep(0.02)
        return "late"

    context = lambda_context(seconds=0.01)
    assert await FunctionHandler(function).respond(None, context, stream) == "late"
    assert (stream.error, caplog.records) == (None, [])


async def test_a_margin_that_is_no_number_fails_the_startup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "soon")
    with pytest.raises(ConfigurationError, match="ADAPTER_DEADLINE_MARGIN"):
        await FunctionHandler(plain).startup()


async def test_a_response_that_has_ended_is_not_overdue(caplog: pytest.LogCaptureFixture) -> None:
    stream, expired = MemoryStream(), asyncio.Event()
    await stream.write(b"done")
    await stream.aclose()

    async def function(event: Any, context: Any) -> None:
        asyncio.get_running_loop().call_later(0.02, expired.set)
        await expired.wait()

    await FunctionHandler(function).respond(None, lambda_context(seconds=0.01), stream)
    assert (stream.error, caplog.records) == (None, [])


async def test_it_is_a_handler_without_a_life_of_its_own() -> None:
    handler: StreamingHandler = FunctionHandler(plain)
    assert await handler.startup() is False
    await handler.shutdown()
