"""Handlers that are not ours: plain functions, and what vendors wrap around ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtimes.apps import EVENT, HELLO
from tests.runtimes.conftest import every_runtime
from tests.support.fake_runtime_api import NEXT, error_of, response_of

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.runtimes import StartRunning

WRAPPER = (
    HELLO
    + """
import functools, threading
from adapter import LambdaHandler

def traced(handler):
    @functools.wraps(handler)
    def wrapper(event, context):
        in_main_thread = threading.current_thread() is threading.main_thread()
        print("before", context.aws_request_id, in_main_thread, flush=True)
        try:
            response = handler(event, context)
        except Exception as error:
            print("failed", type(error).__name__, flush=True)
            raise
        print("after", response, flush=True)
        return {"wrapped": response}
    return wrapper

class Handler(LambdaHandler):
    __name__ = "handler"

handler = traced(Handler(app))
"""
)


def test_a_plain_function_is_called_with_event_and_context_and_its_response_is_posted(
    start: Start,
) -> None:
    source = """
    import threading

    def handler(event, context):
        assert threading.current_thread() is threading.main_thread()
        return {"event": event, "id": context.aws_request_id, "umlaut": "ä"}
    """
    platform = start(source, "main.handler").connection()
    request = platform.invoke({"a": [1, None]}, "id-7")
    assert request.call == response_of("id-7")
    assert request.headers["content-type"] == "application/json"
    assert request.json == {"event": {"a": [1, None]}, "id": "id-7", "umlaut": "ä"}
    assert platform.read().call == NEXT


def test_a_vendors_wrapper_around_our_handler_streams_from_the_main_thread(start: Start) -> None:
    lambda_ = start(WRAPPER, "main.handler")
    platform = lambda_.connection()
    for number in range(2):
        request = platform.invoke(EVENT, f"id-{number}")
        assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
        assert request.content == b"hello"
    assert platform.read().call == NEXT
    assert "before id-1 True" in lambda_.output
    assert lambda_.output.count("after {'statusCode': 200}") == 2


def test_a_wrapper_that_fails_after_the_stream_has_ended_changes_nothing_but_the_log(
    start: Start,
) -> None:
    source = WRAPPER.replace('return {"wrapped": response}', "raise ValueError('too late')")
    lambda_ = start(source, "main.handler")
    platform = lambda_.connection()
    request = platform.invoke(EVENT)
    assert (request.content, request.trailers) == (b"hello", {})
    assert platform.read().call == NEXT
    assert "ValueError: too late" in lambda_.output


FAILING = """
import asyncio, sys

{definition} handler(event, context):
    if event == "an exception":
        raise ValueError("no")
    if event == "an exit":
        sys.exit(3)
    if event == "an interrupt":
        raise KeyboardInterrupt
    if event == "a cancellation":
        raise asyncio.CancelledError
    if event == "the end of an iterator":
        next(iter(()))
    if event == "no JSON":
        return object()
    if event == "no key of JSON":
        return {{1j: 2}}
    if event == "a circle":
        circle = []
        circle.append(circle)
        return circle
    return event
"""
FAILURES = {
    "an exception": "ValueError",
    "an exit": "SystemExit",
    "an interrupt": "KeyboardInterrupt",
    "a cancellation": "CancelledError",
    "the end of an iterator": "RuntimeError",
    "no JSON": "Runtime.MarshalError",
    "no key of JSON": "Runtime.MarshalError",
    "a circle": "Runtime.MarshalError",
}


@pytest.mark.parametrize("definition", ["def", "async def"])
def test_what_a_function_raises_or_cannot_return_fails_its_invocation_and_no_other(
    start: Start, definition: str
) -> None:
    lambda_ = start(FAILING.format(definition=definition), "main.handler")
    platform = lambda_.connection()
    for number, (event, kind) in enumerate(FAILURES.items()):
        request_id = f"id-of-failure-{number}"
        request = platform.invoke(event, request_id)
        assert request.call == error_of(request_id)
        assert request.json["errorType"] == kind
        assert request.json["requestId"] == request_id
        assert platform.invoke("fine", f"id-{number}").json == "fine"
        assert sum(request_id in line for line in lambda_.output.splitlines()) == 1


def test_an_app_that_cancels_its_own_task_ends_its_invocation_and_no_other(start: Start) -> None:
    source = """
    import asyncio

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        asyncio.current_task().cancel()
        await asyncio.sleep(60)
    """
    platform = start(source).connection()
    for number in range(2):
        request = platform.invoke(EVENT, f"id-{number}")
        kind = request.trailers["lambda-runtime-function-error-type"]
        assert (request.content, kind) == (b"hello", "Function.CancelledError")


def test_bytes_and_decimals_are_sent_as_AWSs_runtime_sends_them(start: Start) -> None:
    source = """
    from decimal import Decimal

    def handler(event, context):
        return b"raw" if event else [Decimal("7"), Decimal("7.5"), Decimal("1E+3")]
    """
    platform = start(source, "main.handler").connection()
    assert platform.invoke(False).body == b"[7, 7.5, 1000]"
    request = platform.invoke(True)
    assert (request.body, request.headers["content-type"]) == (b"raw", "application/unknown")


def test_an_async_function_that_outlives_its_time_is_reported_once_and_waited_for(
    start: Start,
) -> None:
    source = """
    import asyncio, os

    async def handler(event, context):
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        print("returned", flush=True)
        return "too late"
    """
    lambda_ = start(source, "main.handler")
    platform = lambda_.connection()
    request = platform.invoke("x", "id-1", seconds=0.1)
    assert request.call == error_of("id-1")
    assert request.json["errorType"] == "DeadlineExceeded"
    assert platform.is_silent()
    (lambda_.root / "go").touch()
    assert platform.read().call == NEXT
    assert "returned" in lambda_.output


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_function_that_blocks_the_main_thread_is_left_to_lambdas_own_timeout(
    start: Start, loop: str
) -> None:
    source = """
    import os, time

    def handler(event, context):
        while not os.path.exists("go"):
            time.sleep(0.01)
        return "late"
    """
    lambda_ = start(source, "main.handler", ADAPTER_LOOP=loop)
    platform = lambda_.connection()
    platform.deliver("x", "id-1", seconds=0.5)
    assert platform.is_silent(0.6)
    (lambda_.root / "go").touch()
    request = platform.read()
    assert (request.call, request.json) == (response_of("id-1"), "late")


def test_a_function_may_use_an_event_loop_of_its_own(start: Start) -> None:
    source = """
    import asyncio

    async def work():
        await asyncio.sleep(0)
        return "worked"

    def handler(event, context):
        return asyncio.run(work())
    """
    assert start(source, "main.handler").connection().invoke("x").json == "worked"


@pytest.mark.parametrize("end", ["", "await stream.aclose(); raise ValueError('too late')"])
def test_a_handler_that_writes_to_the_stream_itself_has_to_end_it(start: Start, end: str) -> None:
    source = f"""
    class Handler:
        async def startup(self):
            return False

        async def respond(self, event, context, stream):
            stream.set_content_type("text/plain")
            await stream.write("written")
            {end}

        async def shutdown(self):
            print("shutdown", flush=True)

    handler = Handler()
    """
    lambda_ = start(source, "main.handler")
    platform = lambda_.connection()
    request = platform.invoke("x")
    assert (request.headers["content-type"], request.body) == ("text/plain", b"written")
    kind = request.trailers.get("lambda-runtime-function-error-type")
    assert kind == (None if end else "Function.StreamClosed")
    assert platform.read().call == NEXT
    assert ("too late" if end else "had not ended its stream") in lambda_.output
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert "shutdown" in lambda_.output


def test_an_event_that_the_handler_cannot_take_is_explained_without_a_traceback(
    start: Start,
) -> None:
    source = """
    from adapter import LambdaHandler

    async def app(scope, receive, send):
        raise AssertionError

    handler = LambdaHandler(app, lifespan="off")
    """
    lambda_ = start(source, "main.handler")
    platform = lambda_.connection()
    assert platform.invoke([1], "id-1").json["errorType"] == "EventError"
    assert platform.read().call == NEXT
    assert "EventError: This event is not an HTTP request" in lambda_.output
    assert "Traceback" not in lambda_.output


@every_runtime
@pytest.mark.parametrize("content_type", ["text/plain; title=日本", "text/plain\\r\\nx: y"])
def test_a_content_type_that_http_cannot_carry_fails_the_invocation_and_no_other(
    run: StartRunning, content_type: str
) -> None:
    running = run(f"""
from adapter import streamify_response

@streamify_response
async def handler(event, stream, context):
    if event == "bad":
        stream.set_content_type("{content_type}")
    stream.set_metadata({{}})
    await stream.write("one two")
""")
    running.client.deliver("bad", "id-0")
    request = running.client.read()
    assert request.call == error_of("id-0")
    assert request.json["errorType"] == "EventError"
    running.client.accept()
    assert running.stream() == b"one two"
    assert running.serves_on()


def test_an_async_function_is_reported_before_lambda_ends_the_environment(start: Start) -> None:
    source = """
    import asyncio

    async def handler(event, context):
        if event == "hang":
            await asyncio.wait_for(asyncio.Event().wait(), 1)
        return event
    """
    platform = start(source, "main.handler", ADAPTER_DEADLINE_MARGIN="119800").connection()
    request = platform.invoke("hang", "id-0", seconds=60)
    assert request.call == error_of("id-0")
    assert request.json["errorType"] == "DeadlineExceeded"
    assert platform.invoke("fine", "id-1").json == "fine"
