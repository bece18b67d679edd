"""Every route of the FastAPI example, each way that a request can reach it."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import itertools
import json
import logging
import re
import struct
import zlib
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from blockbuster import blockbuster_ctx
from moto.server import ThreadedMotoServer
from starlette.requests import Request

import main
import objects
import seed
from adapter import LambdaHandler
from adapter.testing import LambdaTransport, MemoryStream, lambda_context, rest_api_event
from database import Database
from downloads import BLOCK
from handler import handler
from tests.support.adapter_dev import adapter_dev
from tests.support.runtimes import variant
from tokens import beating

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, MutableMapping

pytestmark = pytest.mark.anyio

FOLDER = Path(main.__file__).parent
order_numbers = itertools.count(1)
FILM = "films/Ünïcode & roasting.mp4"
OBJECT = bytes(number % 251 for number in range(300_000))


@pytest.fixture(scope="module", autouse=True)
def database() -> None:
    seed.seed()


@pytest.fixture(scope="module")
def bucket() -> Iterator[None]:
    """Have a bucket on moto's server in the place of S3, with an object in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        environ.setenv("AWS_ACCESS_KEY_ID", "any")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "any")
        environ.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environ.setenv("BUCKET", "roastery")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="roastery")
        s3.put_object(Bucket="roastery", Key=FILM, Body=OBJECT, ContentType="video/mp4")
        s3.close()
        yield
        if objects.s3.cache_info().currsize:
            objects.s3().close()
        objects.s3.cache_clear()
    server.stop()


@pytest.fixture(scope="module")
def local_lambda(database: None, bucket: None) -> Iterator[str]:
    """Run `adapter dev` and return its URL; a single environment, so that `/background` waits."""
    with adapter_dev(f"{FOLDER / 'main.py'}:app", "--max-environments", "1") as running:
        yield running.url


@asynccontextmanager
async def called_directly() -> AsyncIterator[httpx.AsyncClient]:
    """Call the app as any ASGI server does, to know what is the app and what is Lambda."""
    async with main.app.router.lifespan_context(main.app) as state:

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await main.app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@asynccontextmanager
async def through(way: str, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    if way == "app":
        async with called_directly() as client:
            yield client
    elif way == "handler":
        transport = LambdaTransport(LambdaHandler(main.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
    else:
        url = request.getfixturevalue("local_lambda")
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            yield client


@pytest.fixture(params=[variant("app"), "handler", "adapter dev"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with through(request.param, request) as client:
        yield client


@pytest.fixture(params=["handler", "adapter dev"])
async def lambda_client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with through(request.param, request) as client:
        yield client


@pytest.fixture
async def app_client() -> AsyncIterator[httpx.AsyncClient]:
    async with called_directly() as client:
        yield client


def events(text: str) -> list[dict[str, str]]:
    """Parse Server-Sent Events; the comment's key is empty."""
    blocks = text.removesuffix("\n\n").split("\n\n")
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


class TestPages:
    async def test_the_dashboard_has_every_panel_once(self, client: httpx.AsyncClient) -> None:
        page = (await client.get("/", params={"delay": 0})).text
        assert page.startswith("<!doctype html>")
        assert page.endswith("</body></html>\n")
        panels = re.findall(r'<section slot="(\w+)"', page)
        assert sorted(panels) == ["orders", "products", "sales"]
        assert "House Espresso" in page

    async def test_the_frame_comes_before_the_panels(
        self, lambda_client: httpx.AsyncClient
    ) -> None:
        async with lambda_client.stream("GET", "/", params={"delay": 1}) as response:
            parts = [part async for part in response.aiter_text()]
        assert '<slot name="sales">' in parts[0]
        assert "<section slot=" not in parts[0]
        assert len(parts) > 2

    async def test_every_link_leads_somewhere(self, app_client: httpx.AsyncClient) -> None:
        page = (await app_client.get("/", params={"delay": 0})).text
        links = set(re.findall(r'<a [^>]*href="([^"#]+)', page)) - {"fail/before"}
        assert len(links) > 10
        for link in links:
            assert (await app_client.get(link, params={"delay": 0})).is_success, link

    async def test_the_demos(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/demo")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "new EventSource" in page.text


class TestEvents:
    async def test_progress(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/sse", params={"steps": 3, "delay": 0})
        assert response.headers["content-type"].startswith("text/event-stream")
        first, *steps, last = events(response.text)
        assert first["retry"] == "2000"
        assert [(step["event"], step["id"]) for step in steps] == [
            ("progress", "1"),
            ("progress", "2"),
            ("progress", "3"),
        ]
        assert [json.loads(step["data"])["percent"] for step in steps] == [33, 66, 100]
        assert last == {"event": "done", "data": '{"steps": 3}'}

    async def test_progress_goes_on_after_a_broken_connection(
        self, client: httpx.AsyncClient
    ) -> None:
        headers = {"Last-Event-ID": "2"}
        response = await client.get("/sse", params={"steps": 3, "delay": 0}, headers=headers)
        assert [event.get("id") for event in events(response.text)] == [None, "3", None]

    async def test_events_arrive_while_later_ones_are_still_to_come(
        self, lambda_client: httpx.AsyncClient
    ) -> None:
        query = {"steps": 20, "delay": 0.05}
        async with lambda_client.stream("GET", "/sse", params=query) as response:
            parts = [part async for part in response.aiter_text()]
        assert "event: done" in parts[-1]
        assert "event: done" not in parts[0]
        assert len(parts) > 3

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_chat(self, client: httpx.AsyncClient, method: str) -> None:
        prompt = {"prompt": "Ünïcode & friends?"}
        if method == "GET":
            response = await client.get("/chat", params={**prompt, "delay": "0"})
        else:
            response = await client.post("/chat?delay=0", json=prompt)
        *tokens, done = (event["data"] for event in events(response.text))
        assert done == "[DONE]"
        deltas = [json.loads(token)["choices"][0]["delta"]["content"] for token in tokens]
        assert len(deltas) > 20
        answer = "".join(deltas)
        assert answer.startswith("You asked: “Ünïcode & friends?” ")
        assert "House Espresso" in answer

    async def test_chat_goes_on_where_the_client_was_cut_off(
        self, client: httpx.AsyncClient
    ) -> None:
        whole = events((await client.get("/chat?delay=0")).text)
        resumed = await client.get("/chat?delay=0", headers={"last-event-id": "20"})
        assert events(resumed.text) == whole[20:]
        assert whole[19]["id"] == "20"

    async def test_chat_ends_in_time_and_the_client_comes_back_for_the_rest(self) -> None:
        pages: list[list[dict[str, str]]] = []
        last = "0"
        with adapter_dev(f"{FOLDER / 'main.py'}:app", "--timeout", "3") as running:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as browser:
                while not pages or pages[-1][-1] == {"retry": "100"}:
                    headers = {"last-event-id": last}
                    text = (await browser.get("/chat?delay=0.05", headers=headers)).text
                    pages.append(events(text))
                    last = [event["id"] for event in pages[-1] if "id" in event][-1]
        assert pages[-1][-1] == {"data": "[DONE]"}
        assert len(pages) > 1
        ids = [int(event["id"]) for page in pages for event in page if "id" in event]
        assert ids == list(range(1, len(ids) + 1))

    async def test_a_model_that_is_slow_has_heartbeats_between_its_tokens(self) -> None:
        thought = asyncio.Event()

        async def thinking() -> AsyncGenerator[str]:
            await thought.wait()
            yield "42"

        arriving = beating(thinking(), Request({"type": "http"}), heartbeat=0.01)
        assert await anext(arriving) is None, "a heartbeat"
        thought.set()
        assert [token async for token in arriving if token is not None] == ["42"]

    async def test_a_client_that_leaves_at_a_heartbeat_ends_the_answer(self) -> None:
        ended = []

        async def thinking() -> AsyncGenerator[str]:
            try:
                await asyncio.Event().wait()
                yield "never"
            finally:
                ended.append(True)

        async with (
            aclosing(thinking()) as answer,
            aclosing(beating(answer, Request({"type": "http"}), heartbeat=0.01)) as arriving,
        ):
            assert await anext(arriving) is None
        assert ended

    async def test_a_prompt_is_needed(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/chat", json={"prompt": ""})).status_code == 422


class TestReports:
    async def test_rows_go_on_where_the_page_before_ended(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/report.csv", params={"limit": 4_001})
        assert response.headers["content-disposition"] == 'attachment; filename="orders.csv"'
        rows = list(csv.DictReader(response.text.splitlines()))
        assert [int(row["id"]) for row in rows] == list(range(1, 4_002))
        assert rows[0]["total"] == "37.50"

    async def test_every_order_is_reported(self, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/report.csv") as response:
            lines = [line async for line in response.aiter_lines()]
        assert len(lines) == 1 + seed.ORDERS
        assert lines[-1].startswith(f"{seed.ORDERS},2025-12-31T")

    async def test_the_database_does_not_block_the_event_loop(self) -> None:
        async with called_directly() as client:
            with blockbuster_ctx():
                await client.get("/report.csv", params={"limit": 1})

    async def test_one_array(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/items.json", params={"delay": 0})
        assert response.headers["content-type"] == "application/json"
        assert [item["id"] for item in response.json()] == list(range(1, 17))

    async def test_log_lines(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/logs.ndjson", params={"lines": 7, "delay": 0})
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert [line["level"] for line in lines] == ["INFO"] * 6 + ["WARNING"]


class TestFiles:
    async def test_the_image_is_a_png(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/image.png", params={"delay": 0})
        assert response.headers["content-type"] == "image/png"
        (header, *data, end) = png_chunks(response.content)
        width, height, depth, colour = struct.unpack(">IIBB", header[1][:10])
        assert (header[0], depth, colour) == (b"IHDR", 8, 2)
        assert {kind for kind, _ in data} == {b"IDAT"}
        assert len(data) > 20
        pixels = zlib.decompress(b"".join(body for _, body in data))
        assert len(pixels) == height * (1 + 3 * width)
        assert end == (b"IEND", b"")

    async def test_a_download_is_whole(self, client: httpx.AsyncClient) -> None:
        expected = hashlib.sha256(BLOCK * 16).digest()
        response = await client.get("/download", params={"mb": 1})
        assert hashlib.sha256(response.content).digest() == expected

    async def test_a_download_says_how_long_it_is(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/download", params={"mb": 1})
        assert int(response.headers["x-total-length"]) == len(response.content)

    @pytest.mark.parametrize("mb", [0, 201, "many"])
    async def test_a_download_has_its_limits(self, client: httpx.AsyncClient, mb: object) -> None:
        assert (await client.get(f"/download?mb={mb}")).status_code == 422


@pytest.mark.usefixtures("bucket")
class TestObjectsOfS3:
    async def test_an_object_is_sent_in_blocks(self, lambda_client: httpx.AsyncClient) -> None:
        async with lambda_client.stream("GET", f"/objects/{FILM}") as response:
            parts = [part async for part in response.aiter_raw()]
        assert (response.status_code, b"".join(parts)) == (200, OBJECT)
        assert response.headers["content-type"] == "video/mp4"
        assert response.headers["accept-ranges"] == "bytes"
        assert int(response.headers["x-total-length"]) == len(OBJECT)
        assert len(parts) > 3

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=100-199", 100, 199),
            ("bytes=299990-", 299_990, 299_999),
            ("bytes=-5", 299_995, 299_999),
        ],
    )
    async def test_a_range_is_a_206(
        self, client: httpx.AsyncClient, asked: str, first: int, last: int
    ) -> None:
        response = await client.get(f"/objects/{FILM}", headers={"Range": asked})
        assert (response.status_code, response.content) == (206, OBJECT[first : last + 1])
        assert response.headers["content-range"] == f"bytes {first}-{last}/{len(OBJECT)}"
        assert int(response.headers["x-total-length"]) == last + 1 - first

    async def test_a_range_of_an_object_that_has_changed_is_the_whole_object(
        self, client: httpx.AsyncClient
    ) -> None:
        whole = await client.get(f"/objects/{FILM}")
        for etag, status in {whole.headers["etag"]: 206, '"another"': 200}.items():
            headers = {"Range": "bytes=0-9", "If-Range": etag}
            response = await client.get(f"/objects/{FILM}", headers=headers)
            assert response.status_code == status

    async def test_a_range_that_is_not_there_is_a_416(self, client: httpx.AsyncClient) -> None:
        headers = {"Range": "bytes=300000-"}
        response = await client.get(f"/objects/{FILM}", headers=headers)
        assert response.status_code == 416
        assert response.headers["content-range"] == f"bytes */{len(OBJECT)}"

    async def test_several_ranges_are_the_whole_object(self, client: httpx.AsyncClient) -> None:
        headers = {"Range": "bytes=0-1,5-6"}
        response = await client.get(f"/objects/{FILM}", headers=headers)
        assert (response.status_code, response.content) == (200, OBJECT)

    async def test_an_object_that_is_not_there_is_a_404(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/objects/none")
        assert (response.status_code, response.json()) == (404, {"detail": "There is no none."})

    async def test_without_a_bucket_it_says_what_to_set(
        self, app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("BUCKET")
        response = await app_client.get("/objects/any")
        assert response.status_code == 503
        assert "BUCKET" in response.text


async def test_the_page_of_the_api_finds_its_description_behind_a_stage() -> None:
    page = await from_rest_api("/docs")
    assert "url: '/live/openapi.json'" in page
    described = json.loads(await from_rest_api("/openapi.json"))
    assert described["servers"] == [{"url": "/live"}]  # where the page sends what is tried out
    assert "/sse" in described["paths"]


async def from_rest_api(path: str) -> str:
    stream = MemoryStream()
    streaming = LambdaHandler(main.app, invoke_mode="response_stream", lifespan="off")
    await streaming.respond(rest_api_event(path, stage="live"), lambda_context(), stream)
    assert stream.prelude["statusCode"] == 200
    return stream.body.decode()


def png_chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    position = 8
    while position < len(image):
        (length,) = struct.unpack_from(">I", image, position)
        kind = image[position + 4 : position + 8]
        body = image[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", image, position + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        yield kind, body
        position += 12 + length


class TestDiagnostics:
    async def test_echo(self, client: httpx.AsyncClient) -> None:
        body = bytes(range(256)) * 100
        headers = {"X-Colour": "blue", "Content-Type": "application/octet-stream"}
        answer = (await client.post("/echo?a=1&b=%26&a=2", content=body, headers=headers)).json()
        assert answer["method"] == "POST"
        assert ["x-colour", "blue"] in answer["headers"]
        assert answer["query"] == [["a", "1"], ["b", "&"], ["a", "2"]]
        assert answer["length"] == len(body)
        assert answer["sha256"] == hashlib.sha256(body).hexdigest()

    async def test_cookies_are_set_and_come_back(self, client: httpx.AsyncClient) -> None:
        first = await client.get("/cookies")
        assert first.json() == {}
        assert len(first.headers.get_list("set-cookie")) == 2
        assert (await client.get("/cookies")).json() == {"session": "k3tt1e", "theme": "dark"}

    async def test_a_request_on_lambda(self, lambda_client: httpx.AsyncClient) -> None:
        answer = (await lambda_client.get("/request?a=%20b")).json()
        assert answer["url"] == f"{lambda_client.base_url}/request?a=%20b"
        assert re.fullmatch(r"[0-9a-f-]{36}", answer["aws_request_id"])
        assert answer["milliseconds_left"] > 0

    async def test_a_request_elsewhere(self, app_client: httpx.AsyncClient) -> None:
        answer = (await app_client.get("/request?a=%20b")).json()
        assert answer["url"] == "http://test/request?a=%20b"
        assert answer["aws_request_id"] is None

    async def test_an_early_failure_is_a_500(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/fail/before")
        assert response.status_code == 500
        assert response.text == "Internal Server Error"

    async def test_a_late_failure_adds_nothing_to_the_body(self, client: httpx.AsyncClient) -> None:
        body = b""
        async with client.stream("GET", "/fail/after") as response:
            assert response.status_code == 200
            with suppress(httpx.ReadError):  # if the way there can tell
                async for part in response.aiter_bytes():
                    body += part
        assert body == b"line 1 of 10\nline 2 of 10\nline 3 of 10\n"

    async def test_a_failure_leaves_the_next_request_alone(self, client: httpx.AsyncClient) -> None:
        with suppress(httpx.ReadError):
            await client.get("/fail/after")
        assert (await client.get("/request")).status_code == 200


async def test_a_task_runs_after_the_answer(client: httpx.AsyncClient) -> None:
    order = next(order_numbers)
    response = await client.get("/background", params={"order": order, "delay": 0})
    assert response.status_code == 202
    while not (last := (await client.get("/background/last")).json()) or last["order"] != order:  # noqa: ASYNC110 - it may be another process
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("bucket")
class TestTheClientIsGone:
    """`send()` raises an OSError then, and generators have to end."""

    @pytest.mark.parametrize(
        ("path", "query", "said"),
        [
            ("/sse", "delay=0", "/sse ended after step"),
            ("/chat", "delay=0", "/chat ended after"),
            ("/report.csv", "", "/report.csv ended after"),
            ("/logs.ndjson", "delay=0", "/logs.ndjson ended after"),
            ("/image.png", "delay=0", "/image.png ended at"),
            ("/download", "mb=200", "/download ended after"),
            (f"/objects/{FILM}", "", f"/objects/{FILM} ended after"),
            ("/", "delay=0", "/ ended after"),
        ],
    )
    async def test_generators_end(
        self, path: str, query: str, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        async with main.app.router.lifespan_context(main.app) as state:
            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.5"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": path,
                "query_string": query.encode(),
                "headers": [],
                "state": dict(state or {}),
            }

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            messages = 0

            async def send(message: MutableMapping[str, Any]) -> None:
                nonlocal messages
                messages += 1
                if messages > 3:
                    raise OSError("The client is gone.")

            with suppress(Exception):
                await main.app(scope, receive, send)
            while said not in caplog.text:  # noqa: ASYNC110 - the event loop ends generators
                await asyncio.sleep(0.01)


class TestSetup:
    def test_the_handler_is_two_lines(self) -> None:
        assert isinstance(handler, LambdaHandler)

    def test_nothing_else_knows_the_adapter(self) -> None:
        for file in FOLDER.glob("*.py"):
            assert ("adapter" in file.read_text("utf-8")) == (file.name == "handler.py"), file

    def test_the_readme_names_every_route(self) -> None:
        readme = (FOLDER / "README.md").read_text("utf-8")
        for path in main.app.openapi()["paths"]:
            assert f"`{path}" in readme, path

    def test_a_seed_is_made_once_and_always_the_same(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first.sqlite3", tmp_path / "second.sqlite3"
        assert seed.seed(first)
        assert not seed.seed(first)
        assert seed.seed(second)
        assert first.read_bytes() == second.read_bytes()

    def test_a_missing_database_says_what_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match=r"missing. Make it with: python .*seed\.py"):
            Database(tmp_path / "orders.sqlite3")
