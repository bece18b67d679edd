"""Cookies, a login and a form, which need every response to say the right thing to a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page


def test_cookies_come_back(page: Page, fastapi_url: str) -> None:
    page.goto(f"{fastapi_url}/cookies")
    page.goto(f"{fastapi_url}/cookies")
    assert '"session":"k3tt1e"' in page.inner_text("body")
    assert '"theme":"dark"' in page.inner_text("body")


def test_login_form_redirect_and_message(
    page: Page, django_url: str, screenshot: Callable[[str], None]
) -> None:
    page.goto(f"{django_url}/notebook")
    expect(page).to_have_url(f"{django_url}/login?next=/notebook")
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{django_url}/notebook")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["sessionid"]["httpOnly"]

    page.get_by_label("Species").select_option(label="Curlew")
    page.get_by_label("How many").fill("7")
    page.get_by_label("Where").select_option(label="Salt Marsh")
    page.get_by_label("Remark").fill("calling, at dusk")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_role("status")).to_have_text("Noted: 7 × Curlew.")
    expect(page.locator(".notes li")).to_have_count(1)
    screenshot("django-notebook")

    page.reload()  # after a redirect: it asks again, and posts nothing again
    expect(page.locator(".notes li")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_count(0)

    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{django_url}/")
    page.goto(f"{django_url}/notebook")
    expect(page).to_have_url(f"{django_url}/login?next=/notebook")


def test_the_admin_has_its_styles_and_says_that_it_is_read_only(
    page: Page, django_url: str
) -> None:
    page.goto(f"{django_url}/admin/")
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Sightings").first.click()
    expect(page.get_by_text("Read-only: the database is a file")).to_be_visible()
    expect(page.get_by_text("50000 sightings")).to_be_visible()
    expect(page.locator("#header")).to_have_css("display", "flex")  # only base.css says so
