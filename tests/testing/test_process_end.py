"""A process ends though its `LambdaTransport` was never closed."""

from __future__ import annotations

import subprocess
import sys

import pytest

APP = """
import anyio, asyncio, httpx, logging, threading, time
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from adapter.testing import LambdaTransport

@asynccontextmanager
async def lifespan(app):
    await run_in_threadpool(print, "started", flush=True)
    yield
    await run_in_threadpool(print, "stopped", flush=True)

def page(request):
    return PlainTextResponse("page")

def ticks(request):
    def tick():
        while True:
            yield b"tick"
    return StreamingResponse(tick())

app = Starlette(routes=[Route("/", page), Route("/ticks", ticks)], lifespan=lifespan)

async def deaf(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"page", "more_body": True})
    await asyncio.Event().wait()

def client_of(app):
    return httpx.Client(transport=LambdaTransport(app), base_url="http://t")
"""

LEFT_OPEN = {
    "a client": "client = client_of(app); client.get('/')",
    "a client in another thread": """
client = client_of(app)
thread = threading.Thread(target=client.get, args=("/",)); thread.start(); thread.join()
""",
    "a response of a synchronous generator": """
response = client_of(app).send(httpx.Request("GET", "http://t/ticks"), stream=True)
next(response.iter_raw())
""",
    "a client that an exception keeps": """
try:
    client = client_of(app); client.get('/'); raise ValueError("kept")
except ValueError as error:
    kept = error
""",
}


def run(use: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", APP + use]
    return subprocess.run(program, capture_output=True, text=True, timeout=40, check=True)


@pytest.mark.parametrize("use", LEFT_OPEN.values(), ids=LEFT_OPEN)
@pytest.mark.process
def test_a_process_ends_with_what_it_left_open_and_the_app_is_shut_down(use: str) -> None:
    ended = run(use)
    assert ended.stdout.split() == ["started", "stopped"]
    assert ended.stderr == ""


@pytest.mark.process
def test_an_app_that_does_not_notice_the_end_is_named_and_cancelled() -> None:
    ended = run("response = client_of(deaf).send(httpx.Request('GET', 'http://t/'), stream=True)")
    assert "Closing a LambdaTransport" in ended.stderr


@pytest.mark.process
def test_a_client_that_is_dropped_ends_its_thread() -> None:
    ended = run("""
client = client_of(app); client.get('/')
thread, = [thread for thread in threading.enumerate() if thread.name == "LambdaTransport"]
del client
thread.join()
print("joined")
""")
    assert "joined" in ended.stdout


@pytest.mark.process
def test_a_forked_child_ends_though_it_has_no_thread_of_its_parents() -> None:
    ended = run("""
import multiprocessing
client = client_of(app); client.get('/')
child = multiprocessing.get_context("fork").Process(target=print, args=("child",))
child.start(); child.join()
print(child.exitcode)
""")
    assert ended.stdout.split() == ["started", "child", "0", "stopped"]
