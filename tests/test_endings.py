"""Every way an app can end, and the one outcome each of them has.

Streamed and buffered, responded and raised; each leaves one line in the log, and an environment
that serves the next invocation.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from adapter import LambdaHandler
from adapter.testing import MemoryStream, function_url_event, lambda_context

if TYPE_CHECKING:
    from adapter.types import JSON, ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
MORE: Message = {"type": "http.response.body", "body": b"some", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b" more"}


def sending(*messages: Message, then: BaseException | None = None) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if then is not None:
            raise then

    return app


def hanging(*messages: Message) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sending(*messages)(scope, receive, send)
        await asyncio.Event().wait()

    return app


class Ending(NamedTuple):
    """What becomes of an app: ``where`` its response stood, and the ``error`` it ended with."""

    app: ASGIApp
    where: str
    error: str
    log: str
    raises: bool = True
    status: int = 200  #: of the head that the app sends


def rejected(*messages: Message) -> Ending:
    return Ending(sending(*messages), "before the head", "UnexpectedMessage", "The app failed")


def declaring(length: int) -> Message:
    return {**START, "headers": [(b"content-length", str(length).encode())]}


BOOM = ValueError("boom")
LATE = "The app was still running at its deadline"
RETURNED = "The app returned, but its response had not ended"
AFTER = "The app failed after its response had ended"

ENDINGS = {
    "returns-without-starting": Ending(
        sending(), "before the head", "UnexpectedMessage", RETURNED, raises=False
    ),
    "returns-with-the-head-held-back": Ending(
        sending(START), "before the head", "UnexpectedMessage", RETURNED, raises=False
    ),
    "returns-without-finishing": Ending(
        sending(START, MORE), "after the head", "UnexpectedMessage", RETURNED, raises=False
    ),
    "raises-before-the-head": Ending(
        sending(then=BOOM), "before the head", "ValueError", "The app failed"
    ),
    "raises-with-the-head-held-back": Ending(
        sending(START, then=BOOM), "before the head", "ValueError", "The app failed"
    ),
    "raises-after-the-head": Ending(
        sending(START, MORE, then=BOOM), "after the head", "ValueError", "The app failed"
    ),
    "raises-after-the-end": Ending(
        sending(START, LAST, then=BOOM), "complete", "ValueError", AFTER
    ),
    "raises-after-its-500": Ending(
        sending({**START, "status": 500}, LAST, then=BOOM),
        "complete",
        "ValueError",
        "The app failed, and has sent a 500 itself",
        status=500,
    ),
    "raises-SystemExit": Ending(
        sending(then=SystemExit(3)), "before the head", "SystemExit", "The app failed"
    ),
    "raises-SystemExit-after-the-head": Ending(
        sending(START, MORE, then=SystemExit(3)), "after the head", "SystemExit", "The app failed"
    ),
    "raises-KeyboardInterrupt": Ending(
        sending(then=KeyboardInterrupt()), "before the head", "KeyboardInterrupt", "The app failed"
    ),
    "raises-CancelledError": Ending(
        sending(then=asyncio.CancelledError()),
        "before the head",
        "CancelledError",
        "The app failed",
    ),
    "hangs": Ending(hanging(), "before the head", "DeadlineExceeded", LATE, raises=False),
    "hangs-after-the-head": Ending(
        hanging(START, MORE), "after the head", "DeadlineExceeded", LATE, raises=False
    ),
    "hangs-after-the-end": Ending(
        hanging(START, LAST), "complete", "DeadlineExceeded", LATE, raises=False
    ),
    "sends-after-completion": Ending(
        sending(START, LAST, MORE), "complete", "UnexpectedMessage", AFTER
    ),
    "sends-body-before-start": rejected(MORE),
    "starts-twice": rejected(START, START),
    "sends-an-unknown-message": rejected({"type": "http.response.trailers", "headers": []}),
    "sends-no-type": rejected({}),
    "sends-a-status-of-the-wrong-type": rejected({**START, "status": "200"}),
    "sends-headers-of-the-wrong-type": rejected({**START, "headers": [("a", "b")]}),
    "sends-a-header-that-would-split-the-response": rejected(
        {**START, "headers": [(b"a", b"b\r\nc: d")]}
    ),
    "sends-a-body-of-the-wrong-type": rejected(START, {**LAST, "body": "text"}),
    "sends-a-body-shorter-than-its-content-length": rejected(declaring(6), LAST),
    "sends-a-body-longer-than-its-content-length": rejected(declaring(4), LAST),
    "ends-its-body-before-its-content-length": Ending(
        sending(declaring(10), MORE, LAST), "after the head", "UnexpectedMessage", "The app failed"
    ),
    "continues-its-body-after-its-content-length": Ending(
        sending(declaring(8), MORE, LAST), "after the head", "UnexpectedMessage", "The app failed"
    ),
}

every_ending = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())


def once(app: ASGIApp) -> ASGIApp:
    """Return an app that ends as ``app`` for its first request and well for the next ones."""
    served: list[Scope] = []

    async def first_app(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope)
        await (app if len(served) == 1 else sending(START, MORE, LAST))(scope, receive, send)

    return first_app


def handler_for(ending: Ending, **options: Any) -> LambdaHandler:
    return LambdaHandler(once(ending.app), lifespan="off", **options)


async def invoke(handler: LambdaHandler, ending: Ending | None = None) -> tuple[MemoryStream, JSON]:
    """Serve an invocation, one with 10 ms for an app that hangs."""
    stream = MemoryStream()
    hangs = ending is not None and ending.error == "DeadlineExceeded"
    context = lambda_context(seconds=0.26 if hangs else 30)
    event = function_url_event("/x", query="a=1")
    return stream, await handler.respond(event, context, stream)


def assert_logged_once(ending: Ending, records: list[logging.LogRecord]) -> None:
    [record] = records
    assert record.levelno == logging.ERROR
    assert record.name == "adapter.http"
    assert record.getMessage().startswith(ending.log)
    assert record.getMessage().endswith(": GET /x")
    if ending.raises:
        assert record.exc_info
        assert type(record.exc_info[1]).__name__ == ending.error
        assert record.exc_info[2] is not None, "the traceback says where"


def error_of(stream: MemoryStream) -> str | None:
    return type(stream.error).__name__ if stream.error is not None else None


def text_of(ending: Ending) -> tuple[int, bytes]:
    late = ending.error == "DeadlineExceeded"
    return (504, b"Gateway Timeout") if late else (500, b"Internal Server Error")


@every_ending
async def test_streamed_it_ends_in_a_response(
    ending: Ending, caplog: pytest.LogCaptureFixture
) -> None:
    handler = handler_for(ending)
    stream, response = await invoke(handler, ending)
    assert response is None
    assert stream.closed
    assert_logged_once(ending, caplog.records)
    if ending.where == "before the head":
        assert (stream.prelude["statusCode"], stream.body) == text_of(ending)
        assert stream.error is None
    else:
        complete = ending.where == "complete"
        assert stream.prelude["statusCode"] == ending.status
        assert stream.body == (b" more" if complete else b"some")
        assert error_of(stream) == (None if complete else ending.error)
    await assert_serves_the_next(handler)


@every_ending
async def test_streamed_it_is_raised(ending: Ending, caplog: pytest.LogCaptureFixture) -> None:
    handler = handler_for(ending, errors="raise")
    stream, _ = await invoke(handler, ending)
    assert_logged_once(ending, caplog.records)
    assert error_of(stream) == (None if ending.where == "complete" else ending.error)
    assert bool(stream.chunks) == (ending.where != "before the head")
    await assert_serves_the_next(handler)


@every_ending
async def test_buffered_it_gets_a_response_and_a_late_failure_still_has_an_honest_status(
    ending: Ending, caplog: pytest.LogCaptureFixture
) -> None:
    handler = handler_for(ending, invoke_mode="buffered")
    stream, response = await invoke(handler, ending)
    assert isinstance(response, dict)
    assert not stream.started
    assert_logged_once(ending, caplog.records)
    if ending.where == "complete":
        assert response["statusCode"] == ending.status
    else:
        assert (response["statusCode"], str(response["body"]).encode()) == text_of(ending)
    await assert_serves_the_next(handler)


@every_ending
async def test_buffered_it_is_raised(ending: Ending, caplog: pytest.LogCaptureFixture) -> None:
    handler = handler_for(ending, errors="raise", invoke_mode="buffered")
    stream, response = await invoke(handler, ending)
    assert_logged_once(ending, caplog.records)
    if ending.where == "complete":
        assert isinstance(response, dict)
        assert response["statusCode"] == ending.status
    else:
        assert (error_of(stream), response) == (ending.error, None)
    await assert_serves_the_next(handler)


async def assert_serves_the_next(handler: LambdaHandler) -> None:
    stream, response = await invoke(handler)
    if stream.started:
        assert (stream.prelude["statusCode"], stream.body) == (200, b"some more")
        assert stream.error is None
    else:
        assert isinstance(response, dict)
        assert (response["statusCode"], response["body"]) == (200, "some more")


@pytest.mark.parametrize("name", ["raises-before-the-head", "raises-after-the-head"])
async def test_without_a_stream_to_fail_the_error_itself_is_raised(name: str) -> None:
    handler = handler_for(ENDINGS[name], errors="raise")
    with pytest.raises(ValueError, match="boom") as caught:
        await handler.respond(function_url_event(), lambda_context(), None)
    assert caught.value is BOOM


@pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
async def test_a_failure_responds_to_HEAD_without_a_body(invoke_mode: str) -> None:
    app = sending(START, MORE, then=BOOM) if invoke_mode == "buffered" else sending(then=BOOM)
    handler = LambdaHandler(app, lifespan="off", invoke_mode=invoke_mode)
    stream = MemoryStream()
    response = await handler.respond(function_url_event(method="HEAD"), None, stream)
    if isinstance(response, dict):
        assert (response["statusCode"], response["body"]) == (500, "")
    else:
        assert (stream.prelude["statusCode"], stream.body) == (500, b"")


async def test_an_app_that_gets_over_its_own_mistake_has_made_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in (MORE, START, START, LAST, LAST):
            with suppress(Exception):
                await send(message)

    stream = MemoryStream()
    await LambdaHandler(app, lifespan="off").respond(function_url_event(), None, stream)
    assert (stream.body, stream.error, caplog.records) == (b" more", None, [])
