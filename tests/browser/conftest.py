"""Chromium, and both examples behind `adapter dev`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

EXAMPLES = Path(__file__).parents[2] / "examples"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update"
)
SIZE = {"width": 1280, "height": 900}

# As long as the other waits of playwright: a busy machine is slow, and a download takes 7 s.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run Debian's Chromium, with a profile of its own that is removed with it."""
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is not installed. Try: make test-system"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page without cookies; errors of its scripts are errors of the test."""
    errors: list[str] = []
    with browser.new_context(viewport=SIZE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == []


@pytest.fixture
def page_without_javascript(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=SIZE, java_script_enabled=False) as context:  # type: ignore[arg-type]
        yield context.new_page()


def built(example: str, *command: str) -> Path:
    """Make what the example makes when it is packaged, and return its folder."""
    folder = EXAMPLES / example
    subprocess.run([sys.executable, *command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def fastapi_app() -> str:
    return f"{built('fastapi_app', 'seed.py') / 'main.py'}:app"


@pytest.fixture(scope="session")
def django_app() -> str:
    return f"{built('django_app', 'manage.py', 'build') / 'project' / 'asgi.py'}:application"


@pytest.fixture(scope="session")
def fastapi_url(fastapi_app: str) -> Iterator[str]:
    with adapter_dev(fastapi_app) as running:
        yield running.url


@pytest.fixture(scope="session")
def django_url(django_app: str) -> Iterator[str]:
    with adapter_dev(django_app) as running:
        yield running.url


@pytest.fixture
def screenshot(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Keep a picture of the whole page. SCREENSHOTS=docs/images renews those of the README."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))

    def take(name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")

    return take
