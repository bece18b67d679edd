from __future__ import annotations

from .document import PAGE, TITLES, page
from .table import SECTIONS


def test_the_page_has_the_table_that_the_tests_play() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "python -m tests.faults.document"


def test_every_section_of_the_table_has_its_title() -> None:
    assert TITLES.keys() == SECTIONS.keys()
