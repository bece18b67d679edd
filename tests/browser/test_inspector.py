"""The inspector in Chromium: live, by keyboard, on a phone, and with untrusted text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

async def parts():
    for number in range(5):
        yield f"data: <img src=x onerror=alert({number})>\\n\\n"
        await asyncio.sleep(0.2)

async def events(request):
    return StreamingResponse(parts(), media_type="text/event-stream")

async def collected(request):
    text = "".join([part async for part in parts()])
    return StreamingResponse(iter([text]), media_type="text/event-stream")

async def echo(request):
    print("<b>logged</b>", flush=True)
    return PlainTextResponse(await request.body(), 201)

async def failing():
    yield "data: 1\\n\\n"
    raise RuntimeError("no luck")

async def breaks(request):
    return StreamingResponse(failing(), media_type="text/event-stream")

routes = [Route("/sse", events), Route("/collected", collected), Route("/breaks", breaks),
          Route("/echo", echo, methods=["POST"])]
app = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])
"""
ROWS = "#rows a"
LINES_OF_EACH_TEXT = """element => [...element.childNodes].filter(each => each.data).map(text => {
  const range = document.createRange();
  range.selectNodeContents(text);
  return range.getClientRects().length;
})"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("app") / "main.py"
    file.write_text(APP)
    with adapter_dev(f"{file}:app") as running:
        yield running.url


@pytest.fixture
def inspector(page: Page, server: str) -> Page:
    page.goto(f"{server}/__lambda__/")
    expect(page.locator("#connection")).to_have_text("live")
    return page


def choose(page: Page, path: str) -> None:
    """Wait until the newest row is the complete invocation of a path, and choose it.

    Each test requests a path of its own: until its row is there, the newest one is another test's.
    """
    row = page.locator(ROWS).first
    expect(row.locator(".target")).to_have_text(re.compile(rf"^[A-Z]+ {re.escape(path)}$"))
    expect(row).to_contain_text("complete")
    row.click()


def test_a_stream_appears_while_it_runs_and_is_drawn_chunk_by_chunk(
    inspector: Page, server: str, screenshot: Callable[[str], None]
) -> None:
    with httpx.stream("GET", f"{server}/sse?drawn") as response:
        chunks = response.iter_raw()
        next(chunks)
        expect(inspector.locator(ROWS).first).to_contain_text("streaming")
        assert len([*chunks]) == 4
    choose(inspector, "/sse?drawn")
    expect(inspector.locator(".w-written")).to_have_count(5)
    expect(inspector.locator(".w-sent")).to_have_count(5)
    expect(inspector.locator(".w-gap-label").first).to_contain_text("ms")
    expect(inspector.locator(".finding")).to_contain_text("It streams.")
    screenshot("inspector")


def test_it_says_in_words_what_holds_a_stream_back(
    inspector: Page, server: str, screenshot: Callable[[str], None]
) -> None:
    httpx.get(f"{server}/collected")
    choose(inspector, "/collected")
    expect(inspector.locator(ROWS).first).to_contain_text("held by app")
    finding = inspector.locator(".finding.fault")
    expect(finding).to_contain_text("One chunk carried 100 % of the bytes, ")
    expect(finding.locator("code").nth(1)).to_have_text("GZipMiddleware")
    screenshot("inspector-held-back")


def test_numbers_say_what_they_are_and_a_name_breaks_only_after_its_dot(
    inspector: Page, server: str
) -> None:
    httpx.get(f"{server}/breaks")
    row = inspector.locator(ROWS).first
    expect(row).to_contain_text("Function.RuntimeError")
    expect(row).to_contain_text(re.compile(r"(cold|warm), pid \d+"))
    row.click()
    tiles = inspector.locator(".numbers dd")
    expect(tiles.nth(4)).to_have_text(re.compile(r"^(cold|warm), pid \d+$"))
    expect(tiles.nth(5)).to_have_text("Function.RuntimeError")
    assert tiles.nth(5).evaluate(LINES_OF_EACH_TEXT) == [1, 1]


def test_an_invocation_is_said_to_be_loaded(page: Page, server: str) -> None:
    httpx.get(f"{server}/sse?loaded")
    rows = httpx.get(f"{server}/__lambda__/invocations").json()
    (number,) = [row["number"] for row in rows if row["target"] == "/sse?loaded"]
    held: list[Route] = []
    page.route(f"**/invocations/{number}", lambda route: held.append(route))
    page.goto(f"{server}/__lambda__/#{number}")
    expect(page.locator("#hint")).to_have_text(f"Loading invocation {number} …")
    held[0].continue_()
    expect(page.locator("#detail h2")).to_have_text("GET /sse?loaded")


def test_text_of_the_app_stays_text(inspector: Page, server: str) -> None:
    httpx.post(f"{server}/echo?tag=<i>", content="<script>alert(1)</script>")
    choose(inspector, "/echo?tag=%3Ci%3E")
    expect(inspector.locator("#s-body pre")).to_have_text("<script>alert(1)</script>")
    expect(inspector.locator("#s-log")).to_contain_text("<b>logged</b>")
    assert inspector.locator("#detail script, #detail b, #rows i, #detail img").count() == 0


def test_a_keyboard_is_enough(inspector: Page, server: str) -> None:
    httpx.post(f"{server}/echo?by=keys", content="again")
    row = inspector.locator(ROWS).first
    expect(row).to_contain_text("/echo?by=keys")
    expect(row).to_contain_text("complete")
    count = inspector.locator(ROWS).count()
    inspector.keyboard.press("ArrowDown")
    expect(inspector.locator("#detail h2")).to_have_text("POST /echo?by=keys")
    inspector.keyboard.press("r")
    expect(inspector.locator(ROWS)).to_have_count(count + 1)
    inspector.keyboard.press("ArrowUp")
    expect(inspector.locator(ROWS).first).to_be_focused()
    expect(inspector.locator("#s-body pre")).to_have_text("again")
    inspector.keyboard.press("Escape")
    expect(inspector.locator("#hint")).to_be_visible()


def test_a_request_is_copied_as_a_command(browser: Browser, server: str) -> None:
    httpx.post(f"{server}/echo?q=1", content="copied")
    permissions = ["clipboard-read", "clipboard-write"]
    with browser.new_context(permissions=permissions) as context:
        page = context.new_page()
        page.goto(f"{server}/__lambda__/")
        choose(page, "/echo?q=1")
        page.get_by_role("button", name="Copy as curl").click()
        expect(page.locator("#toast")).to_have_text("Copied as curl.")
        curl = page.evaluate("navigator.clipboard.readText()")
        page.get_by_role("button", name="Copy as adapter invoke").click()
        expect(page.locator("#toast")).to_have_text("Copied as adapter invoke.")
        invoke = page.evaluate("navigator.clipboard.readText()")
    assert curl.endswith(f"--data-binary copied '{server}/echo?q=1'")
    assert "--path '/echo?q=1'" in invoke


def test_a_download_is_json(inspector: Page, server: str) -> None:
    httpx.get(f"{server}/sse?download")
    choose(inspector, "/sse?download")
    with inspector.expect_download() as download:
        inspector.get_by_role("link", name="Download JSON").click()
    path: Path = download.value.path()
    assert json.loads(path.read_text())["target"] == "/sse?download"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_list_or_one_invocation(
    browser: Browser, server: str, scheme: str
) -> None:
    httpx.get(f"{server}/sse?phone={scheme}")
    phone = {"width": 390, "height": 844}
    with browser.new_context(viewport=phone, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{server}/__lambda__/")
        choose(page, f"/sse?phone={scheme}")
        expect(page.locator("#list")).to_be_hidden()
        expect(page.locator(".waterfall svg")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("link", name="All invocations").click()
        expect(page.locator("#list")).to_be_visible()
    assert background == {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 18, 22)"}[scheme]


def test_a_page_of_another_origin_reads_nothing(page: Page, server: str, tmp_path: Path) -> None:
    httpx.get(f"{server}/sse")
    other = server.replace("127.0.0.1", "localhost")
    page.goto(f"{other}/sse")
    read = f"fetch('{server}/__lambda__/invocations').then(r => r.text(), () => 'refused')"
    assert page.evaluate(read) == "refused"
