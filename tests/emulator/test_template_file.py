from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.template_file import read_template, section
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_tags_become_their_long_forms(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("A: !Ref B\nC: !GetAtt [D, Arn]\nE: !Sub {F: G}\nH: !Condition I\n")
    assert read_template(template) == {
        "A": {"Ref": "B"},
        "C": {"Fn::GetAtt": ["D", "Arn"]},
        "E": {"Fn::Sub": {"F": "G"}},
        "H": {"Condition": "I"},
    }


def test_names_and_dates_are_text_as_for_cloudformation(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Base: &base {ON: 1}\nA: {<<: *base, 2: yes, since: 2026-01-02}\n")
    assert read_template(template)["A"] == {"ON": 1, "2": True, "since": "2026-01-02"}


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_bytes(b'\xef\xbb\xbf{"A": 1}')
    assert read_template(template) == {"A": 1}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("template.yaml", "- a list", "is not a template"),
        ("template.yaml", "a: [", "Cannot read"),
        ("template.json", "{", "Cannot read"),
        ("template.json", "[" * 100_000, "Cannot read"),
        ("template.yaml", "[" * 10_000, "Cannot read"),
    ],
)
def test_a_file_that_is_not_a_template_is_explained(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        read_template(tmp_path / name)


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"template\.yaml: No such file or directory\.$"):
        read_template(tmp_path / "template.yaml")


def test_a_section_is_a_mapping_or_empty() -> None:
    assert section({"A": {"B": 1}}, "A") == {"B": 1}
    assert section({"A": []}, "A") == section({}, "A") == {}
