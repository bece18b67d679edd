"""An environment that is restored from a snapshot, under each runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtimes.apps import EVENT, HELLO, IN_A_WRAPPER, LIFESPAN
from tests.support.fake_runtime_api import API, INIT_ERROR, NEXT
from tests.support.runtimes import Running, variant

if TYPE_CHECKING:
    from tests.runtimes.conftest import Runtime, Start
    from tests.support.fake_runtime_api import Platform

# Managed instances have no SnapStart, and the thread that asks for events changes nothing here.
every_runtime = pytest.mark.parametrize(
    "runtime", ["native", variant("managed 3"), "managed 4"], indirect=True
)
RESTORE_NEXT = ("GET", f"{API}/restore/next")
RESTORE_ERROR = ("POST", f"{API}/restore/error")
ON = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "ADAPTER_SHUTDOWN": "off"}

HOOKS = """
import asyncio, os
from adapter import after_restore, before_snapshot
from snapshot_restore_py import register_after_restore, register_before_snapshot

def say(*words, **more):
    print(*words, *more.values(), flush=True)

async def work(text):
    await asyncio.sleep(0)
    say(text)

register_before_snapshot(say, "before", "1")
register_before_snapshot(say, "before", last="2")
register_before_snapshot(work, "before 3, async")
before_snapshot(lambda: say("our before 1"))

@before_snapshot
async def close():
    await work("our before 2, async")

@after_restore
async def open_again():
    await work("our after")

register_after_restore(say, "after", "1")
register_after_restore(work, "after 2, async")

@register_after_restore
def after():
    asyncio.get_event_loop().run_until_complete(work("on the current loop"))
    asyncio.run(work("on a loop of its own"))

def handler(event, context):
    return "fine"
"""
BEFORE = [
    "our before 2, async",
    "our before 1",
    "before 3, async",
    "before 2",
    "before 1",
]
AFTER = ["after 1", "after 2, async", "on the current loop", "on a loop of its own", "our after"]

# A connection is bound to the loop that it was opened on. The database behind this one echoes.
POOL = """
import asyncio, random
from adapter import LambdaHandler, after_restore, before_snapshot

random.seed(1)  # so that every run draws the numbers of every other, but for the restore

async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)

class Pool:
    async def open(self):
        self.server = await asyncio.start_server(echo, "127.0.0.1", 0)
        self.reader, self.writer = await asyncio.open_connection(
            *self.server.sockets[0].getsockname())

    async def close(self):
        self.server.close()
        self.writer.close()
        await self.writer.wait_closed()
        print("closed", flush=True)

    async def ask(self, text):
        self.writer.write(text + b"\\n")
        return (await self.reader.readline()).strip()

pool = Pool()
{hooks}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await pool.open()
        print("opened", await pool.ask(b"once"), flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200})
    body = await pool.ask(b"%r" % random.random())
    await send({"type": "http.response.body", "body": body})

handler = LambdaHandler(app)
"""
OURS = """
before_snapshot(pool.close)
after_restore(pool.open)
"""
AWSs = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
register_before_snapshot(pool.close)
register_after_restore(pool.open)
"""
SYNCHRONOUS = """
import asyncio
@before_snapshot
def close():
    asyncio.get_event_loop().run_until_complete(pool.close())

@after_restore
def open_again():
    asyncio.get_event_loop().run_until_complete(pool.open())
"""


def fail(statement: str, when: str, library: str = "snapshot_restore_py") -> str:
    return f"""
    import sys
    from {library} import {when} as run_then

    @run_then
    def hook():
        {statement}

    def handler(event, context):
        return "fine"
    """


def fail_async(statement: str, when: str) -> str:
    return fail(statement, when, "adapter").replace("def hook", "async def hook")


def runtime_with(source: str, start: Start, runtime: Runtime) -> Platform:
    """Start a runtime; of AWS's client we do not want to hear which sockets it leaves open."""
    environ = runtime.environ | ON | {"PYTHONWARNINGS": "ignore::ResourceWarning"}
    return start(source, "main.handler", runtime.command, **environ)


def restored(platform: Platform, runtime: Runtime) -> Running:
    """Wait until the runtime is in its snapshot; restore it."""
    snapshot = platform.connection()
    assert snapshot.read().call == RESTORE_NEXT
    snapshot.reply(200)
    return Running(platform, is_native=runtime.is_native)


FAILING_BEFORE = {
    "AWS's": lambda statement: fail(statement, "register_before_snapshot"),
    "ours": lambda statement: fail(statement, "before_snapshot", "adapter"),
    "ours, async": lambda statement: fail_async(statement, "before_snapshot"),
}
FAILING_AFTER = {
    "AWS's": fail("1 / 0", "register_after_restore"),
    "ours": fail("1 / 0", "after_restore", "adapter"),
    "ours, async": fail_async("1 / 0", "after_restore"),
}


@every_runtime
def test_a_lifespan_inside_a_vendors_wrapper_starts_before_the_snapshot_too(
    start: Start, runtime: Runtime
) -> None:
    platform = runtime_with(LIFESPAN + IN_A_WRAPPER, start, runtime)
    assert platform.connection().read().call == RESTORE_NEXT
    assert platform.output.splitlines() == ["startup"]


def test_a_hook_may_call_the_handler_and_warms_up_what_serves_later(start: Start) -> None:
    source = (
        LIFESPAN
        + f"""
from adapter import LambdaHandler
from snapshot_restore_py import register_before_snapshot
handler = LambdaHandler(app)
register_before_snapshot(lambda: print(handler({EVENT!r}, None)["statusCode"], flush=True))
"""
    )
    lambda_ = start(source, "main.handler", **ON)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    assert lambda_.output.splitlines() == ["startup", "200"]
    platform.reply(200)
    assert lambda_.connection().invoke(EVENT).content == b"2"


@every_runtime
def test_hooks_run_around_the_snapshot_the_async_ones_on_the_loop_of_the_app(
    start: Start, runtime: Runtime
) -> None:
    lambda_ = runtime_with(HOOKS, start, runtime)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    assert lambda_.output.splitlines() == BEFORE
    platform.reply(200)  # the environment has been restored
    platform = lambda_.connection()  # nothing that was connected before is used again
    assert platform.invoke({}).json == "fine"
    assert lambda_.output.splitlines() == BEFORE + AFTER


@every_runtime
@pytest.mark.parametrize("hooks", [OURS, AWSs, SYNCHRONOUS], ids=["ours", "AWS's", "synchronous"])
def test_what_is_bound_to_the_loop_is_closed_before_the_snapshot_and_opened_after_the_restore(
    start: Start, runtime: Runtime, hooks: str
) -> None:
    source = POOL.replace("{hooks}", hooks)
    lambda_ = runtime_with(source, start, runtime)
    running = restored(lambda_, runtime)
    assert "opened b'once'\nclosed\n" in lambda_.output
    assert float(running.stream()) < 1
    assert running.client.read().call == NEXT


@every_runtime
def test_environments_of_one_snapshot_draw_different_random_numbers(
    start: Start, runtime: Runtime
) -> None:
    drawn = []
    for _ in range(2):
        source = POOL.replace("{hooks}", OURS)
        lambda_ = runtime_with(source, start, runtime)
        drawn.append(restored(lambda_, runtime).stream())
    assert drawn[0] != drawn[1]


@every_runtime
def test_hooks_run_where_no_handler_has_been_made_before_the_snapshot(
    start: Start, runtime: Runtime
) -> None:
    source = """
import adapter
adapter.before_snapshot(lambda: print("before", flush=True))

@adapter.after_restore
async def after():
    print("after", flush=True)

def handler(event, context):
    return "fine"
"""
    lambda_ = runtime_with(source, start, runtime)
    assert restored(lambda_, runtime).client.invoke({}).json == "fine"
    assert lambda_.output.splitlines() == ["before", "after"]


@every_runtime
@pytest.mark.parametrize("statement", ["1 / 0", "sys.exit(0)"], ids=["raises", "exits"])
@pytest.mark.parametrize("hook", FAILING_BEFORE)
def test_a_hook_that_fails_before_the_snapshot_fails_init_with_64(
    start: Start, runtime: Runtime, hook: str, statement: str
) -> None:
    lambda_ = runtime_with(FAILING_BEFORE[hook](statement), start, runtime)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    kind = request.headers["lambda-runtime-function-error-type"]
    assert kind == "Runtime.BeforeSnapshotError"
    assert request.json["errorType"] == (
        "SystemExit" if "exit" in statement else "ZeroDivisionError"
    )
    assert "main.py" in request.json["stackTrace"][-1]
    assert lambda_.exit_code() == 64


@every_runtime
@pytest.mark.parametrize("hook", FAILING_AFTER)
def test_a_hook_that_fails_after_the_restore_reports_that_and_ends_with_65(
    start: Start, runtime: Runtime, hook: str
) -> None:
    lambda_ = runtime_with(FAILING_AFTER[hook], start, runtime)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    platform.reply(200)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == RESTORE_ERROR
    assert request.headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"
    assert request.json["errorType"] == "ZeroDivisionError"
    assert lambda_.exit_code() == 65


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_snapshot_that_is_refused_fails_init(start: Start, loop: str) -> None:
    lambda_ = start(HELLO, ADAPTER_LOOP=loop, **ON)
    platform = lambda_.connection()
    platform.read()
    platform.refuse(403)
    request = platform.read()
    platform.refuse(403)
    assert request.call == INIT_ERROR
    assert "403" in request.json["errorMessage"]
    assert lambda_.exit_code() == 64
    assert "Reporting the error failed" in lambda_.output


def test_the_lifespan_starts_before_the_snapshot_and_the_same_app_serves_after_it(
    start: Start,
) -> None:
    lambda_ = start(LIFESPAN, **ON)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    assert lambda_.output == "startup\n"
    platform.reply(200)
    platform = lambda_.connection()
    for number in (b"1", b"2"):
        assert platform.invoke(EVENT).content == number
    assert lambda_.output == "startup\n"


def test_SIGTERM_in_the_snapshot_ends_the_lifespan_and_runs_no_hook_because_nobody_restored(
    start: Start,
) -> None:
    hook = "import snapshot_restore_py as s; s.register_after_restore(print, 'hook', flush=True)"
    lambda_ = start(f"{hook}\n{LIFESPAN}", **ON)
    assert lambda_.connection().read().call == RESTORE_NEXT
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert lambda_.output.splitlines() == ["startup", "shutdown"]


def test_who_has_no_hooks_does_not_need_their_library(start: Start) -> None:
    lambda_ = start("import sys; sys.modules['snapshot_restore_py'] = None\n" + HELLO, **ON)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    platform.reply(200)
    assert lambda_.connection().invoke(EVENT).content == b"hello"


def test_a_lifespan_registers_no_extension_where_that_is_switched_off(start: Start) -> None:
    assert start(LIFESPAN, ADAPTER_SHUTDOWN="off").connection().read().call == NEXT


def test_a_switch_in_no_known_position_fails_init(start: Start) -> None:
    platform = start(LIFESPAN, ADAPTER_SHUTDOWN="no").connection()
    assert platform.read().json["errorType"] == "ConfigurationError"
