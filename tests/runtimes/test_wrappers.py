"""What other vendors put around a handler calls it as it likes; under both runtimes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import NATIVE, every_runtime
from tests.support.fake_runtime_api import ARN, NEXT, error_of, response_of
from tests.support.runtimes import APP, EVENT, PLAIN, Running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtimes.conftest import Runtime, Start
    from tests.support.runtimes import StartRunning


@pytest.fixture
def wrap(run: StartRunning, runtime: Runtime, tmp_path: Path) -> StartRunning:
    """Start one whose handler is a wrapping module, which knows the name of the original."""

    def wrap_one(source: str, environ: dict[str, str] | None = None) -> Running:
        folder = tmp_path / "original"
        folder.mkdir()
        (folder / "app_module.py").write_text(PLAIN)
        path = f"{runtime.environ['PYTHONPATH']}:{folder}"
        return run(
            source, {"ORIG_HANDLER": "app_module.handler", "PYTHONPATH": path} | (environ or {})
        )

    return wrap_one


WRAPPER = """
import importlib, os

def load():
    module, _, name = os.environ["ORIG_HANDLER"].rpartition(".")
    return getattr(importlib.import_module(module), name)

{eager}
def handler(event, context):
    print("span of", context.aws_request_id, flush=True)
    result = {call}
    print("status", result.get("statusCode"), flush=True)
    {after}
"""


def wrapper(after: str = "return result", *, lazy: bool = False) -> str:
    source = WRAPPER.replace("{after}", after)
    source = source.replace("{eager}", "" if lazy else "original = load()")
    return source.replace("{call}", f"{'load()' if lazy else 'original'}(event, context)")


def test_a_wrapping_module_streams_and_sees_the_status(wrap: StartRunning) -> None:
    running = wrap(wrapper())
    assert running.client.head().call == NEXT
    assert "startup" in running.platform.output, "init is over, and the app has not started"
    running.client.event(function_url_event("/202"))
    assert running.ours.read().prelude["statusCode"] == 202
    running.ours.accept()
    assert running.serves_on()
    assert "span of id-1\nstatus 202\nspan of id-2\nstatus 200" in running.platform.output
    assert "middleware" not in running.platform.output, "it has changed nothing"


def test_one_that_imports_the_handler_with_the_first_event_streams_that_one_already(
    wrap: StartRunning, runtime: Runtime
) -> None:
    running = wrap(wrapper(lazy=True))
    assert running.stream() == b"one two"
    if not runtime.is_native:  # from now on the handler's module sends the requests for events
        running.client = running.platform.connection()
    assert running.serves_on()
    assert running.platform.output.count("startup") == 1


@pytest.mark.parametrize(
    "after",
    [
        "raise ValueError('mine')",
        "return {'statusCode': 500}",
        "return object()",
        "return None",
    ],
)
def test_what_it_makes_of_the_result_comes_too_late_and_ends_nothing(
    wrap: StartRunning, after: str
) -> None:
    running = wrap(wrapper(after))
    assert running.stream() == b"one two"
    assert running.serves_on()


def test_a_response_that_it_changes_too_late_is_a_warning_once(wrap: StartRunning) -> None:
    running = wrap(wrapper("return result | {'headers': {'x': 'y'}}"))
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("Change the response in a middleware") == 1
    assert "returned a response (statusCode, headers) after" in running.platform.output


def test_its_own_failure_before_the_handler_is_the_invocations(wrap: StartRunning) -> None:
    running = wrap(wrapper().replace("result =", "context.nothing; result ="))
    running.client.deliver(EVENT)
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "AttributeError")


CHOOSING = """
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for _ in range(2):
            kind = (await receive())["type"]
            print(kind, flush=True)
            await send({"type": kind + ".complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"one two"})

streaming, buffered = LambdaHandler(app), LambdaHandler(app, invoke_mode="buffered")

def handler(event, context):
    chosen = {chosen}
    return chosen(event, context)
"""


@pytest.mark.parametrize(
    "chosen",
    [
        "streaming if event['rawPath'] == '/' else buffered",
        "LambdaHandler(app)",
    ],
    ids=["one of two handlers", "a handler that it makes for the call"],
)
def test_an_app_starts_once_however_many_handlers_a_function_has_around_it(
    run: StartRunning, chosen: str
) -> None:
    running = run(CHOOSING.replace("{chosen}", chosen))
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("lifespan.startup") == 1


CATCHING = """
from adapter import LambdaHandler, streamify_response

async def app(scope, receive, send):
    raise ValueError("no")

@streamify_response
async def function(event, stream, context):
    raise ValueError("no")

original = {original}

def handler(event, context):
    try:
        return original(event, context)
    except Exception as error:
        print("caught", type(error).__name__, flush=True)
        {then}
"""
RAISING = [
    pytest.param('LambdaHandler(app, lifespan="off", errors="raise")', id="app"),
    pytest.param("function", id="function"),
]


@pytest.mark.parametrize("original", RAISING)
def test_a_failure_before_the_first_byte_is_raised_to_it_first(
    run: StartRunning, original: str
) -> None:
    running = run(CATCHING.replace("{original}", original).replace("{then}", "raise"))
    running.client.deliver(EVENT)
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ValueError")
    assert "caught ValueError" in running.platform.output


@pytest.mark.parametrize("original", RAISING)
def test_it_may_respond_in_the_place_of_a_handler_that_has_failed(
    run: StartRunning, original: str
) -> None:
    instead = 'return {"statusCode": 503}'
    running = run(CATCHING.replace("{original}", original).replace("{then}", instead))
    for request_id in ("id-1", "id-2"):
        running.client.deliver(EVENT, request_id)
        request = running.ours.read()
        assert (request.call, request.prelude["statusCode"]) == (response_of(request_id), 503)
        running.ours.accept()


def test_it_may_ask_another_handler_in_the_place_of_what_has_failed(run: StartRunning) -> None:
    source = (
        CATCHING.replace("{original}", "function") + "\n" + PLAIN.replace("handler =", "other =")
    )
    running = run(source.replace("{then}", "return other(event, context)"))
    assert running.stream() == b"one two"


def test_one_that_calls_again_after_the_stream_gets_the_response_for_itself(
    wrap: StartRunning,
) -> None:
    again = "print('again', original(event, context)['body'], flush=True)"
    running = wrap(wrapper(again))
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "again one two" in running.platform.output


@pytest.mark.parametrize(
    "fake",
    [
        pytest.param("Warm()", id="an object with an id"),
        pytest.param("lambda_context(request_id='warm-up')", id="a whole context"),
        pytest.param("SimpleNamespace(aws_request_id='warm-up')", id="an id and no more"),
    ],
)
def test_a_call_with_the_context_of_another_invocation_does_not_respond_to_this_one(
    wrap: StartRunning, fake: str
) -> None:
    warm_up = f"""
from types import SimpleNamespace
from adapter.testing import lambda_context

class Warm:
    aws_request_id = "warm-up"
    def get_remaining_time_in_millis(self): return 5000

print("in init", original(EVENT, {fake})["body"], flush=True)
def handler(event, context):
    print("warm", original(EVENT, {fake})["body"], flush=True)
    return original(event, context)
"""
    running = wrap(wrapper() + f"\nEVENT = {EVENT!r}\n" + warm_up)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "in init one two" in running.platform.output
    assert running.platform.output.count("warm one two") == 2


@every_runtime
@pytest.mark.parametrize("context", ["context", "copied"])
def test_one_that_gives_its_context_another_request_id_streams(
    wrap: StartRunning, context: str
) -> None:
    source = f"""
import copy
from app_module import handler as original

def handler(event, context):
    context.aws_request_id = "mine-" + context.aws_request_id
    context.started = True
    copied = copy.copy(context)
    result = original(event, {context})
    print("status", result["statusCode"], context.aws_request_id, flush=True)
    return result
"""
    running = wrap(source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "status 200 mine-id-1\nstatus 200 mine-id-2" in running.platform.output


@every_runtime
def test_one_that_changes_its_context_may_call_from_a_thread_of_its_own(
    wrap: StartRunning,
) -> None:
    source = """
import threading
from app_module import handler as original

def handler(event, context):
    context.aws_request_id = "mine"
    thread = threading.Thread(target=original, args=(event, context))
    thread.start()
    thread.join()
"""
    running = wrap(source)
    assert running.stream() == b"one two"
    assert running.serves_on()


@every_runtime
def test_one_that_makes_a_context_of_its_own_with_the_id_of_the_invocation_streams(
    wrap: StartRunning,
) -> None:
    source = """
from types import SimpleNamespace
from app_module import handler as original

def handler(event, context):
    return original(event, SimpleNamespace(aws_request_id=context.aws_request_id))
"""
    running = wrap(source)
    assert running.stream() == b"one two"
    assert running.serves_on()


def test_one_event_loop_serves_the_calls_of_init_and_of_all_invocations(run: StartRunning) -> None:
    source = (
        APP
        + f"""
import asyncio
loops = []
async def counting(scope, receive, send):
    loops.append(asyncio.get_running_loop())
    print("loops", len(loops), len(set(loops)), flush=True)
    await app(scope, receive, send)
original = LambdaHandler(counting)
original({EVENT!r}, None)
def handler(event, context):
    return original(event, context)
"""
    )
    running = run(source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "loops 4 1" in running.platform.output, "a lifespan and three calls"
    assert running.platform.output.count("startup") == 1


@pytest.mark.parametrize("join", ["thread.join()", "pass"])
def test_a_module_may_warm_the_app_up_from_a_thread_while_it_is_imported(
    run: StartRunning, join: str
) -> None:
    source = f"""
import asyncio, threading

async def slow(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.sleep(0.3)
    await app(scope, receive, send)

handler = LambdaHandler(slow)

def warm_up():
    print("warmed up", handler({EVENT!r}, None)["statusCode"], flush=True)

thread = threading.Thread(target=warm_up)
thread.start()
{join}
"""
    running = run(PLAIN + source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    running.platform.wait_for("warmed up 200")
    assert running.platform.output.count("startup") == 1
    assert "Traceback" not in running.platform.output


@pytest.mark.parametrize("context", ["context", "None"])
def test_one_that_calls_from_a_thread_of_its_own_streams(wrap: StartRunning, context: str) -> None:
    source = f"""
import threading
from app_module import handler as original

def handler(event, context):
    thread = threading.Thread(target=original, args=(event, {context}))
    thread.start()
    thread.join()
"""
    running = wrap(source)
    assert running.stream() == b"one two"
    assert running.serves_on()


IMPATIENT = """
import asyncio, os, threading
from app_module import HEADERS
from adapter import LambdaHandler

async def wait():
    while not os.path.exists(os.environ["GATE"]):
        await asyncio.sleep(0.01)

async def slow(scope, receive, send):
    {before}
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"one ", "more_body": True})
    {between}
    await send({"type": "http.response.body", "body": b"two"})
    {after}
    print("the app has ended", flush=True)

inner = LambdaHandler(slow, lifespan="off")
def handler(event, context):
    thread = threading.Thread(target=inner, args=(event, context))
    thread.start()
    thread.join(0.2)
    print("no patience", flush=True)
    {end}
"""


@pytest.mark.parametrize("end", ["raise TimeoutError", "return {'statusCode': 504}"])
@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_a_call_in_a_thread_that_it_gives_up_is_waited_for_and_is_the_one_response(
    wrap: StartRunning, tmp_path: Path, where: str, end: str
) -> None:
    gate = tmp_path / "gate"
    source = IMPATIENT.replace("{end}", end)
    for place in ("before", "between", "after"):
        source = source.replace(f"{{{place}}}", "await wait()" if place == where else "pass")
    running = wrap(source, {"GATE": str(gate)})
    running.client.deliver(EVENT)
    running.platform.wait_for("no patience")
    assert running.client.is_silent() or where != "before", "it responded while the call ran"
    gate.touch()
    request = running.ours.read()
    assert (request.content, request.trailers) == (b"one two", {})
    running.ours.accept()
    assert running.client.read().call == NEXT
    assert "the app has ended" in running.platform.output


def test_a_call_on_the_loop_of_another_thread_that_has_gone_is_waited_for_too(
    wrap: StartRunning,
) -> None:
    source = f"""
import asyncio, threading, time
from app_module import HEADERS
from adapter import LambdaHandler

async def slow(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": HEADERS}})
    await send({{"type": "http.response.body", "body": b"one ", "more_body": True}})
    await asyncio.sleep(0.3 if scope["path"] == "/warm" else 1)
    await send({{"type": "http.response.body", "body": b"two"}})

class Warm:
    aws_request_id = "warm-up"
    def get_remaining_time_in_millis(self): return 5000

inner = LambdaHandler(slow, lifespan="off")
def handler(event, context):
    warm = threading.Thread(target=inner, args=({function_url_event("/warm")!r}, Warm()))
    call = threading.Thread(target=inner, args=(event, context))
    warm.start()
    time.sleep(0.1)
    call.start()
    warm.join()
"""
    running = wrap(source)
    running.client.deliver(EVENT)
    request = running.ours.read()
    assert (request.content, request.trailers) == (b"one two", {})
    if running.ours is not running.client:
        assert running.client.is_silent(), "the next event was asked for in mid-stream"
    running.ours.accept()
    assert running.client.read().call == NEXT


def test_a_call_that_comes_after_the_response_does_not_respond_again(wrap: StartRunning) -> None:
    source = """
import threading, time
from app_module import handler as original

def handler(event, context):
    def late():
        time.sleep(0.2)
        print("late", original(event, context)["body"], flush=True)
    threading.Thread(target=late).start()
    return {"body": "mine"}
"""
    running = wrap(source)
    running.client.deliver(EVENT)
    request = running.client.read()
    assert request.json == {"body": "mine"}
    running.client.accept()
    running.platform.wait_for("late one two")
    assert running.client.read().call == NEXT


NESTED = """
import asyncio
from adapter import LambdaHandler
from app_module import app

inner = LambdaHandler(app, lifespan="off")

def on_event(event, context):
    return inner(event["request"], context)

async def outer(scope, receive, send):
    event, context = scope["aws.event"], scope["aws.context"]
    response = await asyncio.to_thread(inner, event, context)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": response["body"].encode()})

handler = LambdaHandler(outer, lifespan="off", on_event=on_event)
"""


def test_an_app_or_an_event_function_may_call_another_handler(wrap: StartRunning) -> None:
    running = wrap(NESTED)
    assert running.stream() == b"one two"
    running.client.deliver({"request": EVENT}, "id-2")
    request = running.client.read()
    assert (request.call, request.json["body"]) == (response_of("id-2"), "one two")


def test_a_task_left_behind_by_what_has_failed_writes_nothing_into_the_response_of_another(
    run: StartRunning,
) -> None:
    source = """
import asyncio
from adapter import streamify_response

strays = []

@streamify_response
async def failing(event, stream, context):
    async def stray():
        await asyncio.sleep(0.05)
        await stream.write("STRAY")
    strays.append(asyncio.create_task(stray()))
    raise ValueError("no")

@streamify_response
async def responding(event, stream, context):
    await stream.write("a")
    await asyncio.wait(strays)
    await stream.write("b")

def handler(event, context):
    try:
        return failing(event, context)
    except ValueError:
        return responding(event, context)
"""
    running = run(source)
    running.client.deliver(EVENT)
    assert running.ours.read().body == b"ab"


def test_a_proxy_that_passes_for_the_handler_is_called_as_the_wrapper_that_it_is(
    run: StartRunning,
) -> None:
    source = """
import wrapt  # as OpenTelemetry's instrumentation does it

def span(wrapped, instance, args, kwargs):
    print("span of", args[1].aws_request_id, flush=True)
    return wrapped(*args, **kwargs)

handler = wrapt.FunctionWrapper(handler, span)
"""
    running = run(PLAIN + source)
    assert running.client.head().call == NEXT
    assert "startup" in running.platform.output
    running.client.event(EVENT)
    assert running.ours.read().content == b"one two"
    assert "span of id-1" in running.platform.output


def test_a_handler_made_for_each_call_is_not_kept(wrap: StartRunning) -> None:
    source = """
import gc
from adapter import LambdaHandler
from adapter.invocation.registry import handlers
from app_module import app

def handler(event, context):
    response = LambdaHandler(app, lifespan="off")(event, context)
    gc.collect()
    print("handlers", len(handlers()), flush=True)
    return response
"""
    running = wrap(source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("handlers 1") == 2, "that of the imported module"


def test_an_async_function_may_call_it_in_a_thread(start: Start) -> None:
    """The native runtime only: AWS's knows no async handlers."""
    source = """
import asyncio

inner = handler
async def handler(event, context):
    return await asyncio.to_thread(inner, event, context)
"""
    running = Running(start(PLAIN + source, "main.handler", **NATIVE.environ), is_native=True)
    assert running.stream() == b"one two"


def test_powertools_logger_and_tracer_work_on_the_handler(run: StartRunning) -> None:
    source = (
        APP
        + """
from aws_lambda_powertools import Logger, Tracer

logger, tracer = Logger(service="shop"), Tracer(service="shop")

async def traced(scope, receive, send):
    if scope["type"] == "http":
        with tracer.provider.in_subsegment("work") as subsegment:
            logger.info("inside %s", subsegment.name)
    await app(scope, receive, send)

handler = logger.inject_lambda_context(tracer.capture_lambda_handler(LambdaHandler(traced)))
"""
    )
    # Without a daemon X-Ray sends its segments into the void, by UDP.
    running = run(source, {"POWERTOOLS_TRACE_DISABLED": "false"})
    trace = "Root=1-68f0c1d2-3a4b5c6d7e8f901234567890;Parent=53995c3f42cd8ad8;Sampled=1"
    assert running.stream("id-1", Lambda_Runtime_Trace_Id=trace) == b"one two"
    assert running.serves_on()
    log = running.platform.output
    assert '"message":"inside work"' in log
    assert '"function_request_id":"id-1"' in log
    assert "Traceback" not in log


def test_of_several_handlers_only_the_one_that_is_named_is_started_and_all_can_be_called(
    run: StartRunning,
) -> None:
    source = (
        PLAIN
        + """
async def other_app(scope, receive, send):
    assert scope["type"] != "lifespan", "the other one was started"
    await app(scope, receive, send)
other = LambdaHandler(other_app, lifespan="on")
"""
    )
    running = run(source)
    assert running.serves_on()
    assert running.platform.output.count("startup") == 1


def test_a_function_that_chooses_among_several_handlers_has_all_of_them_started(
    run: StartRunning,
) -> None:
    source = (
        APP
        + """
from functools import partial
handlers = {"/a": LambdaHandler(app), "/b": LambdaHandler(partial(app))}
def handler(event, context):
    return handlers[event["rawPath"]](event, context)
"""
    )
    running = run(source)
    assert running.client.head().call == NEXT
    assert running.platform.output.count("startup") == 2
    for path in ("/a", "/b"):
        running.client.event(function_url_event(path), path[1:])
        assert running.ours.read().content == b"one two"
        running.ours.accept()
        assert running.client.read().call == NEXT
    assert running.platform.output.count("startup") == 2


#: What a wrapper does to the context, for each path of a request.
CHANGES = {
    "/another-id": "context.aws_request_id = 'mine'",
    "/no-id": "context.aws_request_id = None",
    "/without-id": "del context.aws_request_id",
    "/attribute": "context.started = 1; assert vars(context)['started'] == 1",
    "/weak-reference": "assert weakref.ref(context)() is context",
    "/time": "context.get_remaining_time_in_millis = lambda: 5000",
    "/no-tuple": "assert not isinstance(context, tuple)",
}
CONTEXT = """
import weakref
from adapter import LambdaHandler

original = LambdaHandler(app)

def handler(event, context):
    exec(CHANGES.get(event["rawPath"], ""))
    return original(event, context)
"""


@every_runtime
def test_one_that_changes_the_context_gets_its_stream(run: StartRunning) -> None:
    running = run(f"{APP}CHANGES = {CHANGES}\n{CONTEXT}")
    for path in CHANGES:
        request_id = f"id-of-{path[1:]}"
        running.client.deliver(function_url_event(path), request_id)
        request = running.ours.read()
        running.ours.accept()
        assert (request.call, request.content) == (response_of(request_id), b"one two")
    assert running.serves_on("id-last")


@every_runtime
def test_a_context_has_the_attributes_of_aws_context(run: StartRunning) -> None:
    source = """
def on_event(event, context):
    identity = context.identity
    return vars(context) | {
        "identity": [identity.cognito_identity_id, identity.cognito_identity_pool_id],
        "_epoch_deadline_time_in_ms": type(context._epoch_deadline_time_in_ms).__name__,
    }

handler = LambdaHandler(app, lifespan="off", on_event=on_event)
"""
    running = run(APP + source)
    running.client.deliver({"x": 1})
    attributes = running.client.read().json
    attributes.pop("tenant_id", None)  # not in 3.x
    attributes.pop("_w3c_fields", None)
    assert attributes == {
        "aws_request_id": "id-1",
        "log_group_name": None,
        "log_stream_name": None,
        "function_name": "shop",
        "memory_limit_in_mb": None,
        "function_version": None,
        "invoked_function_arn": ARN,
        "client_context": None,
        "identity": [None, None],
        "_epoch_deadline_time_in_ms": "int",
    }


FORKING = f"""{APP}
import os
inner = LambdaHandler(app)

def fork():
    child = os.fork()
    if child:
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

def handler(event, context):
    BEFORE
    result = inner(event, context)
    AFTER
    return result
"""


@pytest.mark.parametrize("place", ["BEFORE", "AFTER"])
def test_a_child_that_it_forks_and_that_comes_back_responds_to_nothing(
    run: StartRunning, place: str
) -> None:
    other = "AFTER" if place == "BEFORE" else "BEFORE"
    running = run(FORKING.replace(place, "fork()").replace(other, "pass"))
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("child ended with 70") == 2
