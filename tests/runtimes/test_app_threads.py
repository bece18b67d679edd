"""What an app does in threads, which nobody can stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import CONCURRENT, RUN
from tests.support.fake_runtime_api import NEXT, Peer
from tests.support.runtimes import EVENT, RIC, RIC_4, Running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtimes.conftest import Start
    from tests.support.runtimes import StartRunning

WAIT = """
import asyncio, os, time

def wait():
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)
    print("the thread has ended", flush=True)

async def response(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})
"""
PLAIN = """
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["path"] == "/wait":
        await {wait}
    await response(send)

handler = LambdaHandler(app, lifespan="off")
"""
FRAMEWORK = """
from adapter import LambdaHandler
from {framework} import {App}

app = {App}()

def endpoint(request):
    if request.url.path == "/wait":
        wait()
    from starlette.responses import PlainTextResponse
    return PlainTextResponse("fine")

app.add_route("/wait", endpoint)
app.add_route("/", endpoint)
handler = LambdaHandler(app)
"""
FUNCTION = """
from adapter import streamify_response

@streamify_response
async def handler(event, stream, context):
    if event["rawPath"] == "/wait":
        await {wait}
    await stream.write("fine")
"""
TO_THREAD = "asyncio.to_thread(wait)"
WAYS = {
    "asyncio.to_thread": PLAIN.replace("{wait}", TO_THREAD),
    "run_in_executor": PLAIN.replace(
        "{wait}", "asyncio.get_running_loop().run_in_executor(None, wait)"
    ),
    "of a task of its own": PLAIN.replace("{wait}", f"asyncio.gather({TO_THREAD})"),
    "anyio": PLAIN.replace("{wait}", "__import__('anyio.to_thread').to_thread.run_sync(wait)"),
    "starlette": FRAMEWORK.format(framework="starlette.applications", App="Starlette"),
    "fastapi": FRAMEWORK.format(framework="fastapi", App="FastAPI"),
    "a function": FUNCTION.replace("{wait}", TO_THREAD),
}
every_way = pytest.mark.parametrize("app", WAYS.values(), ids=WAYS.keys())


@pytest.mark.parametrize("runtime", ["native", "managed"])
@every_way
def test_one_that_outlives_the_deadline_is_waited_for_and_never_meets_the_next_invocation(
    start: Start, tmp_path: Path, app: str, runtime: str
) -> None:
    gate = tmp_path / "gate"
    environ = {"ADAPTER_SHUTDOWN": "off", "GATE": str(gate), "PYTHONWARNINGS": ""}
    if runtime == "managed":
        environ |= RIC_4.environ
    command = RUN if runtime == "native" else RIC
    platform = start(WAIT + app, "main.handler", command, **environ)
    running = Running(platform, is_native=runtime == "native")
    running.client.deliver(function_url_event("/wait"), seconds=0.5)
    request = running.ours.read()
    running.ours.accept()
    assert b"DeadlineExceeded" in request.body or request.prelude["statusCode"] == 504
    assert running.client.is_silent(0.3), "the next event was asked for while it ran"
    gate.touch()
    assert running.client.read().call == NEXT
    assert "the thread has ended" in platform.output
    running.client.event(EVENT, "id-2")
    assert b"fine" in running.ours.read().body


@pytest.mark.parametrize("left", ["a pool's", "its own"])
def test_one_that_an_app_has_left_behind_does_not_keep_the_environment_from_its_end(
    start: Start, tmp_path: Path, left: str
) -> None:
    source = (
        WAIT
        + """
import sys, threading

async def app(scope, receive, send):
    if {pool}:
        asyncio.create_task(asyncio.to_thread(wait))
    else:
        threading.Thread(target=wait).start()
    await response(send)
    sys.stdout = None
""".replace("{pool}", str(left == "a pool's"))
    )
    lambda_ = start(source, GATE=str(tmp_path / "gate"), ADAPTER_LIFESPAN="off")
    platform = lambda_.connection()
    assert platform.invoke(EVENT).content == b"fine"
    assert platform.read().call == NEXT
    lambda_.terminate()
    assert lambda_.exit_code() == 0


@every_way
def test_among_many_invocations_one_that_outlives_the_deadline_is_counted_and_gives_up_its_place(
    start: Start, tmp_path: Path, app: str
) -> None:
    gate = tmp_path / "gate"
    count, rounds = 12, 4  # more than the threads that anyio allows by itself
    platform = start(
        WAIT + app,
        "main.handler",
        AWS_LAMBDA_MAX_CONCURRENCY=str(count),
        ADAPTER_SHUTDOWN="off",
        GATE=str(gate),
        PYTHONWARNINGS="",
    )
    used: list[Peer] = []
    for _ in range(rounds):
        peers = [platform.connection() for _ in range(count)]
        for number, peer in enumerate(peers, len(used)):
            peer.deliver(function_url_event("/wait"), f"late-{number}", seconds=0.3)
        for peer in peers:
            peer.read()
            peer.accept()
        used += peers
    healthy = [platform.connection() for _ in range(count)]
    assert f"Such invocations: {rounds * count}" in platform.output
    for number, peer in enumerate(healthy):
        assert b"fine" in peer.invoke(EVENT, f"id-{number}").body
    gate.touch()
    for peer in used:
        peer.wait_closed()
    assert platform.output.count("the thread has ended") == rounds * count


DJANGO = """
import django
from adapter import LambdaHandler
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ROOT_URLCONF=(), ALLOWED_HOSTS=["*"], SECRET_KEY="test", {setting} DEFAULT_CHARSET="utf-8"
)
django.setup()

def slow(request):
    wait()
    return HttpResponse("late")

def middleware(get_response):
    def pass_on(request):
        return get_response(request)
    return pass_on

settings.ROOT_URLCONF = (path("", lambda request: HttpResponse("fine")), path("wait", slow))

def close_connections(**signal):  # as those of Django's databases and caches are
    print("closed in the view's thread", flush=True)

async def finish(**signal):
    print("finished", flush=True)

request_finished.connect(close_connections)
request_finished.connect(finish)
handler = LambdaHandler(ASGIHandler(), lifespan="off")
"""
SETTINGS = {"a view": "", "a view and middleware": 'MIDDLEWARE=["main.middleware"],'}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_after_a_synchronous_view_of_django_request_finished_closes_its_connections(
    run: StartRunning, tmp_path: Path, setting: str
) -> None:
    gate = tmp_path / "gate"
    running = run(WAIT + DJANGO.replace("{setting}", setting), {"GATE": str(gate)})
    running.client.deliver(function_url_event("/wait"), seconds=0.6)
    assert running.ours.read().prelude["statusCode"] == 504
    running.ours.accept()
    assert running.client.is_silent(0.3), "the next event was asked for while the view ran"
    assert "closed" not in running.platform.output
    gate.touch()
    assert running.client.read().call == NEXT
    running.platform.wait_for("closed in the view's thread")
    running.platform.wait_for("finished")
    output = running.platform.output
    assert output.index("the thread has ended") < output.index("closed in the view's thread")
    running.client.event(EVENT, "id-2")
    assert running.ours.read().content == b"fine"


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_so_it_does_in_a_concurrent_environment_which_takes_the_next_event_beside_it(
    start: Start, tmp_path: Path, setting: str
) -> None:
    gate = tmp_path / "gate"
    source = WAIT + DJANGO.replace("{setting}", setting)
    platform = start(source, "main.handler", **CONCURRENT.environ, GATE=str(gate))
    late = platform.connection()
    late.deliver(function_url_event("/wait"), seconds=0.6)
    assert late.read().prelude["statusCode"] == 504
    late.accept()
    fresh = platform.connection()
    assert fresh.invoke(EVENT, "id-2").content == b"fine"
    assert fresh.read().call == NEXT
    gate.touch()
    late.wait_closed()
    _, _, after = platform.output.partition("the thread has ended")
    assert after.count("closed in the view's thread") == 1
    assert platform.output.count("finished") == 2


POOL = """
from concurrent.futures import ThreadPoolExecutor
from adapter import LambdaHandler

pool = ThreadPoolExecutor(1)

async def app(scope, receive, send):
    if scope["path"] == "/wait":
        try:
            await asyncio.get_running_loop().run_in_executor(pool, wait)
        finally:
            print("the app has ended", flush=True)
    await response(send)

handler = LambdaHandler(app, lifespan="off")
"""


def test_one_of_a_pool_that_the_app_has_made_is_waited_for_too(
    run: StartRunning, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    running = run(WAIT + POOL, {"GATE": str(gate)})
    running.client.deliver(function_url_event("/wait"), seconds=0.5)
    assert running.ours.read().prelude["statusCode"] == 504
    running.ours.accept()
    assert running.client.is_silent(0.3), "the next event was asked for while the thread ran"
    assert "the app has ended" not in running.platform.output
    gate.touch()
    assert running.client.read().call == NEXT
    assert "the thread has ended\nthe app has ended" in running.platform.output
