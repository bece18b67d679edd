"""AWS's own Python runtime, the real one, and handlers that stream under it.

Some tests put it behind the function URL of the local Lambda and look at what a client gets;
others play the platform by hand, to see every byte of what it sends and does not send.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import anyio
import pytest

from adapter.emulator.front_ends.function_url import FunctionUrlSource
from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import INIT_ERROR, NEXT, ROOT, Peer, error_of, response_of
from tests.support.runtimes import EVENT, PLAIN, RIC, RIC_4

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.emulator.conftest import Local, LocalFactory
    from tests.runtimes.conftest import Start
    from tests.support.runtimes import Ric, Running, StartRunning

DOMAIN = {"domainName": "abc.execute-api.eu-west-1.amazonaws.com", "http": {"method": "GET"}}
HTTP_API_EVENT = {**EVENT, "requestContext": DOMAIN}


class Serve(Protocol):
    """Serves ``main.handler`` of ``source`` at a function URL."""

    def __call__(
        self,
        source: str,
        environ: dict[str, str],
        *,
        streams: bool = ...,
    ) -> AbstractAsyncContextManager[Local]: ...


@pytest.fixture
def serve(local: LocalFactory, tmp_path: Path) -> Serve:
    def open_url(
        source: str,
        environ: dict[str, str],
        *,
        streams: bool = True,
    ) -> AbstractAsyncContextManager[Local]:
        root = tmp_path / "task"
        root.mkdir()
        (root / "main.py").write_text(source)
        variables = [f"{name}={value}" for name, value in environ.items()]  # the platform's too
        command = ("/usr/bin/env", *variables, *RIC)
        return local("", limit=1, source=FunctionUrlSource(streams=streams), command=command)

    return open_url


class TestStreaming:
    """A handler of two lines, and no configuration."""

    @pytest.mark.anyio
    @pytest.mark.parametrize("threaded", [False, True])
    async def test_a_chunk_reaches_the_client_before_the_next_one_is_made(
        self, serve: Serve, ric: Ric, threaded: bool, tmp_path: Path
    ) -> None:
        gate = anyio.Path(tmp_path / "gate")
        source = PLAIN.replace(
            '    await send({"type": "http.response.body", "body": b"two"})',
            "    import asyncio, os\n"
            f"    while not os.path.exists({str(gate)!r}): await asyncio.sleep(0.01)\n"
            '    await send({"type": "http.response.body", "body": b"two"})',
        )
        environ = ric.threaded if threaded else ric.environ
        async with (
            serve(source, environ) as url,
            url.client.stream("GET", "/202") as response,
        ):
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"one "
            await gate.touch()
            assert await anext(chunks) == b"two"
            assert response.status_code == 202
            assert response.headers["content-type"] == "text/plain"
            assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]

    @pytest.mark.anyio
    async def test_one_process_serves_many_and_its_client_posts_nothing_of_its_own(
        self, serve: Serve, ric: Ric
    ) -> None:
        async with serve(PLAIN, ric.threaded) as url:
            for _ in range(3):
                assert (await url.client.get("/")).text == "one two"
            assert url.pool.environments == 1
        assert "Error" not in url.log.getvalue(), "a second response would have been refused"

    @pytest.mark.anyio
    async def test_with_buffered_responses_it_is_a_handler_like_any_other(
        self, serve: Serve, ric: Ric
    ) -> None:
        environ = ric.environ | {"ADAPTER_INVOKE_MODE": "buffered"}
        async with serve(PLAIN, environ, streams=False) as url:
            response = await url.client.get("/202")
        assert (response.status_code, response.text) == (202, "one two")
        assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]

    def test_a_source_that_cannot_stream_gets_its_response_whole(
        self, managed: StartRunning
    ) -> None:
        running = managed(PLAIN)
        running.client.deliver(HTTP_API_EVENT)
        ours = running.platform.connection()
        request = ours.read()
        assert request.call == response_of("id-1")
        assert "Lambda-Runtime-Function-Response-Mode" not in {h.title() for h in request.headers}
        assert request.json["body"] == "one two"
        ours.accept()
        assert running.client.read().call == NEXT, "the client posted the result too"

    def test_the_lifespan_starts_once_and_before_the_first_event_is_asked_for(
        self, managed: StartRunning
    ) -> None:
        running = managed(PLAIN)
        assert running.client.head().call == NEXT
        assert running.platform.output.count("startup") == 1
        running.client.event(EVENT)
        running.ours.read()
        running.ours.accept()
        assert running.serves_on()
        assert running.platform.output.count("startup") == 1

    def test_all_of_it_happens_on_one_event_loop_in_the_main_thread(
        self, managed: StartRunning
    ) -> None:
        source = """
            import asyncio, threading
            from adapter import LambdaHandler
            loops = []
            async def app(scope, receive, send):
                loops.append(asyncio.get_running_loop())
                if scope["type"] == "lifespan":
                    await receive()
                    await send({"type": "lifespan.startup.complete"})
                    await receive()
                in_main = threading.current_thread() is threading.main_thread()
                body = f"{len(loops)} {len(set(loops))} {in_main}".encode()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
            handler = LambdaHandler(app)
        """
        running = managed(source, RIC_4.threaded)
        assert running.stream("id-1") == b"2 1 True"
        assert running.stream("id-2") == b"3 1 True"

    def test_the_nonce_of_the_delivery_goes_back_with_the_stream(
        self, managed: StartRunning
    ) -> None:
        running = managed(PLAIN)
        for number in "12":
            running.client.deliver(EVENT, "same-id", Lambda_Runtime_Invocation_Id=f"nonce-{number}")
            request = running.ours.read()
            assert request.headers["lambda-runtime-invocation-id"] == f"nonce-{number}"
            running.ours.accept()

    def test_a_retry_with_the_same_id_gets_a_response_too(self, managed: StartRunning) -> None:
        running = managed(PLAIN)
        assert running.stream("same-id") == running.stream("same-id") == b"one two"

    def test_what_runs_after_the_response_is_done_before_the_next_event_is_asked_for(
        self, managed: StartRunning, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        source = f"""
            import asyncio, os
            from adapter import LambdaHandler
            async def app(scope, receive, send):
                await send({{"type": "http.response.start", "status": 200, "headers": []}})
                await send({{"type": "http.response.body", "body": b"all"}})
                while not os.path.exists({str(gate)!r}): await asyncio.sleep(0.01)
                print("background done", flush=True)
            handler = LambdaHandler(app, lifespan="off")
        """
        running = managed(source)
        assert running.stream() == b"all"
        assert running.client.is_silent()
        gate.touch()
        assert running.client.head().call == NEXT
        assert "background done" in running.platform.output

    def test_a_connection_that_was_closed_while_frozen_is_opened_anew(
        self, managed: StartRunning
    ) -> None:
        running = managed(PLAIN)
        assert running.stream() == b"one two"
        assert running.client.read().call == NEXT  # the handler has returned
        for number, close in enumerate((Peer.close, Peer.reset)):
            close(running.ours)
            running.client.event(EVENT, f"again-{number}")
            running._ours = running.platform.connection()
            request = running.ours.read()
            assert request.content == b"one two"
            running.ours.accept()
            assert running.client.read().call == NEXT

    def test_a_function_written_by_hand_streams_too(self, managed: StartRunning) -> None:
        source = """
            from adapter import streamify_response
            @streamify_response
            async def handler(event, stream, context):
                await stream.write("by ")
                await stream.write("hand")
        """
        running = managed(source)
        for request_id in ("id-1", "id-2"):
            running.client.deliver({"any": "event"}, request_id)
            request = running.ours.read()
            assert (request.call, request.body) == (response_of(request_id), b"by hand")
            running.ours.accept()

    def test_a_prelude_that_a_function_writes_in_pieces_is_sent_as_it_is(
        self, managed: StartRunning
    ) -> None:
        source = """
            from adapter import streamify_response
            @streamify_response
            async def handler(event, stream, context):
                stream.set_content_type("application/vnd.awslambda.http-integration-response")
                for piece in ("{}", chr(0) * 8, "one two"):
                    await stream.write(piece)
        """
        running = managed(source)
        assert running.stream() == b"one two"
        assert running.serves_on()

    def test_where_no_lambda_is_none_of_this_is_imported(self) -> None:
        code = (
            "import os, sys; os.environ.pop('AWS_LAMBDA_RUNTIME_API', None)\n"
            "from adapter import LambdaHandler; LambdaHandler(print)\n"
            "folders = ('adapter.runtime_api', 'adapter.sync', 'adapter.native')\n"
            "print([name for name in sys.modules if name.startswith(folders)])"
        )
        printed = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
        assert printed == "[]\n"


FAILING = """
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["path"] == "/":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one two"})
        return
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise {error}

handler = LambdaHandler(app, lifespan="off", errors="{errors}")
"""


def failing(error: str, errors: str = "respond") -> str:
    return FAILING.replace("{error}", error).replace("{errors}", errors)


class TestFailures:
    """Every invocation ends in one way, and the process goes on."""

    @pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt"])
    def test_a_failure_before_the_head_is_a_500(self, managed: StartRunning, error: str) -> None:
        running = managed(failing(error))
        running.client.deliver(function_url_event("/early"))
        assert running.ours.read().prelude["statusCode"] == 500
        running.ours.accept()
        assert running.serves_on()

    def test_where_it_is_to_be_raised_the_client_reports_and_logs_it_as_ever(
        self, managed: StartRunning, ric: Ric
    ) -> None:
        running = managed(failing("ValueError('no')", "raise"), ric.environ)
        running.client.deliver(function_url_event("/early"))
        request = running.client.read()
        assert request.call == error_of("id-1")
        assert request.json["errorType"] == "ValueError"
        assert "[ERROR] ValueError: no" in running.platform.output
        running.client.accept()
        running.client.deliver(EVENT, "id-2")
        assert running.ours.read().content == b"one two"

    def test_what_the_client_would_let_end_the_process_is_reported_by_us(
        self, managed: StartRunning
    ) -> None:
        running = managed(failing("SystemExit(3)", "raise"))
        running.client.deliver(function_url_event("/early"))
        request = running.ours.read()
        assert (request.call, request.json["errorType"]) == (error_of("id-1"), "SystemExit")
        running.ours.accept()
        assert running.serves_on()

    @pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt"])
    @pytest.mark.parametrize("errors", ["respond", "raise"])
    def test_a_failure_after_the_head_goes_into_the_trailers_and_nowhere_else(
        self, managed: StartRunning, error: str, errors: str
    ) -> None:
        running = managed(failing(error, errors))
        running.client.deliver(function_url_event("/late"))
        request = running.ours.read()
        assert request.content == b"part"
        kind = request.trailers["lambda-runtime-function-error-type"]
        assert error.startswith(kind.removeprefix("Function."))
        running.ours.accept()
        assert running.serves_on()

    @pytest.mark.parametrize("status", [400, 403, 410, 413, 500])
    def test_a_response_that_is_refused_in_mid_stream_is_not_followed_by_another(
        self, managed: StartRunning, status: int
    ) -> None:
        source = PLAIN.replace(
            '    await send({"type": "http.response.body", "body": b"two"})',
            '    if scope["path"] == "/endless":\n'
            "        import asyncio\n"
            "        while True:\n"
            '            await send({"type": "http.response.body", "body": b"x" * 1000,'
            ' "more_body": True})\n'
            "            await asyncio.sleep(0.001)\n"
            '    await send({"type": "http.response.body", "body": b"two"})',
        )
        running = managed(source)
        running.client.deliver(function_url_event("/endless"))
        request = running.ours.head()
        running.ours.chunk(request)
        running.ours.refuse(status)
        running.ours.wait_closed()
        running._ours = None
        assert running.serves_on()
        assert str(status) in running.platform.output
        assert "Traceback" not in running.platform.output

    def test_a_connection_that_breaks_in_mid_stream_is_survived(
        self, managed: StartRunning, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        source = PLAIN.replace(
            '    await send({"type": "http.response.body", "body": b"two"})',
            "    import asyncio, os\n"
            f"    while not os.path.exists({str(gate)!r}): await asyncio.sleep(0.01)\n"
            '    await send({"type": "http.response.body", "body": b"two"})',
        )
        running = managed(source)
        running.client.deliver(EVENT)
        running.ours.chunk(running.ours.head())
        running.ours.reset()
        gate.touch()
        running._ours = None
        assert running.serves_on()

    def test_a_connection_that_breaks_before_the_first_byte_is_an_error_of_the_invocation(
        self, managed: StartRunning, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        source = PLAIN.replace(
            "    status = 202",
            "    import asyncio, os\n"
            f"    while not os.path.exists({str(gate)!r}): await asyncio.sleep(0.01)\n"
            "    await asyncio.sleep(0.05)  # turns of the loop, in which it hears of the end\n"
            "    status = 202",
        )
        running = managed(source)
        running.client.deliver(EVENT)
        running.ours.close()
        gate.touch()
        request = running.client.read()
        assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ClientDisconnected")
        running.client.accept()
        running._ours = None
        assert running.serves_on()

    def test_an_app_that_is_too_slow_is_ended_before_lambda_ends_the_process(
        self, managed: StartRunning
    ) -> None:
        source = PLAIN.replace(
            'if scope["type"]',
            'if scope.get("path") == "/slow":\n'
            "        import asyncio; await asyncio.sleep(60)\n"
            '    if scope["type"]',
            1,
        )
        for errors, kind in (("respond", response_of), ("raise", error_of)):
            running = managed(source.replace("(app)", f"(app, errors={errors!r})"))
            running.client.deliver(function_url_event("/slow"), seconds=0.6)
            assert running.ours.read().call == kind("id-1")
            running.ours.accept()
            assert running.serves_on()

    def test_a_task_left_behind_cannot_end_the_process_in_the_middle_of_a_response(
        self, managed: StartRunning
    ) -> None:
        source = """
            import asyncio, sys
            from adapter import LambdaHandler
            async def leave():
                sys.exit(5)
            async def app(scope, receive, send):
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"one ", "more_body": True})
                app.task = asyncio.create_task(leave())
                await asyncio.sleep(0.05)
                await send({"type": "http.response.body", "body": b"two"})
            handler = LambdaHandler(app, lifespan="off")
        """
        running = managed(source)
        assert running.stream() == b"one two"
        assert running.serves_on()
        assert "SystemExit: 5" in running.platform.output

    def test_a_startup_that_fails_is_reported_as_a_failed_init(
        self, managed: StartRunning, ric: Ric
    ) -> None:
        source = """
            from adapter import LambdaHandler
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no database"})
            handler = LambdaHandler(app)
        """
        running = managed(source, ric.environ)
        request = running.client.read()
        assert request.call == INIT_ERROR
        assert request.json["errorType"] == "LifespanFailed"
        assert "no database" in request.json["errorMessage"]
        running.client.accept()
        assert running.platform.exit_code() == 1
        assert "The environment cannot start" in running.platform.output


class TestCalls:
    """Of the handler, from elsewhere than the client."""

    def test_what_a_wrapper_raises_after_the_response_is_logged_and_dropped(
        self, managed: StartRunning, ric: Ric
    ) -> None:
        source = (
            PLAIN
            + """
inner = handler
def handler(event, context):
    inner(event, context)
    raise ValueError("mine")
"""
        )
        running = managed(source, ric.environ)
        assert running.stream() == b"one two"
        assert running.serves_on()
        log = running.platform.output
        assert (
            log.count("Handler raised, but the invocation already has an outcome")
            == log.count("[ERROR] ValueError: mine")
            == 2
        )


class TestEnvironments:
    """The other ways in which AWS's runtime lives."""

    def test_under_snapstart_the_lifespan_starts_before_the_snapshot_and_no_socket_does(
        self, managed: StartRunning, ric: Ric
    ) -> None:
        running = managed(PLAIN, ric.environ | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})
        restore = running.client
        assert restore.read().path == "/2018-06-01/runtime/restore/next"
        assert running.platform.output.count("startup") == 1
        restore.reply(200)
        running.client = running.platform.connection()  # ours would have come before it
        assert running.stream() == b"one two"
        assert running.serves_on()
        assert running.platform.output.count("startup") == 1

    def test_under_snapstart_a_failed_startup_is_a_failed_init(self, managed: StartRunning) -> None:
        source = """
            from adapter import LambdaHandler
            async def app(scope, receive, send):
                raise ValueError("no database")
            handler = LambdaHandler(app, lifespan="on")
        """
        running = managed(source, RIC_4.environ | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})
        request = running.client.read()
        assert (request.call, request.json["errorType"]) == (INIT_ERROR, "LifespanFailed")
        running.client.accept()
        assert running.platform.exit_code() == 64

    def test_each_process_of_a_managed_instance_streams_over_a_connection_of_its_own(
        self, start: Start
    ) -> None:
        environ = RIC_4.environ | {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}
        platform = start(PLAIN, "main.handler", RIC, **environ)
        clients = [platform.connection(), platform.connection()]
        for number, client in enumerate(clients):
            client.deliver(EVENT, f"id-{number}", Lambda_Runtime_Invocation_Id="")
        ours = [platform.connection(), platform.connection()]
        requests = [peer.read() for peer in ours]
        assert {request.call for request in requests} == {response_of("id-0"), response_of("id-1")}
        assert [request.content for request in requests] == [b"one two"] * 2
        for peer in ours:
            peer.accept()
        assert [client.read().call for client in clients] == [NEXT] * 2
        assert platform.output.count("startup") == 2

    @pytest.mark.parametrize("mode", ["thread", "hybrid"])
    def test_where_threads_share_the_process_the_handler_refuses_at_init_and_says_what_to_do(
        self, managed: StartRunning, ric: Ric, mode: str
    ) -> None:
        running = managed(PLAIN, ric.environ | {"AWS_LAMBDA_CONCURRENCY_MODE": mode})
        request = running.client.read()
        assert (request.call, request.json["errorType"]) == (INIT_ERROR, "ConfigurationError")
        assert f"AWS_LAMBDA_CONCURRENCY_MODE is {mode!r}" in request.json["errorMessage"]
        assert "Set it to 'process'" in request.json["errorMessage"]
        assert "AWS_LAMBDA_EXEC_WRAPPER" in request.json["errorMessage"]
        running.client.accept()
        assert running.platform.exit_code() == 1

    def test_where_processes_serve_it_streams(self, managed: StartRunning, ric: Ric) -> None:
        running = managed(PLAIN, ric.environ | {"AWS_LAMBDA_CONCURRENCY_MODE": "process"})
        assert running.stream() == b"one two"
        assert running.serves_on()

    def test_a_signal_ends_the_process_at_once_and_the_lifespan_does_not_shut_down(
        self, managed: StartRunning
    ) -> None:
        running = managed(PLAIN.replace("await receive()\n    s", "print(await receive())\n    s"))
        assert running.client.read().call == NEXT
        running.platform.terminate()
        assert running.platform.exit_code() == -15
        assert "shutdown" not in running.platform.output


class TestLogs:
    """AWS's logging stays as it is."""

    SOURCE = (
        PLAIN.replace(
            "    status = 202",
            '    logging.getLogger("shop").warning("sold %s", 3)\n    status = 202',
        )
        + "\nimport logging\n"
    )

    def test_text_has_the_request_id_in_each_line(self, managed: StartRunning, ric: Ric) -> None:
        running = managed(self.SOURCE, ric.environ)
        assert running.stream("id-7") == b"one two"
        assert running.client.read().call == NEXT
        [line] = [line for line in running.platform.output.splitlines() if "sold" in line]
        assert line.startswith("[WARNING]\t")
        assert line.endswith("Z\tid-7\tsold 3")

    def test_json_has_it_too(self, managed: StartRunning, ric: Ric) -> None:
        running = managed(
            self.SOURCE,
            ric.environ | {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
        )
        assert running.stream("id-7") == b"one two"
        assert running.client.read().call == NEXT
        assert '"message": "sold 3"' in running.platform.output
        assert '"requestId": "id-7"' in running.platform.output


class TestOptions:
    """Some are for the native runtime."""

    IGNORED = "no effect under AWS's runtime"

    def log_of(self, running: Running) -> str:
        assert running.client.head().call == NEXT
        return running.platform.output

    def test_those_without_an_effect_are_one_warning_that_says_what_to_do(
        self, managed: StartRunning, ric: Ric
    ) -> None:
        options = {"ADAPTER_ASYNC_INIT": "9", "ADAPTER_LOOP": "uvloop"}
        output = self.log_of(managed(PLAIN, ric.environ | options))
        assert output.count(self.IGNORED) == 1
        assert "ADAPTER_LOOP, ADAPTER_ASYNC_INIT" in output
        assert "AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap" in output

    def test_that_of_adapter_dev_is_no_mistake_of_the_user(self, managed: StartRunning) -> None:
        environ = RIC_4.environ | {"ADAPTER_WATCHDOG": "on"}
        assert self.IGNORED not in self.log_of(managed(PLAIN, environ))

    def test_but_on_lambda_it_is(self, managed: StartRunning) -> None:
        environ = RIC_4.threaded | {"ADAPTER_WATCHDOG": "on"}
        assert f"ADAPTER_WATCHDOG: {self.IGNORED}" in self.log_of(managed(PLAIN, environ))


class TestStrangers:
    """A version that is not as those we know."""

    @pytest.fixture
    def stranger(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
        """Return the variables for the installed version with one name in it changed."""
        spec = find_spec("awslambdaric")
        assert spec is not None
        assert spec.origin is not None
        old, new = request.param
        target = tmp_path / "stranger" / "awslambdaric"
        target.mkdir(parents=True)
        for file in Path(spec.origin).parent.glob("*.py"):
            (target / file.name).write_text(re.sub(old, new, file.read_text()))
        return RIC_4.environ | {"PYTHONPATH": f"{target.parent}:{ROOT}"}

    @pytest.mark.parametrize(
        "stranger",
        [
            ("wait_next_invocation", "wait_for_next"),
            (r"(?<!\bruntime_client\.)post_invocation_result", "post_it"),  # not C's
            ("invoke_id", "invocation"),
            (r"LambdaRuntimeClient\b", "Unheard"),
        ],
        indirect=True,
    )
    @pytest.mark.anyio
    async def test_it_is_one_clear_warning_and_buffered_responses(
        self, serve: Serve, stranger: dict[str, str]
    ) -> None:
        source = PLAIN + "other = LambdaHandler(app)\n"
        async with serve(source, stranger, streams=False) as url:
            for _ in range(2):
                assert (await url.client.get("/")).text == "one two"
        assert url.log.getvalue().count("Responses are buffered, not streamed") == 1
        assert url.log.getvalue().count("startup") == 1

    @pytest.mark.parametrize(
        "stranger",
        [("request_handler", "function"), ("log_error", "write_error")],
        indirect=True,
    )
    def test_one_that_reports_errors_in_another_way_streams_and_there_is_one_warning(
        self, managed: StartRunning, stranger: dict[str, str]
    ) -> None:
        running = managed(PLAIN + "other = LambdaHandler(app)\n", stranger)
        assert running.stream() == b"one two"
        assert running.serves_on()
        assert running.platform.output.count("Update the adapter") == 1


def test_the_reported_stack_of_a_function_begins_with_the_function(
    managed: StartRunning, ric: Ric
) -> None:
    source = PLAIN + "def fail(event, context):\n    1 / 0\n\ninner, handler = handler, fail\n"
    running = managed(source, ric.environ)
    running.client.deliver(EVENT)
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ZeroDivisionError")
    [frame] = request.json["stackTrace"]
    assert "in fail" in frame
