"""The response that a wrapper makes by itself, before the handler or in its place."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import every_runtime
from tests.support.fake_runtime_api import NEXT, error_of, response_of
from tests.support.runtimes import APP, EVENT

if TYPE_CHECKING:
    from tests.runtimes.conftest import Runtime
    from tests.support.fake_runtime_api import Request
    from tests.support.runtimes import Running, StartRunning

pytestmark = every_runtime

# Responds with what the body of the event says, and otherwise by the handler.
OWN = (
    APP
    + """
import json

inner = LambdaHandler(app{options})

def handler(event, context):
    if "body" in event:
        return json.loads(event["body"])
    return inner(event, context)
"""
)
STREAMING = OWN.replace("{options}", "")


def asking_for(result: object) -> dict[str, Any]:
    """Return the event that has the wrapper respond with ``result``."""
    event: dict[str, Any] = function_url_event("/")
    return event | {"body": json.dumps(result), "isBase64Encoded": False}


def http_api(event: dict[str, Any]) -> dict[str, Any]:
    domain = {"domainName": "abc.execute-api.eu-west-1.amazonaws.com", "http": {"method": "GET"}}
    return event | {"requestContext": domain}


def outcome(running: Running, event: object, request_id: str = "id-1", *, ours: bool) -> Request:
    """Deliver ``event``; return what is posted, on the connection for streams if ``ours``."""
    running.client.deliver(event, request_id)
    peer = running.ours if ours else running.client
    request = peer.read()
    peer.accept()
    assert request.call == response_of(request_id)
    return request


class Streamed(NamedTuple):
    """A result of a wrapper, and the response of HTTP that it is."""

    result: dict[str, Any]
    prelude: dict[str, Any]
    body: bytes


JSON = {"content-type": "application/json"}
STREAMED = [
    Streamed({"statusCode": 401, "body": "no"}, {"statusCode": 401, "headers": JSON}, b"no"),
    Streamed({"statusCode": 401}, {"statusCode": 401, "headers": JSON}, b""),
    Streamed({"statusCode": 204}, {"statusCode": 204, "headers": {}}, b""),
    Streamed({"statusCode": 204, "body": "no"}, {"statusCode": 204, "headers": {}}, b""),
    Streamed({"statusCode": 304, "body": "no"}, {"statusCode": 304, "headers": {}}, b""),
    Streamed({"statusCode": 401, "body": "no\ud800"}, {"statusCode": 401, "headers": JSON}, b"no?"),
    Streamed({"statusCode": 200, "body": None}, {"statusCode": 200, "headers": JSON}, b""),
    Streamed(
        {"statusCode": 200, "body": "né"}, {"statusCode": 200, "headers": JSON}, "né".encode()
    ),
    Streamed(
        {"statusCode": 302, "headers": {"Location": "/login", "X-N": 1}, "cookies": ["a=1", "b=2"]},
        {
            "statusCode": 302,
            "headers": {"location": "/login", "x-n": "1", **JSON},
            "cookies": ["a=1", "b=2"],
        },
        b"",
    ),
    Streamed(
        {"statusCode": 200, "multiValueHeaders": {"X-A": ["1", "2"]}, "body": "b"},
        {"statusCode": 200, "headers": {"x-a": "1, 2", **JSON}},
        b"b",
    ),
    Streamed(
        {
            "statusCode": 200,
            "headers": {"Content-Type": "image/png"},
            "body": base64.b64encode(b"\x00\xff").decode(),
            "isBase64Encoded": True,
        },
        {"statusCode": 200, "headers": {"content-type": "image/png"}},
        b"\x00\xff",
    ),
]
UNTOUCHED = [
    {"ok": True},
    [{"statusCode": 401}],
    "statusCode",
    None,
    7,
    {"statusCode": "401", "body": "no"},
    {"statusCode": True},
    {"statusCode": 99},
    {"statusCode": 200, "body": {"not": "text"}},
    {"statusCode": 200, "body": "abc", "isBase64Encoded": True},
    {"statusCode": 200, "headers": {"bad name": "x"}},
    {"nested": {"statusCode": 401}},
]


def test_a_response_of_its_own_is_head_and_body_on_a_streaming_url(run: StartRunning) -> None:
    running = run(STREAMING)
    for number, case in enumerate(STREAMED):
        request = outcome(running, asking_for(case.result), f"id-{number}", ours=True)
        assert (request.prelude, request.content) == (case.prelude, case.body)
    assert running.serves_on("id-last")
    log = running.platform.output
    assert not [word for word in ("ERROR", "WARNING", "Traceback") if word in log]


def test_bytes_are_posted_as_they_are(run: StartRunning) -> None:
    source = "inner = LambdaHandler(app)\ndef handler(event, c): return event['body'].encode()"
    request = outcome(run(APP + source), asking_for({"statusCode": 401, "body": "no"}), ours=False)
    assert request.json == {"statusCode": 401, "body": "no"}
    assert "lambda-runtime-function-response-mode" not in request.headers


def test_what_is_no_response_of_http_is_posted_as_it_is(run: StartRunning) -> None:
    running = run(STREAMING)
    for number, result in enumerate(UNTOUCHED):
        request = outcome(running, asking_for(result), f"id-{number}", ours=False)
        assert request.json == result
        assert "lambda-runtime-function-response-mode" not in request.headers
    assert running.serves_on("id-last")


@pytest.mark.parametrize(
    ("options", "event"),
    [
        pytest.param("", http_api(asking_for({"statusCode": 401, "body": "no"})), id="HTTP API"),
        pytest.param(
            ", invoke_mode='buffered'",
            asking_for({"statusCode": 401, "body": "no"}),
            id="buffered",
        ),
        pytest.param("", {"body": '{"statusCode": 401, "body": "no"}'}, id="no request of HTTP"),
    ],
)
def test_where_nothing_is_streamed_a_response_is_posted_as_it_is(
    run: StartRunning, options: str, event: object
) -> None:
    running = run(OWN.replace("{options}", options))
    assert outcome(running, event, ours=False).json == {"statusCode": 401, "body": "no"}
    assert running.client.read().call == NEXT


def test_where_the_function_invoke_mode_raises_a_response_is_posted_as_it_is(
    run: StartRunning,
) -> None:
    running = run(OWN.replace("{options}", ", invoke_mode=lambda event: event['nothing']"))
    event = asking_for({"statusCode": 401, "body": "no"})
    assert outcome(running, event, ours=False).json == {"statusCode": 401, "body": "no"}
    assert running.client.read().call == NEXT
    assert "KeyError: 'nothing'" in running.platform.output


# Each event goes through the method, as through a wrapper around the handler.
OVERRIDING = (
    APP
    + """
import json

class Guarded(LambdaHandler):
    def __call__(self, event, context):
        if "body" in event:
            return json.loads(event["body"])
        response = super().__call__(event, context)
        response.setdefault("headers", {})["x-after"] = "yes"
        return response

handler = Guarded(app)
"""
)


def test_a_class_with_a_call_of_its_own_responds_as_a_wrapper_does(run: StartRunning) -> None:
    running = run(OVERRIDING)
    own = asking_for({"statusCode": 401, "body": "no"})
    request = outcome(running, own, ours=True)
    assert (request.prelude["statusCode"], request.content) == (401, b"no")
    assert outcome(running, EVENT, "id-2", ours=True).content == b"one two"
    request = outcome(running, http_api(EVENT), "id-3", ours=False)
    assert (request.json["body"], request.json["headers"]["x-after"]) == ("one two", "yes")
    assert running.platform.output.count("startup") == 1


def test_a_function_without_a_handler_of_the_adapter_is_left_alone(run: StartRunning) -> None:
    source = "import adapter.handler, json\ndef handler(event, c): return json.loads(event['body'])"
    running = run(source)
    event = asking_for({"statusCode": 401, "body": "no"})
    assert outcome(running, event, ours=False).json == {"statusCode": 401, "body": "no"}


def test_a_response_that_an_error_handler_makes_of_what_the_handler_raised_is_streamed(
    run: StartRunning,
) -> None:
    source = (
        APP
        + """
async def failing(scope, receive, send):
    if scope["type"] == "http":
        raise ValueError("no")
    await app(scope, receive, send)

inner = LambdaHandler(failing, errors="raise")

def handler(event, context):
    try:
        return inner(event, context)
    except ValueError as error:
        return {"statusCode": 503, "body": str(error)}
"""
    )
    request = outcome(run(source), EVENT, ours=True)
    assert (request.prelude["statusCode"], request.content) == (503, b"no")


# A wrapper that counts what has failed, and responds in its own way to it.
MEASURING = (
    APP
    + """
ERRORS = {
    "/raises": ValueError("no"),
    "/exits": SystemExit(3),
    "/is-interrupted": KeyboardInterrupt(),
}

async def failing(scope, receive, send):
    if scope["type"] == "lifespan":
        return await app(scope, receive, send)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    if scope["path"] == "/returns":
        return
    if scope["path"] in ERRORS:
        raise ERRORS[scope["path"]]
    await send({"type": "http.response.body", "body": b" and all"})

inner = LambdaHandler(failing, errors="{errors}")

def handler(event, context):
    try:
        result = inner(event, context)
    except Exception as error:
        print("<failed", type(error).__name__, error, ">", flush=True)
        {then}
    print("<well", result, ">", flush=True)
    return result
"""
)


LATE = {
    "/raises": "ValueError",
    "/returns": "UnexpectedMessage",
    "/exits": "SystemExit",
    "/is-interrupted": "KeyboardInterrupt",
}


@pytest.mark.parametrize("errors", ["respond", "raise"])
@pytest.mark.parametrize("then", ["raise", "return {'statusCode': 500}"])
def test_a_failure_in_mid_stream_is_an_exception_to_it_and_trailers_to_the_client(
    run: StartRunning, errors: str, then: str
) -> None:
    running = run(MEASURING.replace("{errors}", errors).replace("{then}", then))
    for path, kind in LATE.items():
        request = outcome(running, function_url_event(path), f"id-{kind}", ours=True)
        assert request.content == b"part"
        assert request.trailers["lambda-runtime-function-error-type"].endswith(f".{kind}")
        request = outcome(running, EVENT, f"id-after-{kind}", ours=True)
        assert (request.content, request.trailers) == (b"part and all", {})
    assert running.client.read().call == NEXT
    said = re.findall("<(.*) >", running.platform.output)
    failed, well = said[::2], said[1::2]
    assert all(kind in line for kind, line in zip(LATE.values(), failed, strict=True))
    assert well == ["well {'statusCode': 200}"] * len(LATE)


def test_a_large_error_of_its_own_is_reported_within_256_KiB(run: StartRunning) -> None:
    running = run(APP + "handler_of_ours = LambdaHandler(app)\n" + LARGE_ERROR)
    running.client.deliver(EVENT)
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ValueError")
    assert request.json["errorMessage"].startswith("xxx")
    assert len(request.body) <= 256 * 1024


LARGE_ERROR = """
def handler(event, context):
    raise ValueError("x" * 8 * 1024 * 1024)
"""


def test_a_response_that_the_platform_refuses_in_mid_stream_is_an_exception_to_it(
    run: StartRunning,
) -> None:
    source = """
import asyncio

async def endless(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        await asyncio.sleep(0.001)

inner = LambdaHandler(endless, lifespan="off")

def handler(event, context):
    try:
        return inner(event, context)
    except Exception as error:
        print("<failed", type(error).__name__, ">", flush=True)
        raise
"""
    running = run(APP + source)
    running.client.deliver(EVENT)
    request = running.ours.head()
    assert running.ours.chunk(request)
    running.ours.reply(413)
    running.platform.wait_for("<failed ClientDisconnected >")


# Names as platforms may know them, and what the platform is told: it keeps the whole string.
ERROR_NAMES = ["OAuth2Error", "HTTP_Error"]


@pytest.mark.parametrize("name", ERROR_NAMES)
@pytest.mark.parametrize("place", ["wrapper", "handler", "stream"])
def test_an_error_keeps_its_name(
    run: StartRunning, runtime: Runtime, name: str, place: str
) -> None:
    source = f"""
class {name}(Exception):
    pass

async def failing(scope, receive, send):
    if scope["type"] == "http":
        if "{place}" == "stream":
            await send({{"type": "http.response.start", "status": 200}})
            await send({{"type": "http.response.body", "body": b"part", "more_body": True}})
        raise {name}("no")
    await app(scope, receive, send)

handler = LambdaHandler(failing, errors="raise")

def fail(event, context):
    raise {name}("no")

if "{place}" == "wrapper":
    inner, handler = handler, fail
"""
    running = run(APP + source)
    running.client.deliver(EVENT)
    if place == "stream":
        request = running.ours.read()
        assert request.trailers["lambda-runtime-function-error-type"] == f"Function.{name}"
        return
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), name)
    if runtime.is_native:  # AWS's client names no type to the platform
        assert request.headers["lambda-runtime-function-error-type"] == f"Function.{name}"
