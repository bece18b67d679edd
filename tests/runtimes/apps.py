"""Apps for the runtime under test, as source: each goes into a process of its own."""

from __future__ import annotations

from adapter.samples.url_event import function_url_event

EVENT = function_url_event("/")

HELLO = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""

# One chunk at a time: the next one when the file `go-<n>` is there.
STEPS = """
import asyncio, os

async def wait_for(name):
    while not os.path.exists(name):
        await asyncio.sleep(0.005)

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(9):
        await wait_for(f"go-{number}")
        await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
"""

# Streams until it is told to stop, and says what told it.
ENDLESS = """
import asyncio

async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            await asyncio.sleep(0.001)
    except BaseException as error:
        print("stopped by", type(error).__name__, error, flush=True)
        raise
"""

# As a handler that is not ours stands around one that is.
IN_A_WRAPPER = """
from adapter import LambdaHandler
inner = LambdaHandler(app)
def handler(event, context):
    return inner(event, context)
"""

LIFESPAN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("startup", flush=True)
        scope["state"]["calls"] = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    scope["state"]["calls"].append(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    calls = len(scope["state"]["calls"])
    await send({"type": "http.response.body", "body": b"%d" % calls})
"""
