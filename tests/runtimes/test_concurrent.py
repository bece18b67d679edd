from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.apps import EVENT, LIFESPAN
from tests.support.fake_runtime_api import NEXT, Peer, error_of

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Platform

N = 4

# Waits for the file that the query names, then tells what it sees of its own invocation.
WAIT = """
import asyncio, json, logging, os

from adapter import xray_trace_id

running = 0

async def app(scope, receive, send):
    global running
    assert scope["type"] == "http"
    running += 1
    name = scope["query_string"].decode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
    while not os.path.exists(name):
        await asyncio.sleep(0.005)
    logging.warning("about %s", name)
    seen = {
        "id": scope["aws.context"].aws_request_id,
        "trace": xray_trace_id(),
        "thread": await asyncio.to_thread(xray_trace_id),
        "environ": os.environ.get("_X_AMZN_TRACE_ID"),
        "pid": os.getpid(),
        "running": running,
    }
    running -= 1
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""


def event_for(name: str) -> object:
    return function_url_event("/", query=name)


def asking(lambda_: Platform, count: int = N) -> list[Peer]:
    """The connections of the workers, all with a `next` under way."""
    peers = [lambda_.connection() for _ in range(count)]
    for peer in peers:
        assert peer.read().call == NEXT
    return peers


def test_as_many_events_are_asked_for_as_may_be_served_at_once(start: Start) -> None:
    lambda_ = start(LIFESPAN, AWS_LAMBDA_MAX_CONCURRENCY=str(N), ADAPTER_SHUTDOWN="off")
    peers = asking(lambda_)
    assert all(peer.is_silent(0.01) for peer in peers)
    assert lambda_.output.count("startup") == 1


def test_invocations_overlap_in_one_process_and_each_sees_only_its_own(start: Start) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY=str(N), AWS_LAMBDA_LOG_FORMAT="JSON")
    peers = asking(lambda_)
    requests = []
    for number, peer in enumerate(peers):
        tenant, trace = f"tenant-{number}", f"Root={number}"
        peer.event(
            event_for(f"go-{number}"),
            f"id-{number}",
            Lambda_Runtime_Aws_Tenant_Id=tenant,
            Lambda_Runtime_Trace_Id=trace,
        )
        requests.append(peer.head())
        while b"begun" not in requests[-1].content:
            peer.chunk(requests[-1])
    for number in (2, 0, 3, 1):
        (lambda_.root / f"go-{number}").touch()
        while peers[number].chunk(requests[number]):
            pass
        peers[number].accept()
        assert peers[number].read().call == NEXT
    seen = [json.loads(request.content.removeprefix(b"begun ")) for request in requests]
    assert [one["id"] for one in seen] == [f"id-{number}" for number in range(N)]
    assert [one["trace"] for one in seen] == [f"Root={number}" for number in range(N)]
    assert [one["thread"] for one in seen] == [f"Root={number}" for number in range(N)]
    assert {one["environ"] for one in seen} == {None}
    assert {one["pid"] for one in seen} == {lambda_.process.pid}
    assert max(one["running"] for one in seen) == N
    records = [json.loads(line) for line in lambda_.output.splitlines()]
    assert {(r["message"], r["requestId"], r["tenantId"]) for r in records} == {
        (f"about go-{number}", f"id-{number}", f"tenant-{number}") for number in range(N)
    }


@pytest.mark.parametrize("concurrency", ["1", "3"])
def test_one_is_a_number_too_and_has_the_same_rules(start: Start, concurrency: str) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY=concurrency)
    (lambda_.root / "go").touch()
    peers = asking(lambda_, int(concurrency))
    peers[-1].event(event_for("go"))
    seen = json.loads(peers[-1].read().content.removeprefix(b"begun "))
    assert seen["environ"] is None
    peers[-1].refuse(403)
    assert peers[-1].read().call == NEXT


@pytest.mark.parametrize("status", [400, 403, 410, 413, 500])
def test_no_refusal_ends_the_process_or_troubles_another_invocation(
    start: Start, status: int
) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY="2")
    one, other = asking(lambda_, 2)
    one.event(event_for("go-1"), "id-1")
    other.event(event_for("go-2"), "id-2")
    request = other.head()
    (lambda_.root / "go-1").touch()
    assert b"begun" in one.read().content
    one.refuse(status)
    assert one.read().call == NEXT
    (lambda_.root / "go-2").touch()
    while other.chunk(request):
        pass
    assert json.loads(request.content.removeprefix(b"begun "))["id"] == "id-2"
    other.accept()
    assert other.read().call == NEXT
    told = f"returned {status}" if status in (403, 500) else f"({status})"
    assert sum("id-1" in line and told in line for line in lambda_.output.splitlines()) == 1


@pytest.mark.parametrize("end", ["reset", "close", "garbage"])
def test_a_connection_that_breaks_costs_its_own_invocation_alone(start: Start, end: str) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY="2")
    one, other = asking(lambda_, 2)
    other.event(event_for("go-2"), "id-2")
    request = other.head()
    one.event(event_for("never"), "id-1")
    one.chunk(one.head())
    if end == "garbage":
        one.send(b"what?\r\n\r\n")
    else:
        getattr(one, end)()
    (lambda_.root / "never").touch()  # the app learns of it when it writes
    assert lambda_.connection().read().call == NEXT
    (lambda_.root / "go-2").touch()
    while other.chunk(request):
        pass
    assert b"id-2" in request.content


@pytest.mark.parametrize("reply", ["refuse", "garbage", "reset"])
def test_a_next_that_fails_is_tried_again_later(start: Start, reply: str) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY="2")
    (lambda_.root / "go").touch()
    one, other = asking(lambda_, 2)
    if reply == "refuse":
        one.refuse(500)
    elif reply == "garbage":
        one.send(b"what?\r\n\r\n")
    else:
        one.reset()
    if reply != "refuse":
        one = lambda_.connection()
    for peer, name in ((one, "id-1"), (other, "id-2")):
        if peer is one:
            assert peer.read().call == NEXT
        peer.event(event_for("go"), name)
        assert b"begun" in peer.read().content
    assert "retrying in 0.1 s" in lambda_.output


IMPATIENT = "import adapter.native.concurrent as c; c.DELAYS_SECONDS = [0.01, 0.02]\n" + WAIT


def test_a_worker_that_gets_no_event_asks_on_because_nobody_would_miss_it_if_it_gave_up(
    start: Start,
) -> None:
    lambda_ = start(IMPATIENT, AWS_LAMBDA_MAX_CONCURRENCY="2")
    (lambda_.root / "go").touch()
    one, other = asking(lambda_, 2)
    for _ in range(6):  # far more often than there are delays
        one.refuse(500)
        assert one.read().call == NEXT
    for peer, name in ((one, "id-1"), (other, "id-2")):
        peer.event(event_for("go"), name)
        assert b"begun" in peer.read().content
        peer.accept()
        assert peer.read().call == NEXT
    assert lambda_.output.count("retrying in 0.0 s") == 6


def test_when_no_worker_gets_an_event_any_more_the_environment_ends(start: Start) -> None:
    lambda_ = start(IMPATIENT, AWS_LAMBDA_MAX_CONCURRENCY="3", ADAPTER_LIFESPAN="off")
    busy, *others = asking(lambda_, 3)
    busy.event(event_for("go"))
    request = busy.head()
    lambda_.stop_listening()
    for peer in others:
        peer.reset()
    while lambda_.output.count("GET next failed") < 8:
        busy.is_silent(0.01)
    (lambda_.root / "go").touch()  # until now one of them was served, so all was not lost
    while busy.chunk(request):
        pass
    busy.accept()
    assert busy.read().call == NEXT
    busy.reset()
    assert lambda_.exit_code() == 1
    assert lambda_.output.count("The environment ends: ") == 1


def test_an_app_that_outlives_its_deadline_is_counted_and_its_place_is_taken(
    start: Start,
) -> None:
    source = WAIT.replace(
        "        await asyncio.sleep(0.005)\n",
        "        try:\n"
        "            await asyncio.sleep(0.005)\n"
        "        except asyncio.CancelledError:\n"
        "            pass\n",
    )
    lambda_ = start(source, AWS_LAMBDA_MAX_CONCURRENCY="1")
    [first] = asking(lambda_, 1)
    first.event(event_for("never"), "zombie-1", seconds=0.1)
    request = first.read()
    assert request.trailers["lambda-runtime-function-error-type"] == "Function.DeadlineExceeded"
    first.accept()
    [second] = asking(lambda_, 1)
    second.event(event_for("never"), "zombie-2", seconds=0.1)
    second.read()
    second.refuse(410, "InvokeTimeout")
    [third] = asking(lambda_, 1)
    assert "zombie-1 is still running after its deadline. Such invocations: 1" in lambda_.output
    assert "zombie-2 is still running after its deadline. Such invocations: 2" in lambda_.output
    (lambda_.root / "never").touch()
    first.wait_closed()  # the zombies end, and what they held with them
    second.wait_closed()
    third.event(event_for("never"), "id-3")
    assert b'"running": 1' in third.read().content


def test_synchronous_functions_have_a_thread_each(start: Start) -> None:
    source = """
    import threading

    barrier = threading.Barrier(40, timeout=10)

    def handler(event, context):
        barrier.wait()  # passes only when all are here
        return context.aws_request_id
    """
    lambda_ = start(source, "main.handler", AWS_LAMBDA_MAX_CONCURRENCY="40")
    peers = asking(lambda_, 40)
    for number, peer in enumerate(peers):
        peer.event({}, f"id-{number}")
    assert [peer.read().json for peer in peers] == [f"id-{number}" for number in range(40)]


def test_synchronous_functions_that_stream_inside_a_wrapper_have_threads_enough(
    start: Start,
) -> None:
    source = """
    import threading
    from adapter import streamify_response

    barrier = threading.Barrier(8, timeout=10)

    @streamify_response
    def inner(event, stream, context):
        stream.write(context.aws_request_id + " ")
        barrier.wait()
        stream.write(event)

    def handler(event, context):
        return inner(event, context)
    """
    lambda_ = start(source, "main.handler", AWS_LAMBDA_MAX_CONCURRENCY="8")
    peers = asking(lambda_, 8)
    for turn in "ab":
        for number, peer in enumerate(peers):
            peer.event(f"{turn}{number}", f"id-{number}")
        for number, peer in enumerate(peers):
            assert peer.read().body == f"id-{number} {turn}{number}".encode()
            peer.accept()
            assert peer.read().call == NEXT


def test_a_call_from_a_thread_of_a_wrappers_own_responds_to_the_invocation_its_context_names(
    start: Start,
) -> None:
    source = """
    import threading
    from adapter import LambdaHandler

    barrier = threading.Barrier(2, timeout=10)

    async def app(scope, receive, send):
        body = scope["aws.context"].aws_request_id.encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    inner = LambdaHandler(app, lifespan="off")

    def handler(event, context):
        barrier.wait()
        thread = threading.Thread(target=inner, args=(event, context))
        thread.start()
        thread.join()
    """
    lambda_ = start(source, "main.handler", AWS_LAMBDA_MAX_CONCURRENCY="2")
    peers = asking(lambda_, 2)
    for number, peer in enumerate(peers):
        peer.event(EVENT, f"id-{number}")
    assert [peer.read().content for peer in peers] == [b"id-0", b"id-1"]


def test_a_call_that_comes_late_does_not_respond_to_the_retry_of_what_it_was_made_for(
    start: Start,
) -> None:
    source = """
    import os, time
    from adapter import streamify_response

    @streamify_response
    async def inner(event, stream, context):
        await stream.write(event)

    def handler(event, context):
        while not os.path.exists(event):
            time.sleep(0.01)
        return inner(event, context)
    """
    lambda_ = start(source, "main.handler", AWS_LAMBDA_MAX_CONCURRENCY="1")
    [first] = asking(lambda_, 1)
    first.event("late", "the-id", seconds=0.2, Lambda_Runtime_Invocation_Id="nonce-A")
    assert first.read().json["errorType"] == "DeadlineExceeded"
    first.accept()
    [second] = asking(lambda_, 1)
    second.event("retry", "the-id", Lambda_Runtime_Invocation_Id="nonce-B")
    (lambda_.root / "late").touch()
    first.wait_closed()
    assert second.is_silent(), "the late call has responded to the retry"
    (lambda_.root / "retry").touch()
    request = second.read()
    assert request.body == b"retry"
    assert request.headers["lambda-runtime-invocation-id"] == "nonce-B"


def test_synchronous_endpoints_of_a_framework_have_a_thread_each(start: Start) -> None:
    source = """
    import threading

    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    barrier = threading.Barrier(50, timeout=10)  # anyio's own limit is 40

    def endpoint(request):
        barrier.wait()
        return PlainTextResponse("passed")

    app = Starlette(routes=[Route("/", endpoint)])
    """
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": "50", "ADAPTER_SHUTDOWN": "off"}
    lambda_ = start(source, "main:app", **environ)
    peers = asking(lambda_, 50)
    for number, peer in enumerate(peers):
        peer.event(EVENT, f"id-{number}")
    assert {peer.read().content for peer in peers} == {b"passed"}


def test_SIGTERM_lets_the_running_ones_be_finished_and_asks_for_no_more(start: Start) -> None:
    lambda_ = start(WAIT, AWS_LAMBDA_MAX_CONCURRENCY="3")
    idle, quick, slow = asking(lambda_, 3)
    quick.event(event_for("go"), "quick")
    slow.event(event_for("never"), "slow")
    requests = [quick.head(), slow.head()]
    slow.chunk(requests[1])
    (lambda_.root / "go").touch()
    lambda_.terminate()
    while quick.chunk(requests[0]):
        pass
    assert b"quick" in requests[0].content
    assert requests[0].trailers == {}
    quick.accept()
    while slow.chunk(requests[1]):
        pass
    assert requests[1].trailers["lambda-runtime-function-error-type"] == "Function.CancelledError"
    for peer in (idle, quick):
        peer.wait_closed()
    assert lambda_.exit_code() == 0
    assert re.search(r"\[WARNING\]\t.*Invocations still running: 1", lambda_.output)


# The path says what an invocation does; one that waits does so until the file `go` is there.
CANCELS = """
import asyncio, os

async def app(scope, receive, send):
    if scope["path"] == "/cancel":
        for task in asyncio.all_tasks():
            task.cancel()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/streams":
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    while scope["path"] != "/" and not os.path.exists("go"):
        await asyncio.sleep(0.005)
    await send({"type": "http.response.body", "body": b"hello"})
"""


@pytest.mark.parametrize("mode", ["auto", "buffered"])
def test_an_app_that_cancels_all_tasks_ends_the_running_invocations_and_nothing_else(
    start: Start, mode: str
) -> None:
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": "5", "ADAPTER_INVOKE_MODE": mode}
    lambda_ = start(CANCELS, ADAPTER_LIFESPAN="off", **environ)
    idle, done, streaming, waiting, cancelling = asking(lambda_, 5)
    done.event(function_url_event("/"), "done")
    assert b"hello" in done.read().body  # this outcome is not accepted yet
    streaming.event(function_url_event("/streams"), "streaming")
    requests = {}
    if mode == "auto":
        requests[streaming] = streaming.head()
        streaming.chunk(requests[streaming])
    waiting.event(function_url_event("/waits"), "waiting")
    cancelling.event(function_url_event("/cancel"), "cancelling")
    for peer in (streaming, waiting, cancelling):
        request = requests.get(peer) or peer.head()
        while peer.chunk(request):
            pass
        if peer in requests:
            kind = request.trailers["lambda-runtime-function-error-type"]
            assert kind == "Function.CancelledError"
        else:
            head = request.prelude if mode == "auto" else request.json
            assert head["statusCode"] == 500
    assert done.is_silent()
    for peer in (done, streaming, waiting, cancelling):
        peer.accept()
        assert peer.read().call == NEXT
    for peer in (idle, done, streaming, waiting, cancelling):
        peer.event(function_url_event("/"), "next")
        assert b"hello" in peer.read().body
    lambda_.terminate()
    assert lambda_.exit_code() == 0


def test_a_failure_before_the_first_byte_is_reported_under_its_own_id(start: Start) -> None:
    source = "def handler(event, context): raise ValueError(event)"
    lambda_ = start(source, "main.handler", AWS_LAMBDA_MAX_CONCURRENCY="2")
    peers = asking(lambda_, 2)
    for number, peer in enumerate(peers):
        peer.event(f"no {number}", f"id-{number}")
    for number, peer in enumerate(peers):
        request = peer.read()
        assert request.call == error_of(f"id-{number}")
        assert request.json["errorMessage"] == f"no {number}"


@pytest.mark.parametrize("mode", ["thread", "hybrid"])
def test_the_mode_in_which_AWSs_runtime_serves_many_is_nothing_to_this_one(
    start: Start, mode: str
) -> None:
    environ = {"AWS_LAMBDA_CONCURRENCY_MODE": mode, "AWS_LAMBDA_MAX_CONCURRENCY": "2"}
    lambda_ = start(LIFESPAN, ADAPTER_SHUTDOWN="off", **environ)
    first, second = asking(lambda_, 2)
    for number, peer in enumerate((first, second)):
        peer.event(EVENT, f"id-{number}")
        assert peer.read().content
        peer.accept()
