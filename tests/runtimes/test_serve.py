from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.apps import ENDLESS, EVENT, HELLO, LIFESPAN, STEPS
from tests.support.fake_runtime_api import ARN, NEXT, error_of, response_of

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Request

ERROR_TYPE = "lambda-runtime-function-error-type"
ERROR_BODY = "lambda-runtime-function-error-body"

RAISES = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/early":
        raise ValueError("too early")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    raise ValueError("é" * 5000)
"""

# Responds with what the app can see of its invocation.
LOOK = """
import json, os
from contextvars import ContextVar
from adapter import xray_trace_id

leak = ContextVar("leak", default="clean")

async def app(scope, receive, send):
    assert scope["type"] == "http"
    context = scope["aws.context"]
    seen = {
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "asked": xray_trace_id(),
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "tenant": context.tenant_id,
        "identity": context.identity.cognito_identity_id,
        "client": context.client_context and context.client_context.custom,
        "leak": leak.get(),
    }
    leak.set("leaked")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""


def error_in_trailers(request: Request) -> Any:
    return json.loads(base64.b64decode(request.trailers[ERROR_BODY], validate=True))


def test_a_response_is_one_chunked_post_that_declares_its_trailers(start: Start) -> None:
    platform = start(HELLO).connection()
    platform.deliver(EVENT, "id-7")
    request = platform.read()
    assert request.call == response_of("id-7")
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert request.headers["trailer"].lower().split(", ") == [ERROR_TYPE, ERROR_BODY]
    assert "content-length" not in request.headers
    assert request.prelude["statusCode"] == 200
    assert request.content == b"hello"
    assert request.trailers == {}
    assert platform.is_silent()  # until the platform has taken the response
    platform.accept()
    assert platform.read().call == NEXT  # on the same connection


def test_every_body_message_is_a_chunk_of_its_own_before_the_next_one_is_made(start: Start) -> None:
    lambda_ = start(STEPS)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    (lambda_.root / "go-0").touch()
    request = platform.head()
    while not request.content:
        platform.chunk(request)
    for number in range(1, 9):
        (lambda_.root / f"go-{number}").touch()
        assert platform.chunk(request) == b"%d" % number


def test_three_invocations_share_one_lifespan_and_its_state(start: Start) -> None:
    lambda_ = start(LIFESPAN)
    extension = lambda_.connection()
    extension.read()
    extension.reply(200, b"{}", Lambda_Extension_Identifier="ext-1")
    platform = lambda_.connection()
    replies = [platform.invoke(EVENT, f"id-{number}").content for number in range(3)]
    assert replies == [b"1", b"2", b"3"]
    assert lambda_.output.count("startup") == 1
    assert "shutdown" not in lambda_.output


def test_the_context_is_the_invocations_own_and_context_variables_do_not_leak(start: Start) -> None:
    platform = start(LOOK).connection()
    first = json.loads(
        platform.invoke(
            EVENT,
            "id-1",
            Lambda_Runtime_Trace_Id="Root=1-2-3;Sampled=0",
            Lambda_Runtime_Aws_Tenant_Id="blue",
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId": "me"}',
            Lambda_Runtime_Client_Context='{"custom": {"a": 1}}',
        ).content
    )
    assert first == {
        "trace": "Root=1-2-3;Sampled=0",
        "asked": "Root=1-2-3;Sampled=0",
        "id": "id-1",
        "arn": ARN,
        "name": "shop",
        "tenant": "blue",
        "identity": "me",
        "client": {"a": 1},
        "leak": "clean",
    }
    second = json.loads(platform.invoke(EVENT, "id-2").content)
    nothing = {"trace": None, "asked": None, "tenant": None, "identity": None, "client": None}
    assert second == {**first, **nothing, "id": "id-2"}


def test_headers_that_are_there_but_empty_mean_absent(start: Start) -> None:
    platform = start(LOOK).connection()
    platform.deliver(
        EVENT,
        Lambda_Runtime_Trace_Id="",
        Lambda_Runtime_Aws_Tenant_Id="",
        Lambda_Runtime_Cognito_Identity="",
        Lambda_Runtime_Client_Context="",
        Lambda_Runtime_Invocation_Id="",
    )
    request = platform.read()
    assert "lambda-runtime-invocation-id" not in request.headers
    seen = json.loads(request.content)
    assert {seen[key] for key in ("trace", "tenant", "identity", "client")} == {None}


@pytest.mark.parametrize("path", ["/", "/early"], ids=["with-the-response", "with-the-error"])
def test_the_nonce_of_a_delivery_goes_back_with_its_outcome(start: Start, path: str) -> None:
    platform = start(RAISES, ADAPTER_ERRORS="raise").connection()
    platform.deliver(function_url_event(path), Lambda_Runtime_Invocation_Id="nonce-1")
    assert platform.read().headers["lambda-runtime-invocation-id"] == "nonce-1"
    platform.accept()
    platform.deliver(function_url_event(path))
    assert "lambda-runtime-invocation-id" not in platform.read().headers


def test_a_failure_before_the_first_byte_is_an_error_of_the_invocation_when_asked(
    start: Start,
) -> None:
    lambda_ = start(RAISES, ADAPTER_ERRORS="raise")
    platform = lambda_.connection()
    request = platform.invoke(function_url_event("/early"), "id-1")
    assert request.call == error_of("id-1")
    assert request.headers[ERROR_TYPE] == "Function.ValueError"
    assert request.json["errorType"] == "ValueError"
    assert request.json["errorMessage"] == "too early"
    assert request.json["requestId"] == "id-1"
    assert "main.py" in request.json["stackTrace"][-1]
    assert platform.read().call == NEXT
    lines = [line for line in lambda_.output.splitlines() if "id-1" in line]
    assert len(lines) == 1
    assert "ValueError: too early" in lambda_.output


def test_a_failure_after_the_first_byte_is_reported_in_trailers_small_enough_for_the_platform(
    start: Start,
) -> None:
    lambda_ = start(RAISES)
    platform = lambda_.connection()
    request = platform.invoke(EVENT, "id-1")
    assert request.content == b"so far"
    assert request.trailers[ERROR_TYPE] == "Function.ValueError"
    assert len(request.trailers[ERROR_BODY]) <= 3000
    error = error_in_trailers(request)
    assert error["errorType"] == "ValueError"
    assert error["errorMessage"].startswith("ééé")
    assert error["requestId"] == "id-1"
    assert platform.read().call == NEXT


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        pytest.param({}, "Runtime.UnmarshalError", id="event"),
        pytest.param(
            {"Lambda_Runtime_Client_Context": "{"},
            "Runtime.LambdaContextUnmarshalError",
            id="client-context",
        ),
        pytest.param(
            {"Lambda_Runtime_Cognito_Identity": "[]"},
            "Runtime.LambdaContextUnmarshalError",
            id="identity",
        ),
    ],
)
def test_what_cannot_be_read_fails_its_invocation_and_no_other(
    start: Start, headers: dict[str, str], kind: str
) -> None:
    platform = start(HELLO).connection()
    request = platform.invoke(EVENT if headers else b"{", "id-1", **headers)
    assert request.call == error_of("id-1")
    assert request.headers[ERROR_TYPE] == kind
    assert request.json["errorType"] == kind
    assert platform.invoke(EVENT).content == b"hello"


def test_an_event_of_6_MiB_arrives_whole(start: Start) -> None:
    source = """
    import hashlib

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(body)})
    """
    size = 6 * 1024 * 1024 * 3 // 4 - 2000
    event = function_url_event("/", method="POST", body=os.urandom(size))
    assert len(json.dumps(event)) > 6_280_000
    platform = start(source).connection()
    assert platform.invoke(event).content == b"%d" % size


def test_an_event_of_another_type_than_json_comes_as_bytes_as_under_AWSs_runtime(
    start: Start,
) -> None:
    source = "def handler(event, context): return [type(event).__name__, event.decode()]"
    platform = start(source, "main.handler").connection()
    assert platform.invoke(b"a,b", Content_Type="text/csv").json == ["bytes", "a,b"]


@pytest.mark.parametrize("deadline", ["", "soon", "-1"])
def test_without_a_deadline_the_app_has_its_time(start: Start, deadline: str) -> None:
    source = """
    import asyncio

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
    """
    platform = start(source).connection()
    platform.deliver(EVENT, Lambda_Runtime_Deadline_Ms=deadline)
    assert platform.read().content == b"hello"


def test_what_is_not_streamed_is_posted_in_one_piece(start: Start) -> None:
    platform = start(HELLO, ADAPTER_INVOKE_MODE="buffered").connection()
    request = platform.invoke(EVENT, "id-1", Lambda_Runtime_Invocation_Id="nonce-1")
    assert request.call == response_of("id-1")
    assert request.json["body"] == "hello"
    assert request.headers["lambda-runtime-invocation-id"] == "nonce-1"
    assert "lambda-runtime-function-response-mode" not in request.headers
    assert "transfer-encoding" not in request.headers
    assert platform.read().call == NEXT


def test_a_buffered_failure_is_an_error_of_the_invocation_when_asked(start: Start) -> None:
    environ = {"ADAPTER_INVOKE_MODE": "buffered", "ADAPTER_ERRORS": "raise"}
    platform = start(RAISES, **environ).connection()
    for path in ("/early", "/late"):
        assert platform.invoke(function_url_event(path)).call == error_of("id-1")


def test_no_event_is_asked_for_while_an_app_outlives_its_deadline(start: Start) -> None:
    source = """
    import asyncio, os

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        while not os.path.exists("go"):
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                print("not me", flush=True)
        print("the app has ended", flush=True)
    """
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT, seconds=0.4)
    response = platform.read()
    assert response.prelude["statusCode"] == 504
    platform.accept()
    assert platform.is_silent()
    (lambda_.root / "go").touch()
    assert platform.read().call == NEXT
    assert "not me" in lambda_.output
    assert "the app has ended" in lambda_.output


def test_work_after_the_response_is_awaited_before_the_next_event(start: Start) -> None:
    source = HELLO + "    print('background work', flush=True)\n"
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    assert platform.read().call == NEXT
    assert "background work" in lambda_.output


def test_a_reader_that_stops_makes_send_wait_and_memory_stays_flat(start: Start) -> None:
    source = """
    import asyncio, os, resource, threading, time

    progress = 0

    def watch():
        seen = -1
        while seen != progress or not progress:  # no send has returned for a while
            seen = progress
            time.sleep(0.2)
        with open("stuck", "w") as file:
            file.write(f"{progress} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")

    async def app(scope, receive, send):
        global progress
        assert scope["type"] == "http"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await send({"type": "http.response.start", "status": 200, "headers": []})
        threading.Thread(target=watch).start()
        chunk = bytes(65536)
        for progress in range(1, 3201):  # 200 MiB
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await send({"type": "http.response.body", "body": b"%d" % (after - before)})
    """
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT, seconds=300)
    stuck = lambda_.root / "stuck"
    while not (stuck.exists() and stuck.read_text()):
        platform.is_silent(0.05)  # and nothing is read
    assert int(stuck.read_text().split()[0]) < 3000
    request = platform.head()
    size, last = 0, b""
    while chunk := platform.chunk(request):
        size += len(chunk)
        request.chunks.clear()
        last = chunk
    assert size > 200 * 1024 * 1024
    assert int(last) < 8 * 1024  # KiB


def test_a_connection_that_was_dropped_between_invocations_is_opened_again(start: Start) -> None:
    lambda_ = start(HELLO)
    first = lambda_.connection()
    first.invoke(EVENT, "id-1")
    first.read()
    first.close()  # with a `next` under way, as when an environment thaws
    second = lambda_.connection()
    assert second.invoke(EVENT, "id-2").content == b"hello"


def test_a_reply_that_closes_the_connection_costs_a_new_one_and_nothing_else(
    start: Start,
) -> None:
    lambda_ = start(HELLO)
    for number in range(2):
        lambda_.connection().deliver(EVENT, f"id-{number}", Connection="close")
        platform = lambda_.connection()
        assert platform.read().call == response_of(f"id-{number}")
        platform.reply(202, Connection="close")


def test_an_event_may_come_in_chunks_or_end_with_its_connection(start: Start) -> None:
    lambda_ = start(HELLO)
    platform = lambda_.connection()
    head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n"
    body = json.dumps(EVENT).encode()
    platform.read()
    pieces = [body[:10], body[10:11], body[11:]]
    platform.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    for piece in pieces:
        platform.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    platform.send(b"0\r\n\r\n")
    assert platform.read().content == b"hello"
    platform.accept()
    platform.read()
    platform.send(f"{head}\r\n".encode() + body)
    platform.close()
    assert lambda_.connection().read().content == b"hello"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(b"what?\r\n\r\n", "Not a status line", id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "request id", id="no-id"),
        pytest.param(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", "500: no", id="500"),
        pytest.param(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", "403: no", id="403"),
    ],
)
def test_a_next_that_brings_no_event_ends_the_environment_and_says_why(
    start: Start, reply: bytes, reason: str
) -> None:
    lambda_ = start(HELLO)
    platform = lambda_.connection()
    platform.read()
    platform.send(reply)
    assert lambda_.exit_code() == 1
    assert reason in lambda_.output


def test_a_runtime_api_that_is_gone_ends_the_environment(start: Start) -> None:
    lambda_ = start(ENDLESS)
    platform = lambda_.connection()
    platform.read()
    lambda_.stop_listening()
    platform.close()
    assert lambda_.exit_code() == 1
    assert "The environment ends" in lambda_.output
