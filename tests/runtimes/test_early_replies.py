"""The Runtime API replies, or hangs up, while the response is still being sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtimes.apps import ENDLESS, EVENT, HELLO
from tests.support.fake_runtime_api import NEXT, error_of

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Platform

STOPPED = "stopped by ClientDisconnected"

# Writes once and then waits for its client to go.
IDLE = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here", "more_body": True})
    message = await receive()
    print("received", message["type"], flush=True)
    try:
        await send({"type": "http.response.body", "body": b"more"})
    except OSError as error:
        print("stopped by", type(error).__name__, error, flush=True)
"""

FUNCTION = "def handler(event, context): return event"


def served_next(lambda_: Platform) -> bool:
    """Whether the environment is well: it asks for an event on a new connection and serves it."""
    platform = lambda_.connection()
    platform.deliver(EVENT, "id-2")
    request = platform.head()
    platform.chunk(request)
    return bool(request.prelude["statusCode"] == 200)


@pytest.mark.parametrize("source", [ENDLESS, IDLE], ids=["while-writing", "while-idle"])
@pytest.mark.parametrize("status", [400, 410, 413])
def test_a_refusal_stops_the_app_and_the_environment_goes_on(
    start: Start, source: str, status: int
) -> None:
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT, "id-1")
    platform.chunk(platform.head())
    platform.refuse(status, Connection="close")
    platform.wait_closed()
    assert served_next(lambda_)
    assert STOPPED in lambda_.output
    assert str(status) in lambda_.output
    if source == IDLE:
        assert "received http.disconnect" in lambda_.output


@pytest.mark.parametrize("source", [ENDLESS, IDLE], ids=["while-writing", "while-idle"])
@pytest.mark.parametrize("status", [403, 500])
def test_a_refusal_that_means_the_environment_is_lost_ends_it(
    start: Start, source: str, status: int
) -> None:
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    platform.chunk(platform.head())
    platform.refuse(status)
    assert lambda_.exit_code() == 1
    assert STOPPED in lambda_.output
    assert f"returned {status}" in lambda_.output


@pytest.mark.parametrize("source", [ENDLESS, IDLE], ids=["while-writing", "while-idle"])
@pytest.mark.parametrize("end", ["reset", "close", "half_close", "garbage"])
def test_a_connection_that_ends_in_mid_stream_stops_the_app_and_a_new_one_takes_the_next_event(
    start: Start, source: str, end: str
) -> None:
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    platform.chunk(platform.head())
    if end == "garbage":
        platform.send(b"\0\0\0\0\r\n\r\n")
    else:
        getattr(platform, end)()
    assert served_next(lambda_)
    assert STOPPED in lambda_.output
    assert "id-1" in lambda_.output


@pytest.mark.parametrize("status", [400, 410, 413])
@pytest.mark.parametrize("reply", ["streamed", "buffered", "error"])
def test_an_outcome_that_is_refused_is_logged_and_the_next_event_is_served(
    start: Start, reply: str, status: int
) -> None:
    lambda_ = start(HELLO + FUNCTION, "main.handler" if reply == "buffered" else "main:app")
    platform = lambda_.connection()
    platform.deliver(b"[" if reply == "error" else EVENT, "id-1")
    request = platform.read()
    assert (request.call == error_of("id-1")) == (reply == "error")
    platform.refuse(status, "InvalidRequestID")
    assert platform.read().call == NEXT  # the connection is fine too
    platform.event(EVENT, "id-2")
    assert platform.read().call != error_of("id-2")
    [line] = [line for line in lambda_.output.splitlines() if f"({status})" in line]
    assert "id-1" in line
    assert "InvalidRequestID" in line


@pytest.mark.parametrize("status", [403, 500])
def test_an_outcome_refused_as_impossible_ends_the_environment(start: Start, status: int) -> None:
    lambda_ = start(HELLO)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    platform.read()
    platform.refuse(status, "InvalidStateTransition")
    assert lambda_.exit_code() == 1
    assert "InvalidStateTransition" in lambda_.output


@pytest.mark.parametrize("when", ["before-the-first-byte", "after-the-last"])
def test_a_connection_that_ends_around_the_response_is_logged_and_replaced(
    start: Start, when: str
) -> None:
    source = """
    import asyncio, os

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        while not os.path.exists("go"):
            await asyncio.sleep(0.005)
        for _ in range(5):
            await asyncio.sleep(0)  # what the socket has to say is said by now
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
    """
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT, "id-1")
    if when == "after-the-last":
        (lambda_.root / "go").touch()
        platform.read()
        platform.reset()
        platform = lambda_.connection()
        assert "not known whether the Runtime API took the response" in lambda_.output
    else:
        platform.reset()
        (lambda_.root / "go").touch()
        platform = lambda_.connection()
        request = platform.read()
        assert request.call == error_of("id-1")
        assert request.json["errorType"] == "ClientDisconnected"
        platform.accept()
        assert platform.read().call == NEXT
