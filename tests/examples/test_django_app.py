"""Every view of the Django example, each way that a request can reach it."""

from __future__ import annotations

import ast
import asyncio
import base64
import csv
import gc
import hashlib
import json
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from html import unescape
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import httpx
import pytest
from blockbuster import blockbuster_ctx
from moto.server import ThreadedMotoServer

from adapter import LambdaHandler
from adapter.testing import (
    LambdaTransport,
    MemoryStream,
    function_url_event,
    lambda_context,
    rest_api_event,
)
from tests.support.adapter_dev import LocalLambda, adapter_dev
from tests.support.runtimes import variant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from adapter.types import ASGIApp, Message

pytestmark = pytest.mark.anyio

Test = TypeVar("Test", bound=Callable[..., object] | type)

FOLDER = Path(__file__).parents[2] / "examples" / "django_app"
TARGET = f"{FOLDER / 'project' / 'asgi.py'}:application"
SIGHTINGS = 50_000


def manage(*arguments: str, folder: Path = FOLDER, **environ: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=folder, env={**os.environ, **environ}, check=True)


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    manage("build")


@pytest.fixture(scope="session")
def application(built: None) -> ASGIApp:
    """Import the project: not before it is built, because it looks for its database."""
    from project.asgi import application

    app: ASGIApp = application
    return app


@pytest.fixture
def copy(built: None, tmp_path: Path) -> Path:
    """Copy the built project, to change something in it."""
    return shutil.copytree(FOLDER, tmp_path / "copy", ignore=shutil.ignore_patterns(".*"))


@pytest.fixture(scope="module")
def local_lambda(built: None) -> Iterator[LocalLambda]:
    with adapter_dev(TARGET) as running:
        yield running


def called_directly(app: ASGIApp) -> httpx.AsyncClient:
    """Call the app as any ASGI server does, to know what is the app and what is Lambda."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def through(way: str, request: pytest.FixtureRequest) -> httpx.AsyncClient:
    if way == "adapter dev":
        url = request.getfixturevalue("local_lambda").url
        return httpx.AsyncClient(base_url=url, timeout=30)
    app = request.getfixturevalue("application")
    if way == "app":
        return called_directly(app)
    transport = LambdaTransport(LambdaHandler(app))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture(params=[variant("app"), "handler", "adapter dev"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with through(request.param, request) as client:
        yield client


@pytest.fixture(params=["handler", "adapter dev"])
async def lambda_client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with through(request.param, request) as client:
        yield client


@pytest.fixture
async def app_client(application: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with called_directly(application) as client:
        yield client


@pytest.fixture
def collect_garbage(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    caplog.get_records("call").clear()  # they know the exception, too
    gc.collect()


def leaves_garbage(test: Test) -> Test:
    """Have what Django leaves behind collected in the test that made it.

    When an iterator or `send()` raises, Django's handler closes neither the request body nor the
    connection nor the iterator, and they are in a cycle: handler, task, exception, traceback.
    """
    marks = (
        pytest.mark.usefixtures("collect_garbage"),
        pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),
        pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
        pytest.mark.filterwarnings("ignore:.*cursor_iter:pytest.PytestUnraisableExceptionWarning"),
    )
    for mark in marks:
        test = mark(test)
    return test


def events(text: str) -> list[dict[str, str]]:
    """Parse Server-Sent Events; the comment's key is empty."""
    blocks = text.removesuffix("\n\n").split("\n\n")
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def form_token(page: httpx.Response) -> dict[str, str]:
    """Return the hidden field that shows Django that its own form was posted."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    return {"csrfmiddlewaretoken": found[1]}


async def log_in(client: httpx.AsyncClient, page: str = "/login") -> httpx.Response:
    token = form_token(await client.get(page))
    return await client.post(page, data={**token, "username": "demo", "password": "demo"})


#: The cookies of a login at each host.
COOKIES: dict[str, httpx.Cookies] = {}


async def be_logged_in(client: httpx.AsyncClient) -> None:
    """Log in, once for each host: to check a password takes 0.3 s, and cookies hold the session."""
    host = client.base_url.host
    if host not in COOKIES:
        await log_in(client)
        COOKIES[host] = httpx.Cookies(client.cookies)
    client.cookies.update(COOKIES[host])


class TestDashboard:
    async def test_it_has_every_panel_once(self, client: httpx.AsyncClient) -> None:
        page = (await client.get("/", params={"delay": 0})).text
        assert page.startswith("<!doctype html>")
        assert page.endswith("</body>\n</html>\n")
        panels = re.findall(r'<section slot="(\w+)"', page)
        assert sorted(panels) == ["calendar", "latest", "species"]
        assert "<em>Sturnus vulgaris</em>" in page

    async def test_the_frame_comes_before_the_panels(
        self, lambda_client: httpx.AsyncClient
    ) -> None:
        async with lambda_client.stream("GET", "/", params={"delay": 1}) as response:
            parts = [part async for part in response.aiter_text()]
        assert '<slot name="species">' in parts[0]
        assert "<section slot=" not in parts[0]
        assert len(parts) > 2

    @leaves_garbage
    async def test_every_link_leads_somewhere(self, app_client: httpx.AsyncClient) -> None:
        page = (await app_client.get("/", params={"delay": 0})).text
        links = set(re.findall(r'<a [^>]*href="([^"#]+)', page)) - {"/fail/before", "/buffered"}
        assert len(links) >= 10
        for link in links:
            response = await app_client.get(link, params={"delay": 0}, follow_redirects=True)
            assert response.is_success, link

    async def test_queries_and_templates_do_not_block_the_event_loop(
        self, app_client: httpx.AsyncClient
    ) -> None:
        with blockbuster_ctx():
            assert (await app_client.get("/", params={"delay": 0})).is_success


class TestEvents:
    @pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous")
    @pytest.mark.parametrize("path", ["/sse", "/buffered"])
    async def test_a_replay(self, client: httpx.AsyncClient, path: str) -> None:
        response = await client.get(path, params={"steps": 3, "delay": 0})
        assert response.headers["content-type"].startswith("text/event-stream")
        first, *steps, last = events(response.text)
        assert first["retry"] == "2000"
        assert [step["id"] for step in steps] == ["1", "2", "3"]
        assert {step["event"] for step in steps} == {"sighting"}
        assert json.loads(steps[0]["data"])["place"] == "Salt Marsh"
        assert last == {"event": "done", "data": '{"sent": 3}'}

    async def test_it_goes_on_after_a_broken_connection(self, client: httpx.AsyncClient) -> None:
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


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous")
class TestSynchronousIterators:
    """Under ASGI, Django collects one before it sends any of it. So the example says."""

    @pytest.mark.parametrize(("path", "buffered"), [("/sse", False), ("/buffered", True)])
    async def test_only_an_async_one_still_runs_when_its_first_part_is_sent(
        self, application: ASGIApp, caplog: pytest.LogCaptureFixture, path: str, buffered: bool
    ) -> None:
        caplog.set_level(logging.INFO)
        ended_at_each_part = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def watch(message: Message) -> None:
                if message["type"] == "http.response.body":
                    ended_at_each_part.append(f"{path} ended" in caplog.text)
                await send(message)

            await application(scope, receive, watch)

        async with called_directly(app) as client:
            await client.get(path, params={"delay": 0})
        assert ended_at_each_part[0] is buffered
        assert len(ended_at_each_part) > 12

    async def test_a_warning_names_the_view_and_what_to_do_once(self, built: None) -> None:
        with adapter_dev(TARGET, "--max-environments", "1") as running:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
                for path in ("/buffered", "/buffered", "/sse", "/static/admin/img/search.svg"):
                    await client.get(path, params={"delay": 0})
        (warning,) = (line for line in running.said if "with a synchronous iterator" in line)
        assert warning.startswith("[WARNING]")
        assert "/buffered responds with a synchronous iterator." in warning
        assert "Make the generator an 'async def'." in warning

    async def test_djangos_own_warning_has_a_level_and_the_request_id(self, built: None) -> None:
        with adapter_dev(TARGET) as running:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
                await client.get("/buffered", params={"delay": 0})
        (request_id,) = re.findall(r"END RequestId: (\S+)", "".join(running.said))
        (warning,) = (line for line in running.said if "must consume synchronous" in line)
        level, _, found, _ = warning.split("\t")
        assert (level, found) == ("[WARNING]", request_id)


class TestChat:
    async def test_the_page_has_a_form(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/chat")
        assert 'name="prompt"' in page.text
        assert form_token(page)

    async def test_tokens(self, client: httpx.AsyncClient) -> None:
        prompt = {**form_token(await client.get("/chat")), "prompt": "Ünïcode & friends?"}
        response = await client.post("/chat?delay=0", data=prompt)
        *tokens, done = (event["data"] for event in events(response.text))
        assert done == "[DONE]"
        deltas = [json.loads(token)["choices"][0]["delta"]["content"] for token in tokens]
        assert len(deltas) > 20
        answer = "".join(deltas)
        assert answer.startswith("You asked: “Ünïcode & friends?” ")
        assert "Common Starling" in answer

    async def test_a_prompt_is_needed(self, client: httpx.AsyncClient) -> None:
        prompt = {**form_token(await client.get("/chat")), "prompt": " "}
        assert (await client.post("/chat", data=prompt)).status_code == 400

    async def test_the_form_has_to_be_ours(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/chat", data={"prompt": "Which bird?"})
        assert response.status_code == 403


class TestFiles:
    async def test_rows_go_on_where_the_page_before_ended(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/report.csv", params={"limit": 2_001})
        assert response.headers["content-disposition"] == 'attachment; filename="sightings.csv"'
        rows = list(csv.DictReader(response.text.splitlines()))
        assert [int(row["id"]) for row in rows] == list(range(1, 2_002))
        assert rows[0]["seen_at"].startswith("2025-01-01T")
        assert rows[0]["species_latin"] == "Calidris alpina"

    async def test_every_sighting_is_reported(self, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/report.csv") as response:
            lines = [line async for line in response.aiter_lines()]
        assert len(lines) == 1 + SIGHTINGS
        assert lines[-1].startswith(f"{SIGHTINGS},2025-12-31T")

    async def test_the_database_does_not_block_the_event_loop(
        self, app_client: httpx.AsyncClient
    ) -> None:
        with blockbuster_ctx():
            assert (await app_client.get("/report.csv", params={"limit": 1})).is_success

    async def test_a_download_is_whole(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/download", params={"mb": 1})
        assert len(response.content) == 1024 * 1024
        block = response.content[: 64 * 1024]
        assert hashlib.sha256(response.content).digest() == hashlib.sha256(block * 16).digest()

    @pytest.mark.parametrize("mb", [0, 201, "many", "nan"])
    async def test_a_download_has_its_limits(self, client: httpx.AsyncClient, mb: object) -> None:
        assert (await client.get(f"/download?mb={mb}")).status_code == 400


class TestStaticFiles:
    async def test_pages_link_to_names_that_browsers_keep_for_ever(
        self, client: httpx.AsyncClient
    ) -> None:
        found = re.search(r'rel="stylesheet" href="([^"]+)"', (await client.get("/login")).text)
        assert found
        response = await client.get(found[1])
        assert response.headers["content-type"].startswith("text/css")
        assert "immutable" in response.headers["cache-control"]
        assert "content-encoding" not in response.headers
        file = FOLDER / "sightings" / "static" / "sightings" / "style.css"
        assert response.text == file.read_text("utf-8")

    async def test_a_big_file_comes_in_blocks(self, application: ASGIApp) -> None:
        sizes = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def watch(message: Message) -> None:
                sizes.append(len(message.get("body", b"")))
                await send(message)

            await application(scope, receive, watch)

        async with called_directly(app) as client:
            response = await client.get("/static/admin/js/vendor/jquery/jquery.js")
        assert max(sizes) == 64 * 1024 < len(response.content) == sum(sizes)

    async def test_a_known_file_is_not_sent_again(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/static/sightings/tern.svg")
        known = {"If-None-Match": response.headers["etag"]}
        again = await client.get("/static/sightings/tern.svg", headers=known)
        assert (again.status_code, again.content) == (304, b"")


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """Have a bucket on moto's server in the place of S3, and return a client that reads it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        environ.setenv("AWS_ACCESS_KEY_ID", "any")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "any")
        environ.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environ.setenv("BUCKET", "birds")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="birds")
        yield s3
        s3.close()
    server.stop()


class TestPictures:
    async def test_a_file_goes_to_s3_and_the_browser_comes_back(
        self, bucket: Any, app_client: httpx.AsyncClient
    ) -> None:
        await be_logged_in(app_client)
        form = await signed_form(app_client)
        big = os.urandom(7 * 1024 * 1024)  # more than a request to Lambda
        async with httpx.AsyncClient() as browser:
            sent = await browser.post(
                form["action"], data=form["fields"], files={"file": ("tern.jpg", big)}
            )
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("http://localhost/pictures")
        (kept,) = bucket.list_objects_v2(Bucket="birds", Prefix="pictures/")["Contents"]
        assert (kept["Size"], kept["Key"].rpartition("/")[2]) == (len(big), "tern.jpg")
        assert "<li>tern.jpg</li>" in (await app_client.get("/pictures")).text

    async def test_the_signature_holds_the_folder_and_the_size(
        self, bucket: Any, app_client: httpx.AsyncClient
    ) -> None:
        await be_logged_in(app_client)
        form = await signed_form(app_client)
        policy = json.loads(base64.b64decode(form["fields"]["policy"]))
        assert ["content-length-range", 1, 50 * 1024 * 1024] in policy["conditions"]
        lists = [each for each in policy["conditions"] if isinstance(each, list)]
        (starts,) = [each for each in lists if each[0] == "starts-with"]
        assert re.fullmatch(r"pictures/\d+/[0-9a-f-]{36}/", starts[2])
        assert "csrf" not in str(form["fields"])

    async def test_strangers_get_no_form(self, app_client: httpx.AsyncClient) -> None:
        response = await app_client.get("/pictures")
        assert response.headers["location"] == "/login?next=/pictures"

    async def test_without_a_bucket_it_says_what_to_set(
        self, app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("BUCKET", raising=False)
        await be_logged_in(app_client)
        assert "Set the variable <code>BUCKET</code>" in (await app_client.get("/pictures")).text


async def signed_form(client: httpx.AsyncClient) -> dict[str, Any]:
    page = (await client.get("/pictures")).text
    action = re.search(r'action="([^"]+)" enctype', page)
    assert action
    form = page.partition(action[0])[2].partition("</form>")[0]
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {"action": unescape(action[1]), "fields": {k: unescape(v) for k, v in fields}}


class TestBehindARestApi:
    """It has a stage in front of every path, or whatever a domain of one's own maps to it."""

    @pytest.mark.parametrize("page", ["/login", "/admin/login/"])
    async def test_a_page_finds_its_style_sheet_wherever_the_app_is(
        self, application: ASGIApp, page: str
    ) -> None:
        places = {"/live": {"stage": "live"}, "/birds": {"mapping": "/birds"}}
        for prefix, place in places.items():
            text = await from_rest_api(application, page, **place)
            links = re.findall(r'rel="stylesheet" href="([^"]+)"', text)
            assert links
            for link in links:
                assert link.startswith(f"{prefix}/static/")
                style = await from_rest_api(application, link.removeprefix(prefix), **place)
                assert "{" in style

    async def test_the_admin_is_used_below_the_stage(self, application: ASGIApp) -> None:
        """Log in and read a list, as a browser: with the cookies and the links of the responses."""
        handler = LambdaHandler(application, invoke_mode="buffered")
        async with httpx.AsyncClient(
            transport=RestApi(handler), base_url="https://localhost", follow_redirects=True
        ) as browser:
            page = await browser.get("/live/admin/")
            assert page.url.path == "/live/admin/login/"
            action = re.search(r'<form action="([^"]+)"', page.text)
            assert action
            login = {
                **form_token(page),
                "username": "demo",
                "password": "demo",
                "next": "/live/admin/",
            }
            index = await browser.post(
                unescape(action[1]), data=login, headers={"Referer": str(page.url)}
            )
            assert index.url.path == "/live/admin/"
            links = re.findall(r'<a href="([^"]+)"[^>]*>Sightings</a>', index.text)
            listed = await browser.get(links[-1])
            assert listed.url.path.startswith("/live/admin/sightings/")
            assert "50000 sightings" in listed.text
            local = re.findall(r'(?:href|src|action)="(/[^"]*)"', index.text + listed.text)
            assert {link for link in local if not link.startswith("/live/")} <= {"/live"}


class RestApi(httpx.AsyncBaseTransport):
    """A REST API with the stage `live` in front of a handler."""

    def __init__(self, handler: LambdaHandler) -> None:
        self.handler = handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        assert path.startswith("/live/")
        event = rest_api_event(
            path.removeprefix("/live"),
            method=request.method,
            query=request.url.query.decode(),
            headers=[(k.decode(), v.decode()) for k, v in request.headers.raw],
            body=await request.aread(),
            stage="live",
        )
        answer = await asyncio.to_thread(self.handler, event, lambda_context())
        fields = list(answer["headers"].items())
        fields += [(k, v) for k, values in answer["multiValueHeaders"].items() for v in values]
        return httpx.Response(answer["statusCode"], headers=fields, text=answer["body"])


async def from_rest_api(app: ASGIApp, path: str, **place: Any) -> str:
    event = rest_api_event(path, headers=[("host", "localhost")], **place)
    stream = MemoryStream()
    handler = LambdaHandler(app, invoke_mode="response_stream")
    await handler.respond(event, lambda_context(), stream)
    assert stream.prelude["statusCode"] == 200, path
    return stream.body.decode()


NOTE = {"species": "6", "birds": "7", "place": "marsh", "remark": "calling, at <dusk>"}


class TestNotebook:
    async def test_strangers_have_to_log_in(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/notebook")
        assert response.status_code == 302
        assert response.headers["location"] == "/login?next=/notebook"

    async def test_a_note_is_there_after_the_redirect(self, client: httpx.AsyncClient) -> None:
        assert (await log_in(client)).headers["location"] == "/notebook"
        token = form_token(await client.get("/notebook"))
        posted = await client.post("/notebook", data={**token, **NOTE})
        assert (posted.status_code, posted.headers["location"]) == (302, "/notebook")
        page = unescape((await client.get("/notebook")).text)
        assert '<p class="message" role="status">Noted: 7 × Curlew.</p>' in page
        assert "<strong>7 × Curlew</strong> Salt Marsh" in page
        assert "calling, at <dusk>" in page
        assert "Noted:" not in (await client.get("/notebook")).text

    async def test_ten_notes_fit_into_a_cookie(self, app_client: httpx.AsyncClient) -> None:
        await be_logged_in(app_client)
        token = form_token(await app_client.get("/notebook"))
        for number in range(11):
            remark = hashlib.sha512(b"%d" % number).hexdigest()[:80]  # nothing to compress
            note = {**NOTE, "species": str(1 + number), "birds": "99999", "remark": remark}
            posted = await app_client.post("/notebook", data={**token, **note})
            assert all(len(cookie) < 4096 for cookie in posted.headers.get_list("set-cookie"))
        page = (await app_client.get("/notebook")).text
        assert len(re.findall("<strong>99999 ×", page)) == 10

    async def test_a_wrong_note_is_explained(self, client: httpx.AsyncClient) -> None:
        await be_logged_in(client)
        token = form_token(await client.get("/notebook"))
        response = await client.post("/notebook", data={**token, **NOTE, "birds": "0"})
        assert response.status_code == 200
        assert "greater than or equal to 1" in response.text
        assert "Nothing yet." in response.text

    async def test_logging_out(self, client: httpx.AsyncClient) -> None:
        await be_logged_in(client)
        token = form_token(await client.get("/notebook"))
        assert (await client.post("/logout", data=token)).headers["location"] == "/"
        assert (await client.get("/notebook")).status_code == 302

    async def test_a_password_that_an_older_django_hashed_is_not_hashed_anew(
        self, copy: Path
    ) -> None:
        from django.contrib.auth.hashers import PBKDF2PasswordHasher

        older = PBKDF2PasswordHasher().encode("demo", "a-salt", iterations=1_000)
        with closing(sqlite3.connect(copy / "db.sqlite3")) as database, database:
            database.execute("UPDATE auth_user SET password = ?", (older,))
        with adapter_dev(f"{copy / 'project' / 'asgi.py'}:application") as running:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
                assert (await log_in(client)).headers.get("location") == "/notebook"

    async def test_every_request_may_meet_another_environment(self, built: None) -> None:
        with ExitStack() as running:
            urls = cycle([running.enter_context(adapter_dev(TARGET)).url for _ in range(3)])
            async with httpx.AsyncClient(timeout=30) as client:
                page = await client.get(f"{next(urls)}/login")
                environments = served_by(page)
                user = {**form_token(page), "username": "demo", "password": "demo"}
                await client.post(f"{next(urls)}/login", data=user)
                page = await client.get(f"{next(urls)}/notebook")
                environments += served_by(page)
                await client.post(f"{next(urls)}/notebook", data={**form_token(page), **NOTE})
                page = await client.get(f"{next(urls)}/notebook")
                environments += served_by(page)
        assert "Noted: 7 × Curlew." in page.text
        assert "<strong>7 × Curlew</strong> Salt Marsh" in page.text
        assert len(set(environments)) == 3


def served_by(page: httpx.Response) -> list[str]:
    return re.findall(r'id="environment">(\w+)<', page.text)


class TestAdmin:
    async def test_it_can_be_looked_at_and_says_why_no_more(
        self, client: httpx.AsyncClient
    ) -> None:
        await log_in(client, "/admin/login/?next=/admin/")
        page = await client.get("/admin/sightings/sighting/")
        assert "Read-only: the database is a file" in page.text
        assert "50000 sightings" in page.text
        assert "Add sighting" not in page.text
        assert (await client.get("/admin/sightings/sighting/add/")).status_code == 403

    async def test_what_wants_to_write_is_told_that_it_cannot(
        self, client: httpx.AsyncClient
    ) -> None:
        await be_logged_in(client)
        token = form_token(await client.get("/admin/password_change/"))
        new = {"new_password1": "tern-on-a-rock", "new_password2": "tern-on-a-rock"}
        response = await client.post(
            "/admin/password_change/", data={**token, "old_password": "demo", **new}
        )
        assert response.status_code == 403
        assert "This database is read-only" in response.text

    async def test_a_database_of_its_own_can_be_written(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'own.sqlite3'}"
        manage("seed", DATABASE_URL=url)
        manage("seed", DATABASE_URL=url)  # adds nothing
        with adapter_dev(TARGET, DATABASE_URL=url) as running:
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
                await log_in(client, "/admin/login/?next=/admin/")
                page = await client.get("/admin/sightings/sighting/")
                assert "50000 sightings" in page.text
                assert "Read-only" not in page.text
                token = form_token(await client.get("/admin/password_change/"))
                new = {"new_password1": "tern-on-a-rock", "new_password2": "tern-on-a-rock"}
                response = await client.post(
                    "/admin/password_change/", data={**token, "old_password": "demo", **new}
                )
                assert response.headers["location"] == "/admin/password_change/done/"


@leaves_garbage
class TestFailures:
    async def test_an_early_failure_is_a_500(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/fail/before")
        assert response.status_code == 500
        assert "Server Error (500)" in response.text

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
        assert (await client.get("/login")).status_code == 200


@leaves_garbage
class TestTheClientIsGone:
    """Django's handler hears `http.disconnect` then, and generators have to end."""

    @pytest.mark.parametrize(
        ("path", "query", "said"),
        [
            ("/sse", "steps=10000&delay=0", "/sse ended after"),
            ("/sse", "delay=10", "/sse ended after 0 sightings"),
            ("/chat", "delay=10", "/chat ended after 0 tokens"),
            ("/report.csv", "", "/report.csv ended after"),
            ("/download", "mb=200", "/download ended after"),
            ("/", "delay=10", "/ ended after"),
        ],
    )
    async def test_generators_end(
        self,
        application: ASGIApp,
        path: str,
        query: str,
        said: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO)
        stream = MemoryStream()
        responding = asyncio.create_task(
            LambdaHandler(application).respond(request(path, query), lambda_context(), stream)
        )
        while not stream.started:  # noqa: ASYNC110 - a stream tells its reader, not us
            await asyncio.sleep(0.01)
        stream.disconnect("The client is gone.")
        await responding
        while said not in caplog.text:  # noqa: ASYNC110 - nor does a log
            await asyncio.sleep(0.01)
        assert b"event: done" not in stream.body


def request(path: str, query: str) -> Any:
    if path != "/chat":
        return function_url_event(path, query=query, headers=[("host", "localhost")])
    secret = "x" * 32
    headers = [
        ("host", "localhost"),
        ("referer", "https://localhost/chat"),
        ("cookie", f"csrftoken={secret}"),
        ("x-csrftoken", secret),
        ("content-type", "application/x-www-form-urlencoded"),
    ]
    return function_url_event(path, method="POST", query=query, headers=headers, body=b"prompt=?")


class TestSetup:
    def test_the_handler_is_two_lines_and_streams(self, built: None) -> None:
        command = [sys.executable, "-m", "adapter", "invoke", "handler.handler"]
        options = ["--path", "/sse?delay=0&steps=1", "--header", "Host: localhost"]
        said = subprocess.run([*command, *options], cwd=FOLDER, check=True, capture_output=True)
        assert said.stdout.endswith(b'event: done\ndata: {"sent": 1}\n\n')

    def test_nothing_else_knows_the_adapter(self) -> None:
        for file in FOLDER.rglob("*.py"):
            if any(part.startswith(".") for part in file.relative_to(FOLDER).parts):
                continue  # what SAM has built, or a virtual environment
            imports = re.search("^(import|from) adapter", file.read_text("utf-8"), re.MULTILINE)
            assert bool(imports) == (file.name == "handler.py"), file

    def test_the_project_is_as_startproject_makes_it(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "django", "startproject", "project", str(tmp_path)]
        subprocess.run(command, check=True)
        for name in ("manage.py", "project/asgi.py", "project/wsgi.py"):
            made, ours = (code(folder / name) for folder in (tmp_path, FOLDER))
            assert made == ours, name

    def test_the_readme_names_every_view(self, application: ASGIApp) -> None:
        from sightings.urls import urlpatterns

        readme = (FOLDER / "README.md").read_text("utf-8")
        for pattern in urlpatterns:
            assert f"`/{pattern.pattern}" in readme, pattern

    def test_a_seed_is_made_once(self, built: None) -> None:
        file = FOLDER / "db.sqlite3"
        made = file.stat().st_ino
        manage("seed", "--file", str(file))
        assert file.stat().st_ino == made  # or it would have been replaced

    def test_a_build_makes_the_same_file_and_leaves_the_database_of_the_shell_alone(
        self, copy: Path, tmp_path: Path
    ) -> None:
        (copy / "db.sqlite3").unlink()
        manage("build", folder=copy, DATABASE_URL=f"sqlite:///{tmp_path / 'own.sqlite3'}")
        assert (copy / "db.sqlite3").read_bytes() == (FOLDER / "db.sqlite3").read_bytes()
        assert not (tmp_path / "own.sqlite3").exists()

    def test_a_missing_database_says_what_to_run(
        self, application: ASGIApp, tmp_path: Path
    ) -> None:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.handlers.asgi import ASGIHandler
        from django.test import override_settings

        missing = override_settings(DATABASE_FILE=tmp_path / "db.sqlite3")
        says = pytest.raises(
            ImproperlyConfigured, match=r"missing. Make it with: .*manage.py build"
        )
        with missing, says:
            ASGIHandler()


def code(file: Path) -> str:
    """Return what a module does; Django's version is only in links."""
    return re.sub(r"/en/[\w.]+/", "/en/", ast.dump(ast.parse(file.read_text("utf-8"))))
