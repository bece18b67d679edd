"""Commands that a shell runs as they are: the arguments arrive as they were in the request."""

from __future__ import annotations

import json
import subprocess

import pytest

from adapter.emulator.inspector.request_line import HttpRequest
from adapter.emulator.inspector.shell_commands import curl_command, invoke_command

SHOW = """
curl() { printf '%s\\0' curl "$@"; }
adapter() { printf '%s\\0' adapter "$@"; cat; }
"""


def run(command: str) -> list[str]:
    """Run a command in a shell where curl and adapter print their arguments."""
    script = ["sh", "-c", f"{SHOW}{command}"]
    done = subprocess.run(script, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "backslashreplace").split("\0")


GET = HttpRequest("GET", "/a?b=[1]&c='$(id)'", (("accept", "text/html"), ("host", "x")))
POST = HttpRequest("POST", "/p", (("Content-Type", "text/plain"),), b"it's `me` $HOME\n")


@pytest.mark.process
class TestCurl:
    def test_a_path_that_a_shell_would_read_is_quoted(self) -> None:
        words = run(curl_command(GET, "http://127.0.0.1:8000"))
        assert words[-2] == "http://127.0.0.1:8000/a?b=[1]&c='$(id)'"
        assert "accept: text/html" in words
        assert "host: x" not in words

    def test_a_body_is_sent_as_it_is(self) -> None:
        words = run(curl_command(POST, "http://localhost:1"))
        assert words[words.index("--data-binary") + 1] == POST.body.decode()
        assert "--request" not in words

    def test_a_method_is_named_if_curl_would_choose_another(self) -> None:
        words = run(curl_command(POST._replace(method="PUT"), "http://x"))
        assert words[words.index("--request") + 1] == "PUT"
        assert "--head" in run(curl_command(GET._replace(method="HEAD"), "http://x"))

    def test_a_body_without_a_type_gets_none_from_curl(self) -> None:
        words = run(curl_command(POST._replace(headers=(("x-empty", ""),)), "http://x"))
        assert "Content-Type:" in words
        assert "x-empty;" in words

    def test_an_event_that_is_not_http_has_no_curl_command(self) -> None:
        assert curl_command(HttpRequest("", "aws:sqs"), "http://x") == ""


@pytest.mark.process
class TestInvoke:
    def test_a_request_is_described(self) -> None:
        words = run(invoke_command(POST, b"{}", "main:app"))
        assert words[:3] == ["adapter", "invoke", "main:app"]
        assert words[words.index("--path") + 1] == "/p"
        assert words[words.index("--data") + 1] == POST.body.decode()
        words = run(invoke_command(GET._replace(method="DELETE"), b"{}", "main:app"))
        assert words[words.index("--method") + 1] == "DELETE"

    @pytest.mark.parametrize("body", [b"\xff\x00", b"@file", b"a\0b"])
    def test_bytes_that_no_argument_can_hold_go_through_a_pipe(self, body: bytes) -> None:
        words = run(invoke_command(POST._replace(body=body), b"{}", "main:app"))
        assert words[words.index("--data") + 1] == "@-"
        sent = "\0".join(words[words.index("@-") + 1 :])
        assert sent == body.decode("utf-8", "backslashreplace")

    def test_another_event_is_sent_through_a_pipe(self) -> None:
        event = json.dumps({"quote": "it's \\n 100 %"}).encode()
        words = run(invoke_command(HttpRequest("", "aws:sqs"), event, "main.handler"))
        assert words == ["adapter", "invoke", "main.handler", "--event", "-", event.decode()]
