"""The changelog has the notes of the version that is released next."""

from __future__ import annotations

import pytest

import adapter

from . import changelog

TEXT = "# Changelog\n\n## 0.2.0 (unreleased)\n\nAdded\n\n* two\n\n## 0.1.0 (2026-01-01)\n\n* one\n"


def test_the_changelog_has_notes_of_this_version() -> None:
    text = changelog.FILE.read_text("utf-8")
    assert "* " in changelog.notes(text, adapter.__version__)
    assert f"## {adapter.__version__} (" in changelog.dated(text, adapter.__version__, "2026-01-01")


def test_a_release_has_a_date() -> None:
    dated = changelog.dated(TEXT, "0.2.0", "2026-02-02")
    assert "## 0.2.0 (2026-02-02)\n" in dated
    assert "unreleased" not in dated


def test_a_date_stays_when_a_release_is_built_again() -> None:
    dated = changelog.dated(TEXT, "0.2.0", "2026-02-02")
    assert changelog.dated(dated, "0.2.0", "2026-03-03") == dated


def test_the_notes_end_where_the_version_before_begins() -> None:
    assert changelog.notes(TEXT, "0.2.0") == "Added\n\n* two\n"
    assert changelog.notes(TEXT, "0.1.0") == "* one\n"


def test_a_link_of_the_notes_works_on_the_page_of_the_release() -> None:
    text = "## 0.2.0 (unreleased)\n\n* [CORS](docs/cors.md), [SSE](https://x.example)\n"
    assert changelog.notes(text, "0.2.0") == (
        f"* [CORS]({changelog.SOURCE}/blob/v0.2.0/docs/cors.md), [SSE](https://x.example)\n"
    )


def test_a_version_without_a_section_is_not_released() -> None:
    with pytest.raises(ValueError, match=r"Add: ## 0\.3\.0 \(unreleased\)"):
        changelog.dated(TEXT, "0.3.0", "2026-02-02")
    with pytest.raises(ValueError, match=r"says nothing of 0\.3\.0"):
        changelog.notes(TEXT, "0.3.0")
