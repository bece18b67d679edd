from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtimes.apps import EVENT, HELLO
from tests.support.fake_runtime_api import INIT_ERROR, NEXT, ROOT, error_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtimes.conftest import Start

ERROR_TYPE = "lambda-runtime-function-error-type"

FAILED_STARTUP = """
async def app(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        pytest.param("", "main", "Runtime.MalformedHandlerName", "'main'", id="malformed"),
        pytest.param("", "main:app", "Runtime.HandlerNotFound", "'app'", id="missing"),
        pytest.param("app = 1", "main:app", "Runtime.HandlerNotFound", "int", id="no-handler"),
        pytest.param("", "nowhere.app", "Runtime.ImportModuleError", "nowhere", id="no-module"),
        pytest.param("import nix", "main.app", "Runtime.ImportModuleError", "nix", id="no-import"),
        pytest.param("def", "main.app", "Runtime.UserCodeSyntaxError", "main", id="syntax"),
        pytest.param("", "sys.exit", "Runtime.BuiltInModuleConflict", "sys", id="built-in"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_init_with_the_type_that_AWS_uses(
    start: Start, source: str, handler: str, kind: str, message: str
) -> None:
    lambda_ = start(source, handler)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    assert request.headers[ERROR_TYPE] == kind
    assert request.headers["content-type"] == "application/json"
    assert request.json["errorType"] == kind
    assert message in request.json["errorMessage"]
    assert lambda_.exit_code() == 1
    assert message in lambda_.output


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", id="exception"),
        pytest.param("import sys; sys.exit(0)", "SystemExit", id="sys.exit"),
        pytest.param("raise KeyboardInterrupt", "KeyboardInterrupt", id="interrupt"),
        pytest.param("def f(): f()\nf()", "RecursionError", id="recursion"),
    ],
)
def test_whatever_a_module_raises_at_import_fails_init_with_the_stack_of_the_module(
    start: Start, source: str, kind: str
) -> None:
    lambda_ = start(source)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    assert request.headers[ERROR_TYPE] == f"Function.{kind}"
    assert request.json["errorType"] == kind
    assert "main.py" in "".join(request.json["stackTrace"][-3:])
    assert lambda_.exit_code() == 1  # never 0, whatever sys.exit() was given


@pytest.mark.parametrize(
    ("source", "environ", "message"),
    [
        pytest.param(FAILED_STARTUP, {}, "no database", id="failed"),
        pytest.param("async def app(*_): 1/0", {"ADAPTER_LIFESPAN": "on"}, "'on'", id="required"),
    ],
)
def test_a_failed_lifespan_fails_init_and_has_an_exit_code_of_its_own(
    start: Start, source: str, environ: dict[str, str], message: str
) -> None:
    lambda_ = start(source, **environ)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    assert request.json["errorType"] == "LifespanFailed"
    assert message in request.json["errorMessage"]
    assert lambda_.exit_code() == 3
    assert "adapter.errors.LifespanFailed" not in lambda_.output


def test_an_error_of_the_startup_is_in_the_log_once(start: Start) -> None:
    app = """
from contextlib import asynccontextmanager
from starlette.applications import Starlette

@asynccontextmanager
async def lifespan(app):
    raise ValueError("no database")
    yield

app = Starlette(lifespan=lifespan)
"""
    lambda_ = start(app, "main:app")
    platform = lambda_.connection()
    report = platform.read().json
    platform.accept()
    assert report["errorMessage"] == "The app's startup failed: ValueError: no database"
    assert "main.py" in report["stackTrace"][-1]
    assert lambda_.exit_code() == 3
    assert lambda_.output.count("Traceback") == 1
    assert lambda_.output.count('raise ValueError("no database")') == 1


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"ADAPTER_LIFESPAN": "perhaps"}, id="option"),
        pytest.param({"ADAPTER_LOOP": "fast"}, id="loop"),
    ],
)
def test_an_option_that_means_nothing_fails_init_and_says_what_would(
    start: Start, environ: dict[str, str]
) -> None:
    lambda_ = start(HELLO, **environ)
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    assert request.json["errorType"] == "ConfigurationError"
    assert "it can be" in request.json["errorMessage"]
    assert lambda_.exit_code() == 1
    assert "it can be" in lambda_.output
    assert "Traceback" not in lambda_.output


def test_a_loop_that_is_not_installed_fails_init_and_says_how_to_install_it(
    start: Start, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "uvloop.py").write_text("raise ModuleNotFoundError('no uvloop here')")
    lambda_ = start(HELLO, ADAPTER_LOOP="uvloop", PYTHONPATH=f"{broken}:{ROOT}")
    platform = lambda_.connection()
    assert "pip install uvloop" in platform.read().json["errorMessage"]
    platform.accept()
    assert lambda_.exit_code() == 1


def test_the_loop_is_uvloop_when_that_is_asked_for(start: Start) -> None:
    source = """
    import asyncio

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        loop = type(asyncio.get_running_loop()).__module__
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": loop.encode(), "more_body": True})
        await send({"type": "http.response.body"})
    """
    lambda_ = start(source, ADAPTER_LOOP="uvloop")
    platform = lambda_.connection()
    for number in range(2):
        assert platform.invoke(EVENT, f"id-{number}").content == b"uvloop"
    assert platform.read().call == NEXT


def test_a_script_finds_the_app_of_an_image_in_its_working_directory(
    start: Start, tmp_path: Path
) -> None:
    script = tmp_path / "adapter"  # as pip installs it: Python then looks in its folder
    script.write_text("from adapter.__main__ import main\nraise SystemExit(main())")
    command = (sys.executable, str(script), "run", "main:app")
    lambda_ = start(HELLO, "", command, LAMBDA_TASK_ROOT="/nowhere")
    assert lambda_.connection().read().call == NEXT


def test_a_module_may_run_an_event_loop_of_its_own_while_it_is_imported(start: Start) -> None:
    lambda_ = start("import asyncio; asyncio.run(asyncio.sleep(0))\n" + HELLO)
    assert lambda_.connection().invoke(EVENT).content == b"hello"


def test_a_reported_failure_that_is_refused_still_ends_the_process(start: Start) -> None:
    lambda_ = start("1 / 0")
    platform = lambda_.connection()
    platform.read()
    platform.refuse(403)
    assert lambda_.exit_code() == 1
    assert "Reporting the error failed: POST" in lambda_.output


def test_a_failure_that_nobody_takes_still_ends_the_process_and_is_logged(start: Start) -> None:
    lambda_ = start("1 / 0")
    platform = lambda_.connection()
    platform.read()
    platform.reset()
    assert lambda_.exit_code() == 1
    assert "ZeroDivisionError" in lambda_.output
    assert "Reporting the error failed" in lambda_.output


def test_outside_lambda_it_says_what_to_use_instead(start: Start) -> None:
    lambda_ = start(HELLO, AWS_LAMBDA_RUNTIME_API="")
    assert lambda_.exit_code() == 2
    assert "AWS_LAMBDA_RUNTIME_API is not set" in lambda_.output
    assert "adapter dev main:app" in lambda_.output


def test_without_a_handler_init_fails_with_the_argument_that_names_it(start: Start) -> None:
    lambda_ = start(HELLO, "")
    platform = lambda_.connection()
    request = platform.read()
    platform.accept()
    assert request.call == INIT_ERROR
    assert request.headers[ERROR_TYPE] == "Runtime.HandlerNotFound"
    assert 'CMD ["main.handler"]' in request.json["errorMessage"]
    assert lambda_.exit_code() == 1
    assert "reads its argument TARGET" in lambda_.output


# A startup that takes as long as a file is not there.
LONG_STARTUP = """
import asyncio, os
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("starting", flush=True)
        try:
            while not os.path.exists("go"):
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            print("startup cancelled", flush=True)
            raise
        print("started", flush=True)
        if os.path.exists("fail"):
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("stopped", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})

handler = LambdaHandler(app, lifespan="on")
wrapper = lambda event, context: handler(event, context)
"""
SOON = {"ADAPTER_ASYNC_INIT": "0.2", "ADAPTER_SHUTDOWN": "off"}


@pytest.mark.parametrize("handler", ["main.handler", "main.wrapper"])
def test_a_startup_longer_than_init_goes_on_and_the_first_invocation_waits_for_it(
    start: Start, handler: str
) -> None:
    lambda_ = start(LONG_STARTUP, handler, **SOON)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    assert platform.is_silent()
    assert "started" not in lambda_.output
    assert "the first invocation waits for it" in lambda_.output
    (lambda_.root / "go").touch()
    response = platform.read()
    platform.accept()
    assert response.content == b"hello"
    assert platform.invoke(EVENT, "id-2").content == b"hello"
    assert lambda_.output.count("starting") == 1
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert "stopped" in lambda_.output


@pytest.mark.parametrize("handler", ["main.handler", "main.wrapper"])
def test_a_startup_that_is_longer_than_the_timeout_goes_on_in_the_next_invocation(
    start: Start, handler: str
) -> None:
    lambda_ = start(LONG_STARTUP, handler, **SOON)
    platform = lambda_.connection()
    request = platform.invoke(EVENT, seconds=0.5)
    assert request.call == error_of("id-1")
    assert request.json["errorType"] == "DeadlineExceeded"
    platform.deliver(EVENT, "id-2")
    (lambda_.root / "go").touch()
    assert platform.read().content == b"hello"
    assert lambda_.output.count("starting") == 1


def test_a_startup_that_is_over_in_time_is_over_before_the_first_event(start: Start) -> None:
    lambda_ = start(LONG_STARTUP, "main.handler", **SOON | {"ADAPTER_ASYNC_INIT": "60"})
    lambda_.wait_for("starting")
    (lambda_.root / "go").touch()
    platform = lambda_.connection()
    assert platform.read().call == NEXT
    assert "started" in lambda_.output
    assert "waits for it" not in lambda_.output


def test_a_startup_that_fails_after_init_fails_its_invocation_and_ends_the_environment(
    start: Start,
) -> None:
    lambda_ = start(LONG_STARTUP, "main.handler", **SOON)
    platform = lambda_.connection()
    platform.deliver(EVENT)
    (lambda_.root / "fail").touch()
    (lambda_.root / "go").touch()
    request = platform.read()
    platform.accept()
    assert request.call == error_of("id-1")
    assert "no database" in request.json["errorMessage"]
    assert lambda_.exit_code() == 3


def test_a_startup_that_goes_on_is_cancelled_when_the_environment_ends(start: Start) -> None:
    lambda_ = start(LONG_STARTUP, "main.handler", **SOON)
    platform = lambda_.connection()
    assert platform.read().call == NEXT
    lambda_.terminate()
    assert lambda_.exit_code() == 0
    assert "startup cancelled" in lambda_.output


@pytest.mark.parametrize(
    "kind", ["snap-start", "provisioned-concurrency", "lambda-managed-instances"]
)
def test_a_startup_never_goes_on_where_init_has_the_time_or_a_snapshot_is_taken(
    start: Start, kind: str
) -> None:
    lambda_ = start(LONG_STARTUP, "main.handler", **SOON, AWS_LAMBDA_INITIALIZATION_TYPE=kind)
    lambda_.wait_for("starting")
    lambda_.wait_idle()
    assert "waits for it" not in lambda_.output
    (lambda_.root / "go").touch()
    lambda_.connection()
    assert "started" in lambda_.output
