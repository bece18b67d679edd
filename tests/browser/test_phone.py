"""Each page of both examples at the width of a phone: no part of it is cut off."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

WIDTH = 390
PAGES = [
    ("fastapi", "/?delay=0"),
    ("fastapi", "/demo"),
    ("django", "/?delay=0"),
    ("django", "/live"),
    ("django", "/chat"),
    ("django", "/notebook"),
    ("django", "/pictures"),
    ("django", "/login"),
]
# What goes beyond the right edge of the screen, unless it is in a box that scrolls by itself.
TOO_WIDE = """
(width) => [...document.querySelectorAll("body *")].filter((element) => {
  if (element.getBoundingClientRect().right <= width + 1) return false;
  for (let box = element; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== "visible") return false;
  return true;
}).map((element) => element.outerHTML.slice(0, 80))
"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    size = {"width": WIDTH, "height": 844}
    with browser.new_context(viewport=size, is_mobile=True, has_touch=True) as context:  # type: ignore[arg-type]
        yield context.new_page()


@pytest.mark.parametrize(("example", "path"), PAGES)
def test_a_page_fits_a_phone(
    phone: Page, request: pytest.FixtureRequest, tmp_path: Path, example: str, path: str
) -> None:
    url = request.getfixturevalue(f"{example}_url")
    if path in ("/notebook", "/pictures"):
        phone.goto(f"{url}/login?next={path}")
        phone.get_by_label("Username").fill("demo")
        phone.get_by_label("Password").fill("demo")
        phone.get_by_role("button", name="Log in").click()
        phone.wait_for_url(f"{url}{path}")
    else:
        phone.goto(f"{url}{path}")
    assert phone.evaluate(TOO_WIDE, WIDTH) == []
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH
    if path == "/?delay=0":
        pictures = Path(os.environ.get("SCREENSHOTS", tmp_path))
        phone.screenshot(path=pictures / f"{example}-phone.png", animations="disabled")


def test_a_download_shows_how_far_it_is(page: Page, fastapi_url: str) -> None:
    page.goto(f"{fastapi_url}/demo", wait_until="domcontentloaded")
    expect(page.locator("#download output")).to_have_text("20.0 of 20.0 MB")
    # The text is rounded, so the last few bytes may still be on their way.
    expect(page.locator("#download progress")).to_have_js_property("value", 1)
