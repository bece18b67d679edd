"""`adapter doctor` and an nginx that buffers, or compresses, or passes each chunk on."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from adapter.__main__ import main
from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NGINX = "/usr/sbin/nginx"
APP = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/event-stream")]
    if scope["path"] == "/unbuffered":
        headers.append((b"x-accel-buffering", b"no"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(4):
        await send({"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True})
        await asyncio.sleep(0.3)
    await send({"type": "http.response.body", "body": b""})
"""
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {upstream};
      {settings}
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("app") / "main.py"
    file.write_text(APP)
    with adapter_dev(f"{file}:app", "--no-inspector") as running:
        yield running.url


@contextmanager
def nginx(folder: Path, upstream: str, settings: str) -> Iterator[str]:
    """Run nginx in front of a server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream=upstream, settings=settings)
    )
    command = [NGINX, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(file)]
    with subprocess.Popen(command) as process:
        try:
            while True:
                assert process.poll() is None, (folder / "error.log").read_text()
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def doctor(folder: Path, url: str) -> tuple[int, dict[str, Any]]:
    """Call the doctor; return its exit code and its report."""
    file = folder / "report.json"
    code = main(["doctor", url, "--report", str(file)])
    return code, json.loads(file.read_text())


def test_a_proxy_that_buffers_is_named_with_its_setting(tmp_path: Path, upstream: str) -> None:
    with nginx(tmp_path, upstream, "") as url:
        code, report = doctor(tmp_path, f"{url}/sse")
    finding = report["findings"][0]
    assert (code, finding["symptom"]) == (1, "held")
    assert "nginx is on the way" in finding["text"]
    assert "proxy_buffering off" in finding["advice"]


@pytest.mark.parametrize(
    ("settings", "path"), [("proxy_buffering off;", "/sse"), ("", "/unbuffered")]
)
def test_the_advice_helps(tmp_path: Path, upstream: str, settings: str, path: str) -> None:
    with nginx(tmp_path, upstream, settings) as url:
        code, report = doctor(tmp_path, f"{url}{path}")
    assert (code, report["findings"]) == (0, [])


def test_a_proxy_that_compresses_is_a_warning(tmp_path: Path, upstream: str) -> None:
    settings = "proxy_buffering off; gzip on; gzip_types *; gzip_min_length 1;"
    with nginx(tmp_path, upstream, settings) as url:
        _, report = doctor(tmp_path, f"{url}/sse")
    assert "compressed" in [finding["symptom"] for finding in report["findings"]]


def test_a_proxy_that_gives_up_breaks_the_response_off(tmp_path: Path, upstream: str) -> None:
    settings = "proxy_buffering off; proxy_read_timeout 200ms;"
    with nginx(tmp_path, upstream, settings) as url:
        code, report = doctor(tmp_path, f"{url}/sse")
    assert (code, report["findings"][0]["symptom"]) == (1, "broken")
