from __future__ import annotations

import pytest

from .fidelity import PAGE, SECTIONS, page, rows


def test_the_page_has_the_behaviours_that_the_tests_hold() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "python -m tests.emulator.fidelity"


@pytest.mark.parametrize("title", SECTIONS)
def test_every_section_has_behaviours(title: str) -> None:
    assert list(rows(SECTIONS[title]))
