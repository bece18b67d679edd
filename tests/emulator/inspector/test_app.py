"""The inspector over HTTP: page, data, replay, and those it does not serve."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.function_url import FunctionUrlSource
from adapter.emulator.front_ends.http_api import HttpApiSource
from adapter.emulator.front_ends.http_front_end import HttpFrontEnd
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.front_ends.load_balancer import LoadBalancerSource
from adapter.emulator.front_ends.rest_api import RestApiSource
from adapter.emulator.inspector.app import inspect, json_response
from adapter.emulator.inspector.journal import Journal

from ..scripts import for_each_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapter.emulator.front_ends.event_source import EventSource

    from ..conftest import LocalFactory

pytestmark = pytest.mark.anyio

DEFAULTS = FrontEndSettings()

SCRIPT = for_each_event(
    "print('working', flush=True)",
    "c.stream(request_id)",
    """c.chunk('{"statusCode":200,"headers":{"content-type":"text/event-stream"}}' + NULS)""",
    "c.chunk('data: <script>')",
    "c.chunk(event[:10])",
    "c.end()",
)


SLOW = for_each_event(
    "import time",
    "c.stream(request_id)",
    """c.chunk('{"headers":{"content-type":"text/event-stream"}}' + NULS)""",
    "for _ in range(4):",
    "    c.chunk('data: x')",
    "    time.sleep(0.3)",
    "c.end()",
)


@asynccontextmanager
async def inspected(
    local: LocalFactory,
    script: str = SCRIPT,
    settings: FrontEndSettings = DEFAULTS,
    source: EventSource | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """Run a script behind a function URL that has the inspector."""
    async with local(script) as running:
        url = HttpFrontEnd(running.pool, settings, running.pool._console, source)
        with listen("127.0.0.1", 0) as listening:
            base = f"http://127.0.0.1:{listening.getsockname()[1]}"
            async with (
                inspect(url, running.pool, Journal(), running.pool._console) as app,
                serve(app, listening),
                httpx.AsyncClient(base_url=base, timeout=30) as client,
            ):
                yield client
                await running.pool.close()


async def first_detail(client: httpx.AsyncClient, number: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/__lambda__/invocations/{number}")).json()
    return found


async def test_an_invocation_is_listed_and_shown_and_its_response_is_untouched(
    local: LocalFactory,
) -> None:
    async with inspected(local) as client:
        response = await client.get("/sse?x=1")
        rows = (await client.get("/__lambda__/invocations")).json()
        shown = await first_detail(client)
    assert response.text == 'data: <script>{"version"'
    assert "content-security-policy" not in response.headers
    assert [(row["method"], row["target"], row["status"]) for row in rows] == [
        ("GET", "/sse?x=1", 200)
    ]
    assert rows[0]["outcome"] == "complete"
    assert rows[0]["cold"] is True
    assert shown["body_start"] == response.text
    assert ["content-type", "text/event-stream"] in shown["headers"]
    assert sum(size for _, size in shown["written"]) == len(response.content)
    assert "working" in [line for _, line in shown["lines"]]


async def test_changes_are_sent_as_they_happen(local: LocalFactory) -> None:
    async with inspected(local) as client, client.stream("GET", "/__lambda__/events") as events:
        lines = events.aiter_lines()
        assert await anext(lines) == "data: []"
        await client.get("/first")
        rows: list[dict[str, Any]] = []
        while not rows or rows[-1]["outcome"] != "complete":
            line = await anext(lines)
            rows += json.loads(line.removeprefix("data: ")) if line else []
    assert {row["target"] for row in rows} == {"/first"}


async def test_a_replay_is_a_new_invocation_of_the_same_event(local: LocalFactory) -> None:
    async with inspected(local) as client:
        await client.post("/form?x=1", content=b"body")
        replay = await client.post("/__lambda__/invocations/1/replay")
        assert replay.status_code == 202
        while (await first_detail(client, 2))["ended"] is None:
            pass  # each request takes time
        first, second = await first_detail(client), await first_detail(client, 2)
    same = ("method", "target", "event", "status", "body_start", "outcome")
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
    assert first["request_id"] != second["request_id"]


@pytest.mark.parametrize(
    ("options", "symptoms"),
    [
        ({}, []),
        ({"settings": FrontEndSettings(undocumented=frozenset({"hold"}))}, ["delayed"]),
        ({"source": FunctionUrlSource(streams=False)}, ["buffering-source"]),
    ],
)
async def test_a_url_that_holds_chunks_back_is_found(
    local: LocalFactory, options: dict[str, Any], symptoms: list[str]
) -> None:
    async with inspected(local, SLOW, **options) as client:
        await client.get("/")
        shown = await first_detail(client)
    assert [finding["symptom"] for finding in shown["findings"]] == symptoms


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (FunctionUrlSource(streams=False), "/a%20b?x=%5B"),
        (RestApiSource(stage="prod"), "/prod/a%20b?x=%5B"),
        (RestApiSource(base_path="/shop"), "/shop/a%20b?x=%5B"),
        (HttpApiSource(base_path="/shop"), "/shop/a%20b?x=%5B"),
        (LoadBalancerSource(multi=True), "/a%20b?x=%5B"),
    ],
)
async def test_the_copied_command_sends_the_same_request(
    local: LocalFactory, source: EventSource, target: str
) -> None:
    async with inspected(local, source=source) as client:
        await client.get(target, headers={"x-mine": "1"})
        await client.post("/__lambda__/invocations/1/replay")
        for number in (1, 2):  # a replay has the client's path, too
            command = (await first_detail(client, number))["curl"]
            assert f"{client.base_url}{target}" in command.replace("'", "")
            assert "'x-mine: 1'" in command


async def test_the_page_and_its_files_are_sent_with_a_strict_policy(local: LocalFactory) -> None:
    async with inspected(local) as client:
        assert (await client.get("/__lambda__")).headers["location"] == "/__lambda__/"
        for file in ("", "inspector.css", "inspector.js", "waterfall.js"):
            response = await client.get(f"/__lambda__/{file}")
            assert response.status_code == 200
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert "access-control-allow-origin" not in response.headers
        assert (await client.get("/__lambda__/other")).status_code == 404
        assert (await client.get("/__lambda__/invocations/9")).status_code == 404


async def test_a_download_has_a_name(local: LocalFactory) -> None:
    async with inspected(local) as client:
        await client.get("/")
        response = await client.get("/__lambda__/invocations/1?download")
    assert response.headers["content-disposition"].startswith('attachment; filename="invocation-')
    assert response.json()["number"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"host": "evil.example"}, id="a domain that was pointed at this machine"),
        pytest.param({"x-forwarded-for": "127.0.0.1, 203.0.113.9"}, id="a tunnel to this machine"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="another site"),
        pytest.param({"sec-fetch-site": "same-site"}, id="another port of this machine"),
        pytest.param({"origin": "http://evil.example"}, id="another origin"),
        pytest.param({"origin": "null"}, id="a sandboxed page"),
    ],
)
async def test_other_pages_get_no_data_and_cannot_replay(
    local: LocalFactory, headers: dict[str, str]
) -> None:
    async with inspected(local) as client:
        await client.get("/")
        for method, path in [
            ("GET", "invocations"),
            ("GET", "invocations/1"),
            ("GET", "events"),
            ("POST", "invocations/1/replay"),
        ]:
            response = await client.request(method, f"/__lambda__/{path}", headers=headers)
            assert response.status_code == 403
        assert len((await client.get("/__lambda__/invocations")).json()) == 1


async def test_a_page_for_a_tunnel_says_how_to_reach_the_inspector(local: LocalFactory) -> None:
    async with inspected(local) as client:
        headers = {"x-forwarded-for": "203.0.113.9"}
        refused = await client.get("/__lambda__/", headers=headers)
        assert refused.status_code == 403
        port = client.base_url.port
        assert f"ssh -L {port}:127.0.0.1:{port}" in refused.text
        headers = {"x-forwarded-for": "127.0.0.1, ::1"}  # a proxy of this machine
        assert (await client.get("/__lambda__/", headers=headers)).status_code == 200


async def test_a_link_does_not_replay(local: LocalFactory) -> None:
    async with inspected(local) as client:
        await client.get("/")
        response = await client.get("/__lambda__/invocations/1/replay")
        assert response.status_code == 405
        assert len((await client.get("/__lambda__/invocations")).json()) == 1


async def test_text_that_is_no_unicode_is_sent_too() -> None:
    assert json.loads(bytes(json_response({"path": "\ud800"}).body)) == {"path": "\ud800"}


async def test_a_client_without_a_host_header_is_served(local: LocalFactory) -> None:
    async with inspected(local) as client:
        await client.get("/")
        url = client.base_url
        async with await anyio.connect_tcp(url.host, url.port or 80) as stream:
            await stream.send(b"GET /__lambda__/invocations/1 HTTP/1.0\r\n\r\n")
            response = b""
            with suppress(anyio.EndOfStream):
                while True:
                    response += await stream.receive()
    assert response.startswith(b"HTTP/1.1 200")
    assert f"http://{url.netloc.decode()}/".encode() in response
