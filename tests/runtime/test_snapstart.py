from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .apps import EVENT, HELLO, IN_A_WRAPPER, LIFESPAN
from .conftest import RUN
from .scripted import API, INIT_ERROR, NEXT

if TYPE_CHECKING:
    from .conftest import Start

RESTORE_NEXT = ("GET", f"{API}/restore/next")
RESTORE_ERROR = ("POST", f"{API}/restore/error")
AWS = (sys.executable, "-W", "ignore", "-m", "awslambdaric", "main.handler")
ON = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "ADAPTER_SHUTDOWN": "off"}

HOOKS = """
import asyncio, os
from snapshot_restore_py import register_after_restore, register_before_snapshot

def say(*words, **more):
    print(*words, *more.values(), flush=True)

async def work():
    await asyncio.sleep(0)
    say("a loop of its own")

register_before_snapshot(say, "before", "1")
register_before_snapshot(say, "before", last="2")
register_after_restore(say, "after", "1")

@register_after_restore
def after():
    asyncio.run(work())

def handler(event, context):
    return "fine"
"""


def fail(statement: str, when: str) -> str:
    return f"""
    import sys
    from snapshot_restore_py import register_{when}

    @register_{when}
    def hook():
        {statement}

    def handler(event, context):
        return "fine"
    """


@pytest.mark.parametrize("command", [RUN, AWS], ids=["ours", "AWS"])
def test_a_lifespan_inside_a_vendors_wrapper_starts_before_the_snapshot_too(
    start: Start, command: tuple[str, ...]
) -> None:
    platform = start(LIFESPAN + IN_A_WRAPPER, "main.handler", command, **ON)
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
    platform.answer(200)
    assert lambda_.connection().invoke(EVENT).content == b"2"


@pytest.mark.parametrize("command", [RUN, AWS], ids=["ours", "AWS"])
def test_hooks_run_around_the_snapshot_in_the_order_of_AWSs_runtime(
    start: Start, command: tuple[str, ...]
) -> None:
    lambda_ = start(HOOKS, "main.handler", command, **ON)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    assert lambda_.output.splitlines() == ["before 2", "before 1"]
    platform.answer(200)  # the environment has been restored
    platform = lambda_.connection()  # nothing that was connected before is used again
    assert platform.invoke({}).json == "fine"
    assert lambda_.output.splitlines()[2:] == ["after 1", "a loop of its own"]


@pytest.mark.parametrize("statement", ["1 / 0", "sys.exit(0)"], ids=["raises", "exits"])
@pytest.mark.parametrize("command", [RUN, AWS], ids=["ours", "AWS"])
def test_a_hook_that_fails_before_the_snapshot_fails_init_with_64(
    start: Start, command: tuple[str, ...], statement: str
) -> None:
    lambda_ = start(fail(statement, "before_snapshot"), "main.handler", command, **ON)
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


@pytest.mark.parametrize("command", [RUN, AWS], ids=["ours", "AWS"])
def test_a_hook_that_fails_after_the_restore_reports_that_and_ends_with_65(
    start: Start, command: tuple[str, ...]
) -> None:
    lambda_ = start(fail("1 / 0", "after_restore"), "main.handler", command, **ON)
    platform = lambda_.connection()
    assert platform.read().call == RESTORE_NEXT
    platform.answer(200)
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
    platform.answer(200)
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
    platform.answer(200)
    assert lambda_.connection().invoke(EVENT).content == b"hello"


def test_a_lifespan_registers_no_extension_where_that_is_switched_off(start: Start) -> None:
    assert start(LIFESPAN, ADAPTER_SHUTDOWN="off").connection().read().call == NEXT


def test_a_switch_in_no_known_position_fails_init(start: Start) -> None:
    platform = start(LIFESPAN, ADAPTER_SHUTDOWN="no").connection()
    assert platform.read().json["errorType"] == "ConfigurationError"
