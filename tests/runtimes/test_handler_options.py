"""The options of a handler, under every runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adapter.samples.api_events import rest_api_event
from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import NEXT, response_of

if TYPE_CHECKING:
    from tests.support.fake_runtime_api import Request
    from tests.support.runtimes import Running, StartRunning

pytestmark = pytest.mark.process

SECRET = "a-secret-of-the-front-end"

ECHO = """
import json
from adapter import LambdaHandler

async def app(scope, receive, send):
    shown = {name.decode(): value.decode() for name, value in scope["headers"]}
    shown["server"] = scope["server"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(shown).encode()})

handler = LambdaHandler(app, lifespan="off"%s)
"""

ENDLESS = """
import asyncio
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"tick", "more_body": True})
    if scope["path"] == "/listens":
        while (await receive())["type"] != "http.disconnect":
            pass
        print("disconnected", flush=True)
    elif scope["path"] == "/sends":
        try:
            while True:
                await asyncio.sleep(0.01)
                await send({"type": "http.response.body", "body": b".", "more_body": True})
        except OSError:
            print("disconnected", flush=True)
            raise
    else:
        try:
            await asyncio.Event().wait()
        finally:
            print("cancelled", flush=True)

handler = LambdaHandler(app, lifespan="off", max_stream_seconds=0.2)
"""

TWO_KINDS = """
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})

def invoke_mode(event):
    return "response_stream" if event["path"] == "/chat" else "buffered"

handler = LambdaHandler(app, lifespan="off", invoke_mode=invoke_mode)
"""


def outcome(running: Running, event: object, request_id: str = "id-1") -> Request:
    """Deliver ``event``; return the response that the adapter sends."""
    running.client.deliver(event, request_id)
    request = running.ours.read()
    running.ours.accept()
    assert request.call == response_of(request_id), running.platform.output
    return request


def seen(running: Running, headers: dict[str, str], request_id: str = "id-1") -> dict[str, Any]:
    """Return the headers that the app sees."""
    event = function_url_event("/", headers=headers)
    shown: dict[str, Any] = json.loads(outcome(running, event, request_id).content)
    return shown


def test_the_host_of_the_viewer_comes_from_the_front_end_that_is_named_alone(
    run: StartRunning,
) -> None:
    options = f', trusted_host_header="x-viewer-host", trusted_front_end="x-proof: {SECRET}"'
    running = run(ECHO % options)
    genuine = seen(running, {"x-viewer-host": "shop.example", "x-proof": SECRET})
    assert (genuine["host"], genuine["server"]) == ("shop.example", ["shop.example", 443])
    spoofed = seen(running, {"x-viewer-host": "evil.example", "x-proof": "guessed"}, "id-2")
    assert ".lambda-url." in spoofed["host"]
    assert not {"x-viewer-host", "x-proof"} & spoofed.keys()


def test_the_host_of_the_viewer_needs_a_front_end(run: StartRunning) -> None:
    running = run(ECHO % ', trusted_host_header="x-viewer-host"')
    request = running.client.read()
    running.client.accept()
    assert "trusted_front_end" in json.dumps(request.json)


def test_the_app_reads_its_own_authorization_beside_a_signature(run: StartRunning) -> None:
    running = run(ECHO % ', authorization_source="x-authorization"')
    headers = {"authorization": "AWS4-HMAC-SHA256 x", "x-authorization": "Bearer token"}
    assert seen(running, headers)["authorization"] == "Bearer token"


def test_one_function_has_both_kinds_of_route(run: StartRunning) -> None:
    running = run(TWO_KINDS)
    mode = "lambda-runtime-function-response-mode"
    streamed = outcome(running, rest_api_event("/chat"))
    assert streamed.headers[mode] == "streaming"
    buffered = outcome(running, rest_api_event("/image"), "id-2")
    assert mode not in buffered.headers
    assert buffered.json["statusCode"] == 200


def test_a_wrapper_that_responds_by_itself_does_so_in_the_mode_of_its_event(
    run: StartRunning,
) -> None:
    refusing = "inner = handler\ndef handler(event, context): return {'statusCode': 401}"
    running = run(f"{TWO_KINDS}\n{refusing}")
    mode = "lambda-runtime-function-response-mode"
    assert outcome(running, rest_api_event("/chat")).headers[mode] == "streaming"
    running.client.deliver(rest_api_event("/image"), "id-2")
    request = running.client.read()
    running.client.accept()
    assert mode not in request.headers
    assert request.json == {"statusCode": 401}


@pytest.mark.parametrize(
    ("path", "printed"),
    [("/listens", "disconnected"), ("/sends", "disconnected"), ("/hangs", "cancelled")],
)
def test_a_stream_ends_well_after_its_time_and_the_next_event_is_served(
    run: StartRunning, path: str, printed: str
) -> None:
    running = run(ENDLESS)
    request = outcome(running, function_url_event(path))
    assert request.content.startswith(b"tick")
    assert request.trailers == {}
    running.platform.wait_for(printed)
    assert running.client.read().call == NEXT
    assert "ERROR" not in running.platform.output


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_request_is_logged_when_it_is_over(run: StartRunning, log_format: str) -> None:
    environ = {"ADAPTER_ACCESS_LOG": "on", "AWS_LAMBDA_LOG_FORMAT": log_format}
    running = run(ECHO % "", environ)
    outcome(running, function_url_event("/a", query="b=c"))
    running.platform.wait_for("HTTP/1.1")
    [line] = [line for line in running.platform.output.splitlines() if "HTTP/1.1" in line]
    if log_format == "Text":
        assert '"GET /a HTTP/1.1" 200' in line
        assert "[INFO]" in line
    else:
        record = json.loads(line)
        assert (record["method"], record["route"], record["status"]) == ("GET", "/a", 200)
        assert (record["source"], record["coldStart"]) == ("function URL", True)
        assert (record["level"], record["requestId"]) == ("INFO", "id-1")


def test_no_request_is_logged_unless_it_is_asked_for(run: StartRunning) -> None:
    running = run(ECHO % "")
    outcome(running, function_url_event("/"))
    assert running.client.read().call == NEXT
    assert "HTTP/1.1" not in running.platform.output


def test_a_cold_start_is_the_first_invocation_even_if_another_handler_has_served_it(
    run: StartRunning,
) -> None:
    running = run("""
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one two"})

def tell(summary):
    print("cold", summary.request_id, summary.cold_start, flush=True)

first = LambdaHandler(app, lifespan="off")
others = LambdaHandler(app, lifespan="off", on_complete=tell)

def handler(event, context):
    return (first if context.aws_request_id == "id-1" else others)(event, context)
""")
    assert running.stream("id-1") == b"one two"
    assert running.serves_on("id-2")
    running.platform.wait_for("cold id-2 False")
