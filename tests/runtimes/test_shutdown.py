from __future__ import annotations

import base64
import json
import signal
from typing import TYPE_CHECKING

import pytest

from adapter.native.runtime import CANCEL_GRACE_SECONDS, SIGTERM_GRACE_SECONDS
from tests.runtimes.apps import ENDLESS, EVENT, HELLO, IN_A_WRAPPER, LIFESPAN
from tests.support.fake_runtime_api import NEXT
from tests.support.runtimes import variant

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Peer, Platform, Request

REGISTER = ("POST", "/2020-01-01/extension/register")
EXTENSION_NEXT = ("GET", "/2020-01-01/extension/event/next")

SLOW_SHUTDOWN = LIFESPAN.replace(
    'print("shutdown", flush=True)',
    'print("shutdown", flush=True); await __import__("asyncio").sleep(60)',
)


def register(lambda_: Platform) -> Peer:
    """Play the part of the Extensions API."""
    extension = lambda_.connection()
    assert extension.read().call == REGISTER
    extension.reply(200, b"{}", Lambda_Extension_Identifier="ext-1")
    request = extension.read()
    assert request.call == EXTENSION_NEXT
    assert request.headers["lambda-extension-identifier"] == "ext-1"
    return extension


def terminated_in_mid_stream(lambda_: Platform) -> Request:
    """Return what comes of a response in whose middle SIGTERM does."""
    platform = lambda_.connection()
    platform.deliver(EVENT)
    request = platform.head()
    platform.chunk(request)
    lambda_.terminate()
    while platform.chunk(request):
        pass
    return request


def test_an_app_with_a_lifespan_has_an_extension_registered_before_the_first_next(
    start: Start,
) -> None:
    lambda_ = start(LIFESPAN)
    extension = lambda_.connection()
    request = extension.read()
    assert request.call == REGISTER
    assert request.json == {"events": []}
    assert request.headers["lambda-extension-name"]
    assert "startup" in lambda_.output
    extension.reply(200, b"{}", Lambda_Extension_Identifier="ext-1")
    assert lambda_.connection().invoke(EVENT).content == b"1"
    assert extension.read().call == EXTENSION_NEXT


def test_handlers_inside_a_vendors_wrapper_start_and_end_with_the_environment(
    start: Start,
) -> None:
    lambda_ = start(LIFESPAN + IN_A_WRAPPER, "main.handler")
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    assert lambda_.output.splitlines() == ["startup"]
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert lambda_.output.splitlines() == ["startup", "shutdown"]


@pytest.mark.parametrize("join", ["thread.join()", "pass"])
def test_SIGTERM_cancels_the_app_inside_a_vendors_wrapper_too(start: Start, join: str) -> None:
    source = (
        ENDLESS
        + f"""
import threading
from adapter import LambdaHandler
inner = LambdaHandler(app, lifespan="off")
def handler(event, context):
    thread = threading.Thread(target=inner, args=(event, context))
    thread.start()
    thread.join(0.2)
    {join}
"""
    )
    lambda_ = start(source, "main.handler")
    request = terminated_in_mid_stream(lambda_)
    assert request.trailers["lambda-runtime-function-error-type"] == "Function.CancelledError"
    assert lambda_.exit_code() == 0
    assert "stopped by CancelledError" in lambda_.output
    assert "App cancelled: environment is shutting down" in lambda_.output


@pytest.mark.parametrize("source", [HELLO, LIFESPAN], ids=["none", "off"])
def test_without_a_lifespan_to_end_nothing_is_registered(start: Start, source: str) -> None:
    lambda_ = start(source, ADAPTER_LIFESPAN="off" if source == LIFESPAN else "auto")
    assert lambda_.connection().read().call == NEXT


@pytest.mark.parametrize("reply", ["refuse", "reset"])
def test_an_extension_that_cannot_be_registered_costs_a_warning_and_nothing_else(
    start: Start, reply: str
) -> None:
    lambda_ = start(LIFESPAN)
    extension = lambda_.connection()
    extension.read()
    if reply == "refuse":
        extension.refuse(403)
    else:
        extension.reset()
    assert lambda_.connection().invoke(EVENT).content == b"1"
    assert "[WARNING]" in lambda_.output


def test_SIGTERM_while_idle_ends_the_lifespan_and_the_process(start: Start) -> None:
    lambda_ = start(LIFESPAN)
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    assert "shutdown" not in lambda_.output
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert "shutdown" in lambda_.output


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_SIGTERM_ends_the_wait_for_an_event_though_it_interrupts_no_system_call(
    start: Start, loop: str
) -> None:
    # A thread receives the signal. A signal just before the system call has the same effect.
    source = "import signal, threading, time\n" + LIFESPAN.replace(
        'print("startup", flush=True)',
        """print("startup", flush=True)
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})""",
    )
    lambda_ = start(source, ADAPTER_LOOP=loop)
    register(lambda_)
    assert lambda_.connection().read().call == NEXT
    lambda_.wait_idle()
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert lambda_.output.split() == ["startup", "shutdown"]


def test_SIGTERM_while_the_app_starts_ends_it_before_the_first_event(start: Start) -> None:
    terminate = 'print("startup"); __import__("os").kill(__import__("os").getpid(), 15)'
    source = LIFESPAN.replace('print("startup", flush=True)', terminate)
    lambda_ = start(source, ADAPTER_SHUTDOWN="off")
    assert lambda_.exit_code() == 0
    assert lambda_.output.split() == ["startup", "shutdown"]


def test_SIGTERM_lets_a_response_that_is_nearly_done_be_finished(start: Start) -> None:
    source = """
    import asyncio, os

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while not os.path.exists("go"):
            await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b"last"})
    """
    lambda_ = start(source)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    request = platform.head()
    while not request.content:
        platform.chunk(request)
    lambda_.terminate()
    (lambda_.root / "go").touch()
    while platform.chunk(request):
        pass
    assert request.content == b"firstlast"
    assert request.trailers == {}
    platform.accept()
    assert platform.rest() == b""  # no event is asked for any more
    assert lambda_.exit_code() == 0


def test_SIGTERM_ends_a_response_that_takes_longer_with_an_error_that_the_client_can_see(
    start: Start,
) -> None:
    lambda_ = start(ENDLESS)
    request = terminated_in_mid_stream(lambda_)
    body = request.trailers["lambda-runtime-function-error-body"]
    assert json.loads(base64.b64decode(body))["errorType"] == "CancelledError"
    assert lambda_.exit_code() == 0
    assert "stopped by CancelledError" in lambda_.output


def test_SIGTERM_ends_an_endless_response_before_the_lifespan_that_it_may_still_use(
    start: Start,
) -> None:
    source = """
    import asyncio

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print("shutdown", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.001)
        finally:
            print("stopped", flush=True)
    """
    lambda_ = start(source)
    register(lambda_)
    terminated_in_mid_stream(lambda_)
    assert lambda_.exit_code() == 0
    said = lambda_.output.splitlines()
    assert said.index("stopped") < said.index("shutdown")


def test_all_that_runs_has_ended_before_the_300_ms_after_which_Lambda_kills() -> None:
    assert 0 < SIGTERM_GRACE_SECONDS + CANCEL_GRACE_SECONDS < 0.3  # what is left is the lifespan's


STUBBORN = {
    "app-that-swallows-the-cancel": """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    print("running", flush=True)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
""",
    "function-in-a-thread": """
import time

def app(event, context):
    print("running", flush=True)
    while True:  # not one long sleep: a signal just before it would be handled at its end
        time.sleep(0.01)
""",
    "thread-of-an-app": """
import asyncio, time

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    print("running", flush=True)
    await asyncio.to_thread(time.sleep, 60)
""",
}


@pytest.mark.parametrize("source", STUBBORN.values(), ids=STUBBORN)
def test_SIGTERM_does_not_wait_for_what_cannot_be_stopped(start: Start, source: str) -> None:
    lambda_ = start(source, "main.app" if "event" in source else "main:app")
    platform = lambda_.connection()
    platform.deliver(EVENT)
    while "running" not in lambda_.output:
        platform.is_silent(0.01)
    lambda_.terminate()
    assert lambda_.exit_code() == 0


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_Ctrl_C_is_a_SIGTERM_because_no_interrupt_that_an_app_raises_ends_the_process(
    start: Start, loop: str
) -> None:
    lambda_ = start(LIFESPAN, ADAPTER_LOOP=loop)
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    lambda_.process.send_signal(signal.SIGINT)
    assert lambda_.exit_code() == 0
    assert lambda_.output.split() == ["startup", "shutdown"]


def test_a_second_SIGTERM_ends_the_process_at_once(start: Start) -> None:
    lambda_ = start(SLOW_SHUTDOWN)
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    lambda_.terminate()
    while "shutdown" not in lambda_.output:
        platform.is_silent(0.01)
    lambda_.terminate()
    assert lambda_.exit_code() == 1


OWN_SIGNAL_HANDLER = """
import signal

def on_signal(number, frame):
    print("the app's own:", signal.Signals(number).name, flush=True)
    {then}

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, on_signal)
"""


@pytest.mark.parametrize("concurrency", ["", variant("1")])
@pytest.mark.parametrize("then", ["pass", "raise ValueError('no')", "raise SystemExit(3)"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_handler_that_the_app_has_installed_is_called_too(
    start: Start, number: signal.Signals, then: str, concurrency: str
) -> None:
    source = OWN_SIGNAL_HANDLER.replace("{then}", then) + LIFESPAN
    lambda_ = start(source, AWS_LAMBDA_MAX_CONCURRENCY=concurrency)
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    lambda_.process.send_signal(number)
    assert lambda_.exit_code() == 0
    assert lambda_.output.count(f"the app's own: {number.name}") == 1
    assert lambda_.output.splitlines()[-1] == "shutdown"


# The ways in which an app asks for a call at SIGTERM. Each stands at import and in the startup.
CALL = "print('the app has been told', flush=True)"
ASKS = {
    "signal.signal": f"signal.signal(signal.SIGTERM, lambda *_: {CALL})",
    "the event loop": "asyncio.get_event_loop().add_signal_handler(signal.SIGTERM,"
    f" lambda: {CALL})",
    "both": f"asyncio.get_event_loop().add_signal_handler(signal.SIGTERM, lambda: {CALL});"
    " signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))",
}


@pytest.mark.parametrize("place", ["at import", "in the startup"])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_app_that_asks_for_a_call_at_SIGTERM_gets_it_and_the_environment_ends_in_time(
    start: Start, loop: str, ask: str, place: str
) -> None:
    source = LIFESPAN
    if place == "at import":
        source = f"{ask}\n{source}"
    else:
        source = source.replace('print("startup", flush=True)', f'{ask}; print("startup")')
    lambda_ = start(f"import asyncio, signal\n{source}", ADAPTER_LOOP=loop)
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert lambda_.output.count("the app has been told") == 1
    assert lambda_.output.splitlines()[-1] == "shutdown"


def test_an_app_that_ignores_SIGTERM_cannot_keep_the_environment(start: Start) -> None:
    ignoring = "__import__('signal').signal(15, __import__('signal').SIG_IGN); print('startup')"
    lambda_ = start(LIFESPAN.replace('print("startup", flush=True)', ignoring))
    register(lambda_)
    platform = lambda_.connection()
    platform.invoke(EVENT)
    platform.read()
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert lambda_.output.splitlines()[-1] == "shutdown"


def test_an_app_finds_the_signal_handler_that_it_has_installed(start: Start) -> None:
    source = """
    import signal

    def on_signal(number, frame):
        pass

    def handler(event, context):
        found = []
        for number in (signal.SIGTERM, signal.SIGALRM):
            before = signal.signal(number, on_signal)
            found.append(signal.getsignal(number) is on_signal)
            found.append(signal.signal(number, before) is on_signal)
            found.append(signal.getsignal(number) is before)
        return found
    """
    assert start(source, "main.handler").connection().invoke("x").json == [True] * 6


BLOCKING = """
import os, time

def handler(event, context):
    print("running", flush=True)
    while not os.path.exists("go"):
        time.sleep(0.01)
    return "done"
"""


def test_it_is_called_while_a_function_runs_on_the_main_thread_which_may_still_return(
    start: Start,
) -> None:
    lambda_ = start(
        OWN_SIGNAL_HANDLER.replace("{then}", "open('go', 'w').close()") + BLOCKING, "main.handler"
    )
    platform = lambda_.connection()
    platform.deliver("x")
    lambda_.wait_for("running")
    lambda_.terminate()
    assert platform.read().json == "done"
    platform.accept()
    assert platform.rest() == b""
    assert lambda_.exit_code() == 0
    assert "the app's own: SIGTERM" in lambda_.output


def test_it_is_called_while_a_function_blocks_which_does_not_keep_the_process(
    start: Start,
) -> None:
    source = OWN_SIGNAL_HANDLER.replace("{then}", "pass") + BLOCKING
    lambda_ = start(source, "main.handler")
    platform = lambda_.connection()
    platform.deliver("x")
    lambda_.wait_for("running")
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert "the app's own: SIGTERM" in lambda_.output
