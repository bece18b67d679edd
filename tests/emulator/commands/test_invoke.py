"""``adapter invoke`` with our own runtime, as a user calls it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from adapter.__main__ import main
from adapter.cli import build_parser
from adapter.emulator.commands.invoke import read_event

if TYPE_CHECKING:
    from pathlib import Path

APP = """
from adapter import streamify_response

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    request = await receive()
    status = int(scope["query_string"] or 200)
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=b"), *(
        (b"x-echo", value) for name, value in scope["headers"] if name == b"x-in")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    path = f"{scope['method']} {scope['path']} "
    await send({"type": "http.response.body", "body": path.encode(), "more_body": True})
    if scope["path"] == "/fail":
        raise ValueError("in the middle")
    await send({"type": "http.response.body", "body": request["body"]})

async def sick(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

@streamify_response
async def odd(event, stream, context):
    stream.content_type = "application/vnd.awslambda.http-integration-response"
    await stream.write(b'{"statusCode":"200"}' + bytes(8) + b"body")

def handler(event, context):
    if event == {"fail": True}:
        raise ValueError("no")
    return event
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "main.py"
    file.write_text(APP)
    monkeypatch.chdir(tmp_path)
    return file


@pytest.mark.usefixtures("app")
class TestInvoke:
    def test_the_body_goes_to_stdout_and_all_else_to_stderr(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert main(["invoke", "main:app", "--path", "/a%20b"]) == 0
        out, err = capfdbinary.readouterr()
        assert out == b"GET /a b "
        assert b"REPORT RequestId:" in err
        assert b"content-type" not in err

    def test_a_request_can_be_described(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        request = ["--path", "/", "--data", "hi", "--header", "X-In: 1", "--header", "x-in: 2"]
        assert main(["invoke", "main.py:app", *request, "--include", "--timings"]) == 0
        out, err = capfdbinary.readouterr()
        assert out == b"POST / hi"
        for line in (b"Status: 200\n", b"x-echo: 1,2\n", b"Set-Cookie: a=b\n"):
            assert line in err
        assert re.search(rb"\n +\d+\.\d{3} s  7 bytes\n +\d+\.\d{3} s  2 bytes\n", err)

    def test_a_body_can_come_from_a_file(
        self, app: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        app.with_name("body").write_bytes(b"\xff\0")
        arguments = ["--path", "/", "--method", "put", "--data", "@body"]
        assert main(["invoke", "main:app", *arguments]) == 0
        assert capfdbinary.readouterr().out == b"PUT / \xff\0"

    def test_an_event_is_sent_as_it_is(
        self, app: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        app.with_name("event.json").write_text('{"x": [1]}')
        assert main(["invoke", "main.handler", "--event", "event.json"]) == 0
        assert json.loads(capfdbinary.readouterr().out) == {"x": [1]}

    def test_an_event_can_come_from_stdin(
        self, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[2]")))
        assert main(["invoke", "main.handler", "--event", "-"]) == 0
        assert json.loads(capfdbinary.readouterr().out) == [2]

    @pytest.mark.parametrize("path", ["/?503", "/fail"])
    def test_an_app_that_fails_is_exit_code_1(
        self, path: str, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert main(["invoke", "main:app", "--path", path]) == 1
        if path == "/fail":
            assert b"The stream ended with Function.ValueError." in capfdbinary.readouterr().err

    def test_a_status_that_is_not_a_number_is_exit_code_1(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert main(["invoke", "main.odd", "--path", "/"]) == 1
        assert b"statusCode is '200', not a number" in capfdbinary.readouterr().err

    def test_a_server_error_of_a_buffered_response_is_exit_code_1(
        self, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "buffered")
        assert main(["invoke", "main:app", "--path", "/?503"]) == 1
        assert json.loads(capfdbinary.readouterr().out)["statusCode"] == 503

    def test_a_function_error_is_exit_code_1(
        self, app: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        app.with_name("event.json").write_text('{"fail": true}')
        assert main(["invoke", "main.handler", "--event", "event.json"]) == 1
        assert b"The function failed. ValueError: no" in capfdbinary.readouterr().err

    @pytest.mark.parametrize("target", ["main:nothing", "nowhere:app", "main.app"])
    def test_an_app_that_cannot_be_loaded_is_exit_code_2(
        self, app: Path, target: str, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert main(["invoke", target, "--path", "/"]) == 2
        said = capfdbinary.readouterr().err
        assert b"Init failed: Runtime." in said
        last = f"{target} from {app.parent} cannot start. The lines above say why.\n"
        assert said.endswith(last.encode())

    def test_a_runtime_that_exits_without_a_reason_is_named(
        self, app: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        app.write_text("import os; os._exit(3)")
        assert main(["invoke", "main:app", "--path", "/"]) == 2
        assert b"The function failed. Runtime.ExitError: " in capfdbinary.readouterr().err

    def test_a_lifespan_that_fails_is_exit_code_3(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert main(["invoke", "main:sick", "--path", "/"]) == 3
        assert b"no database" in capfdbinary.readouterr().err

    def test_a_lifespan_whose_message_is_a_traceback_shows_the_traceback_once(
        self, app: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        app.write_text(
            "import traceback\n"
            "async def app(scope, receive, send):\n"
            "    await receive()\n"
            "    try:\n"
            "        raise RuntimeError('no database')\n"
            "    except RuntimeError:\n"
            "        message = traceback.format_exc()\n"
            "    await send({'type': 'lifespan.startup.failed', 'message': message})\n"
        )
        assert main(["invoke", "main:app", "--path", "/"]) == 3
        said = capfdbinary.readouterr().err
        assert said.count(b"Traceback (most recent call last)") == 1
        reason = b"LifespanFailed: The app's startup failed: RuntimeError: no database\n"
        assert b"Init failed: " + reason in said

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--path", "x"], "--path has to begin with /"),
            (["--path", "/", "--header", "x"], "--header 'x' is not a header"),
            (["--path", "/", "--header", ": v"], "--header ': v' is not a header"),
            (["--path", "/", "--header", "a: b\nc: d"], "--header 'a: b\\nc: d' is not a header"),
            (["--path", "/", "--method", "G T"], "--method 'G T' is not a method"),
            (["--path", "/", "--method", ""], "--method '' is not a method"),
            (["--path", "/", "--data", "@nowhere"], "Cannot read 'nowhere'"),
            (["--event", ""], "Cannot read ''"),
            (["--event", "."], "Cannot read '.': Is a directory."),
            (["--event", "nowhere.json"], "Cannot read 'nowhere.json'"),
            (["--event", "main.py"], "main.py does not hold an event, which is JSON in UTF-8: "),
        ],
    )
    def test_wrong_usage_is_exit_code_2(
        self, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["invoke", "main:app", *arguments]) == 2
        assert says in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "Expecting value: line 1 column 1 (char 0)"),
            (b'{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            (b"\x89PNG\r\n", "'utf-8' codec can't decode byte 0x89 in position 0"),
            ('{"a": 1}'.encode("utf-16"), "'utf-8' codec can't decode byte 0xff in position 0"),
        ],
    )
    def test_an_event_that_cannot_be_read_is_one_sentence_that_says_where_and_what_to_do(
        self, app: Path, capsys: pytest.CaptureFixture[str], content: bytes, says: str
    ) -> None:
        app.with_name("event.json").write_bytes(content)
        assert main(["invoke", "main:app", "--event", "event.json"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(
            f"adapter: event.json does not hold an event, which is JSON in UTF-8: {says}"
        )
        assert said.endswith(". To send a request instead, use --path.\n")
        assert said.count("\n") == 1

    @pytest.mark.parametrize("option", ["--data", "--header", "--method"])
    def test_request_options_are_refused_beside_an_event(
        self, option: str, app: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app.with_name("event.json").write_text("{}")
        assert main(["invoke", "main.handler", "--event", "event.json", option, ""]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"adapter: --event and {option} do not go together: ")
        assert said.count("\n") == 1

    def test_an_event_that_is_nested_too_deep_is_one_line(
        self, app: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app.with_name("event.json").write_text("[" * 100_000)
        assert main(["invoke", "main.handler", "--event", "event.json"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("adapter: event.json does not hold an event")
        assert said.count("\n") == 1

    def test_an_event_that_lambda_would_refuse_is_refused(
        self, app: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        app.with_name("event.json").write_text(json.dumps("x" * 6_300_000))
        assert main(["invoke", "main.handler", "--event", "event.json"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("adapter: Not invoked: the event has more than 6291456 bytes")
        assert "A binary body is base64 in it and grows by a third" in said

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
    )
    def test_a_signal_ends_every_process(self, app: Path, number: int, code: int) -> None:
        app.write_text("import os, signal; print(os.getpid(), flush=True); signal.pause()")
        command = [sys.executable, "-m", "adapter", "invoke", "main:app", "--path", "/"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            runtime = os.pidfd_open(int(process.stderr.readline()))
            process.send_signal(number)
            assert process.wait(20) == code
            assert select.select([runtime], [], [], 20)[0]
            os.close(runtime)
            assert "Traceback" not in process.stderr.read()

    def test_a_closed_stdout_is_no_error(self, app: Path) -> None:
        command = [sys.executable, "-m", "adapter", "invoke", "main:app", "--path", "/"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.wait(20) == 0
            assert "Error" not in process.stderr.read()

    def test_on_a_terminal_the_log_begins_on_a_line_of_its_own(self) -> None:
        command = [sys.executable, "-m", "adapter", "invoke", "main:app", "--path", "/"]
        terminal, other = os.openpty()
        with subprocess.Popen(command, stdout=other, stderr=other):
            os.close(other)
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal is an error
                while data := os.read(terminal, 4096):
                    shown += data
        os.close(terminal)
        assert re.search(rb"\nGET / \r\n[^\r\n]*END RequestId", shown)

    def test_a_full_disk_is_one_sentence_and_exit_code_1(self) -> None:
        command = [sys.executable, "-m", "adapter", "invoke", "main:app", "--path", "/"]
        with open("/dev/full", "w") as full:
            ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 1
        sentence = "The output is incomplete: No space left on device. Make room for it.\n"
        assert ended.stderr.count(sentence) == 1
        assert "REPORT RequestId:" in ended.stderr
        assert "Error" not in ended.stderr


def test_an_event_with_a_byte_order_mark_is_sent_without_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(b'\xef\xbb\xbf{"x": "\xc3\xa9"}\r\n')
    arguments = build_parser().parse_args(["invoke", "main.handler", "--event", str(file)])
    assert read_event(arguments).document == b'{"x": "\xc3\xa9"}\r\n'


def test_bytes_that_are_not_utf_8_reach_the_app_as_they_are(
    app: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    app.write_text(
        "async def app(scope, receive, send):\n"
        "    body = scope['raw_path'], dict(scope['headers'])[b'x'], (await receive())['body']\n"
        "    await send({'type': 'http.response.start', 'status': 200})\n"
        "    await send({'type': 'http.response.body', 'body': repr(body).encode()})\n"
    )
    request = ["--path", "/\udce9", "--header", "x: \udce9", "--data", "\udce9"]
    assert main(["invoke", "main:app", *request]) == 0
    assert capfdbinary.readouterr().out == rb"(b'/%E9', b'\xe9', b'\xe9')"
