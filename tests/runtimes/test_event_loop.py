"""One event loop, the current one: for the module, the app, and synchronous code."""

from __future__ import annotations

import pytest

from tests.runtimes.conftest import NATIVE, Start, every_runtime
from tests.support.runtimes import APP, EVENT, Running, StartRunning, variant

# As eoAPI, stac-fastapi and titiler-pgstac do it: whatever the pool is made of belongs to the loop.
POOL = """
import asyncio
from adapter import LambdaHandler

class Pool:
    def __init__(self, loop):
        self.loop = loop
        self.lock = asyncio.Lock()
        self.queries = asyncio.Queue()
        self.ready = loop.create_future()

    async def serve(self):
        while True:
            query, reply = await self.queries.get()
            reply.set_result(query.upper())

    async def query(self, query):
        async with self.lock:
            reply = self.loop.create_future()
            await self.queries.put((query, reply))
            return await reply

async def open_pool():
    pool = Pool(asyncio.get_running_loop())
    pool.worker = asyncio.create_task(pool.serve())
    assert await pool.query(b"x") == b"X"
    pool.loop.call_later(0.01, pool.ready.set_result, None)
    return pool

async def app(scope, receive, send):
    assert asyncio.get_running_loop() is loop
    await asyncio.gather(pool.ready)
    one, two = await asyncio.gather(pool.query(b"one "), pool.query(b"two"))
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": (one + two).lower()})
"""
# From Python 3.14 on, get_event_loop makes no loop, so under AWS's runtime there is none before the
# handler.
CURRENT_LOOP = """
import asyncio
try:
    loop = asyncio.get_event_loop()
except RuntimeError:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
"""
OPEN = f"{CURRENT_LOOP}pool = loop.run_until_complete(open_pool())\n"
MAKE = 'handler = LambdaHandler(app, lifespan="off")\n'


@every_runtime
@pytest.mark.parametrize("source", [OPEN + MAKE, MAKE + OPEN], ids=["before", "after"])
def test_a_pool_that_a_module_opens_before_or_after_its_handler_serves_the_app(
    run: StartRunning, source: str
) -> None:
    running = run(POOL + source)
    assert running.stream() == b"one two"
    assert running.serves_on()


OWN = "loop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\n"
OWN += "pool = loop.run_until_complete(open_pool())\n"


@every_runtime
def test_a_loop_that_a_module_makes_itself_and_makes_current_runs_the_app(
    run: StartRunning,
) -> None:
    running = run(POOL + OWN + MAKE)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "Traceback" not in running.platform.output


@pytest.mark.parametrize("concurrency", [{}, {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}])
@pytest.mark.parametrize("warm_up", ["", "handler(EVENT, None)\n"], ids=["", "after a call"])
def test_so_does_one_under_the_native_runtime_after_the_handler_unless_the_other_one_has_served(
    start: Start, concurrency: dict[str, str], warm_up: str
) -> None:
    source = POOL.replace("    assert asyncio.get_running_loop() is loop\n", "")
    if warm_up:  # the pool belongs to the loop that the call has run on
        source += "from adapter.samples.url_event import function_url_event\n"
        source += f"EVENT = function_url_event('/')\n{OPEN}{MAKE}{warm_up}"
        source += "asyncio.set_event_loop(asyncio.new_event_loop())\n"
    else:
        source += MAKE + OWN
    environ = NATIVE.environ | concurrency
    platform = start(source, "main.handler", NATIVE.command, **environ).connection()
    assert platform.invoke(EVENT).content == b"one two"
    assert platform.invoke(EVENT, "id-2").content == b"one two"


def test_a_module_that_fails_after_it_has_made_a_loop_fails_init(start: Start) -> None:
    lambda_ = start(POOL + OWN + "1 / 0", "main.handler", NATIVE.command, **NATIVE.environ)
    request = lambda_.connection().read()
    assert request.json["errorType"] == "ZeroDivisionError"


@every_runtime
def test_a_wrapper_gets_the_loop_of_the_app_though_asyncio_run_leaves_none_behind(
    run: StartRunning,
) -> None:
    source = """
original = handler

def handler(event, context):
    assert asyncio.get_event_loop() is loop
    assert loop.run_until_complete(pool.query(b"x")) == b"X"
    response = original(event, context)
    assert loop.run_until_complete(pool.query(b"x")) == b"X"
    asyncio.run(asyncio.sleep(0))
    return response
"""
    running = run(POOL + OPEN + MAKE + source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "Traceback" not in running.platform.output


RUN = "import asyncio\nasyncio.run(asyncio.sleep(0))\n"
CURRENT = """
original = LambdaHandler(app)

def handler(event, context):
    asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
    return original(event, context)
"""


@every_runtime
@pytest.mark.parametrize("source", [RUN + APP, APP + RUN], ids=["before", "after"])
@pytest.mark.parametrize("handler", ["handler = LambdaHandler(app)\n", CURRENT])
def test_a_module_that_runs_a_loop_of_its_own_takes_nothing_from_the_app(
    run: StartRunning, source: str, handler: str
) -> None:
    running = run(source + handler if source.startswith(RUN) else APP + handler + RUN)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "Traceback" not in running.platform.output


CLOSE = f"{CURRENT_LOOP}loop.run_until_complete(asyncio.sleep(0))\nloop.close()\n"
PLAIN = "handler = LambdaHandler(app)\n"
CLOSING = (
    f"original = LambdaHandler(app)\nCLOSE = {CLOSE!r}\n"
    + """
def handler(event, context):
    exec(CLOSE)
    response = original(event, context)
    exec(CLOSE)
    return response
"""
)
CLOSERS = {
    "before the handler": CLOSE + APP + PLAIN,
    "after the handler": APP + PLAIN + CLOSE,
    "a wrapper": APP + CLOSING,
}


@every_runtime
@pytest.mark.parametrize("source", CLOSERS.values(), ids=CLOSERS)
def test_a_module_or_a_wrapper_that_closes_the_current_loop_takes_nothing_from_the_app(
    run: StartRunning, source: str
) -> None:
    running = run(source)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert "Traceback" not in running.platform.output


def test_a_task_that_a_module_leaves_on_the_loop_goes_on_with_the_first_invocation(
    run: StartRunning,
) -> None:
    source = f"""{CURRENT_LOOP}
done = []

async def warm_up():
    await asyncio.sleep(0)
    done.append(True)

task = loop.create_task(warm_up())

async def checking(scope, receive, send):
    await task
    assert done
    await app(scope, receive, send)

handler = LambdaHandler(checking, lifespan="off")
"""
    running = run(APP + source)
    assert running.stream() == b"one two"
    assert running.serves_on()


# What a function does with the current event loop, as it is written for AWS's runtime.
USES = """
import asyncio
from adapter import LambdaHandler

queue = asyncio.Queue()
cached = None

async def app(scope, receive, send):
    assert asyncio.get_running_loop() is cached
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": await queue.get()})

async def put(data):
    await asyncio.sleep(0.01)
    await queue.put(data)
    return data

async def fail():
    raise ValueError("no")

async def be_cancelled():
    raise asyncio.CancelledError

inner = LambdaHandler(app, lifespan="off")

def handler(event, context):
    global cached
    loop = asyncio.get_event_loop()
    cached = cached or loop  # from invocation to invocation
    task = loop.create_task(put(b"one two"))
    assert loop.run_until_complete(task) == b"one two"
    for raising in (fail, be_cancelled):
        try:
            loop.run_until_complete(raising())
        except (ValueError, asyncio.CancelledError) as error:
            print("raised", type(error).__name__, flush=True)
    return inner(event, context)
"""


def check_use(running: Running) -> None:
    assert running.stream() == b"one two"
    assert running.serves_on()
    log = running.platform.output.splitlines()
    assert log == ["raised ValueError", "raised CancelledError"] * 2


@every_runtime
def test_a_function_runs_coroutines_on_the_current_loop_which_is_that_of_the_app(
    run: StartRunning,
) -> None:
    check_use(run(USES))


@pytest.mark.parametrize("runtime", ["native", variant("native, concurrent")], indirect=True)
def test_a_function_runs_coroutines_on_uvloop_as_well(run: StartRunning) -> None:
    check_use(run(USES, {"ADAPTER_LOOP": "uvloop"}))


THREADS = """
import os

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d" % len(os.listdir("/proc/self/task"))})
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_connection_to_the_Runtime_API_takes_no_thread(start: Start, loop: str) -> None:
    """A fork of a process with threads can hang, and a snapshot has the threads that exist."""
    environ = NATIVE.environ | {"ADAPTER_LOOP": loop, "ADAPTER_LIFESPAN": "off"}
    client = start(THREADS, **environ).connection()
    assert client.invoke(EVENT).content == b"1"
