"""The local Lambda under clients of the Runtime API that are not the adapter's."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent / "other_runtimes"
TOOLS = Path(__file__).parents[2] / ".venv-system"
NODE_CLIENT = TOOLS / "node_modules" / "aws-lambda-ric" / "index.mjs"
WEB_ADAPTER = TOOLS / "cargo" / "bin" / "lambda-adapter"


def chunks(url: str) -> tuple[httpx.Response, list[str]]:
    """Read a stream; return its chunks as they arrived."""
    with httpx.stream("GET", url, timeout=60) as reply:
        return reply, list(reply.iter_text())


class TestNode:
    @pytest.fixture
    def url(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        assert NODE_CLIENT.exists(), "Node's client is not installed. Try: make test-system"
        NODE_CLIENT.with_name("rapid-client.node").touch()
        monkeypatch.setenv("NODE_OPTIONS", f"--require {HERE / 'no_native.cjs'}")
        monkeypatch.setenv("AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1", "true")
        command = f"node {NODE_CLIENT} index.handler"
        monkeypatch.chdir(HERE)
        with adapter_dev("--command", command, "--handler", "index.handler") as local:
            yield local.url

    def test_a_streamed_response_arrives_as_it_is_written(self, url: str) -> None:
        reply, pieces = chunks(f"{url}/x")
        assert (reply.status_code, reply.headers["x-path"]) == (201, "/x")
        assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert pieces == ["first", "second"]

    def test_an_error_is_a_bad_gateway_and_the_next_request_is_served(self, url: str) -> None:
        assert httpx.get(f"{url}/fails", timeout=60).status_code == 502
        assert chunks(f"{url}/x")[1] == ["first", "second"]


class TestWebAdapter:
    @pytest.fixture
    def url(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        assert WEB_ADAPTER.exists(), "Lambda Web Adapter is not installed. Try: make test-system"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        monkeypatch.setenv("AWS_LWA_PORT", port)
        monkeypatch.setenv("AWS_LWA_INVOKE_MODE", "response_stream")
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        served = f"uvicorn web_app:app --port {port}"
        command = f"sh -c '{served} & exec {WEB_ADAPTER}'"
        monkeypatch.chdir(HERE)
        with adapter_dev("--command", command) as local:
            yield local.url

    def test_a_stream_of_an_app_under_uvicorn_arrives_as_it_is_sent(self, url: str) -> None:
        reply, pieces = chunks(f"{url}/x")
        assert (reply.status_code, reply.headers["content-type"]) == (201, "text/plain")
        assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert pieces == ["first", "/x"]
