"""`EventSource` and `fetch`, as the pages of both examples use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

# Resolves with the third event, and what is known of the end by then.
THREE_EVENTS = """
([url, kind]) => new Promise((resolve, reject) => {
  const source = new EventSource(url);
  const ids = [];
  let done = false;
  source.addEventListener("done", () => { done = true; });
  source.onerror = () => reject(new Error("The stream broke."));
  source.addEventListener(kind, (event) => {
    if (ids.push(event.lastEventId) < 3) return;
    resolve({ ids, done, open: source.readyState === EventSource.OPEN });
    source.close();
  });
})
"""

# Counts in how many frames of the screen the output has grown.
COUNT_FRAMES = """
window.frame = 0;
window.grown = new Set();
requestAnimationFrame(function next() { frame++; requestAnimationFrame(next); });
new MutationObserver(() => grown.add(frame))
  .observe(document.querySelector(OUTPUT), { childList: true, characterData: true, subtree: true });
"""


@pytest.mark.parametrize(("example", "kind"), [("fastapi", "progress"), ("django", "sighting")])
def test_events_come_before_the_stream_ends(
    page: Page, request: pytest.FixtureRequest, example: str, kind: str
) -> None:
    url = request.getfixturevalue(f"{example}_url")
    page.goto(f"{url}/?delay=0")
    seen = page.evaluate(THREE_EVENTS, ["/sse?steps=100&delay=0.2", kind])
    assert seen == {"ids": ["1", "2", "3"], "done": False, "open": True}


def test_a_browser_comes_back_for_the_events_it_has_not_seen(page: Page, fastapi_app: str) -> None:
    with adapter_dev(fastapi_app, "--timeout", "2") as running:
        page.goto(f"{running.url}/?delay=0")
        page.evaluate(
            """() => {
              window.ids = [];
              window.opened = 0;
              const source = new EventSource("/sse?steps=8&delay=0.4");
              source.onopen = () => { opened++; };
              source.addEventListener("progress", (event) => ids.push(event.lastEventId));
              source.addEventListener("done", () => source.close());
            }"""
        )
        page.wait_for_function("ids.at(-1) === '8'")
    assert page.evaluate("ids") == [str(number) for number in range(1, 9)]
    assert page.evaluate("opened") > 1


def test_a_synchronous_iterator_keeps_its_reader_waiting(
    page: Page, django_url: str, screenshot: Callable[[str], None]
) -> None:
    page.goto(f"{django_url}/live")
    page.wait_for_function("document.querySelectorAll('#streamed li').length >= 6")
    assert page.locator("#buffered li").count() == 0
    screenshot("django-live")
    page.locator("#buffered").get_by_text("done after").wait_for()
    expect(page.locator("#buffered li")).to_have_count(12)
    expect(page.locator("#streamed li")).to_have_count(12)


@pytest.mark.parametrize(
    ("example", "path", "output", "count", "ending"),
    [
        ("fastapi", "/demo", "#chat output", "#chat .arrived", "the moment it was there ☕"),
        ("django", "/chat", "main output", "main .arrived", "the moment it was there 🐦"),
    ],
)
def test_a_chat_grows_token_by_token(
    page: Page,
    request: pytest.FixtureRequest,
    screenshot: Callable[[str], None],
    example: str,
    path: str,
    output: str,
    count: str,
    ending: str,
) -> None:
    url = request.getfixturevalue(f"{example}_url")
    page.goto(f"{url}{path}", wait_until="domcontentloaded")  # a picture on it is streamed, too
    page.evaluate(COUNT_FRAMES.replace("OUTPUT", repr(output)))
    page.get_by_role("button", name="Ask").click()
    page.wait_for_function(f"parseInt(document.querySelector('{count}').textContent) >= 30")
    assert ending not in page.locator(output).inner_text()
    screenshot(f"{example}-{path[1:]}")
    page.locator(output).get_by_text(ending).wait_for()
    tokens = int(page.locator(count).inner_text().split()[0])
    assert tokens > 30
    assert page.evaluate("grown.size") > tokens / 3
