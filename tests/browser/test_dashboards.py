"""`/` of both examples: a page that is painted while parts of it are still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

# Notes down, in the order of time, what is painted and which parts arrive.
WATCH = """
window.seen = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) seen.push([entry.startTime, entry.name]);
}).observe({ type: "paint", buffered: true });
new MutationObserver((records) => {
  for (const { addedNodes } of records)
    for (const node of addedNodes)
      if (node.slot && node.localName === "section") seen.push([performance.now(), node.slot]);
}).observe(document, { childList: true, subtree: true });
"""
PARTS = "document.querySelectorAll('section[slot]').length"


class Dashboard(NamedTuple):
    """A dashboard: its parts as they stand on the page, the slowest of them, and its waiting."""

    example: str
    parts: list[str]
    slowest: str
    waiting: str


DASHBOARDS = [
    Dashboard("fastapi", ["sales", "products", "orders"], "sales", "Adding up the year …"),
    Dashboard("django", ["species", "latest", "calendar"], "calendar", "Laying out the year …"),
]


@pytest.fixture(params=DASHBOARDS, ids=lambda dashboard: dashboard.example)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    found: Dashboard = request.param
    return found


@pytest.fixture
def url(dashboard: Dashboard, request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{dashboard.example}_url")
    return found


def test_the_frame_is_painted_while_parts_are_missing(
    page: Page, url: str, dashboard: Dashboard
) -> None:
    page.goto(f"{url}/?delay=0")  # so that what serves its style is warm
    page.add_init_script(WATCH)
    page.goto(f"{url}/?delay=3")
    seen = [name for _, name in sorted(page.evaluate("seen"))]
    assert set(dashboard.parts) < set(seen)
    assert seen.index("first-contentful-paint") < seen.index(dashboard.slowest)


def test_what_is_missing_is_announced_until_it_comes(
    page: Page, url: str, dashboard: Dashboard, screenshot: Callable[[str], None]
) -> None:
    page.goto(f"{url}/?delay=4", wait_until="commit")
    page.wait_for_function(f"{PARTS} === 2")
    assert page.get_by_text(dashboard.waiting).is_visible()
    assert page.evaluate(f"[{PARTS}, document.readyState]") == [2, "loading"]
    screenshot(f"{dashboard.example}-half-way")
    page.wait_for_load_state()
    expect(page.get_by_text(dashboard.waiting)).to_be_hidden()
    screenshot(f"{dashboard.example}-complete")


def test_each_part_comes_to_its_place_without_javascript(
    page_without_javascript: Page, url: str, dashboard: Dashboard
) -> None:
    page = page_without_javascript
    page.goto(f"{url}/?delay=0")
    places = {}
    for part in dashboard.parts:
        box = page.locator(f"section[slot={part}]").bounding_box()
        assert box, part
        places[part] = (round(box["y"]), round(box["x"]))
    assert sorted(places, key=places.__getitem__) == dashboard.parts
    assert not page.get_by_text(dashboard.waiting).is_visible()
