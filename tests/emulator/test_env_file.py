from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.env_file import read_env_file
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

FILE = r"""
# a comment
PLAIN=one two
export EXPORTED=yes
SPACED = around   # and a comment
EMPTY=
HASH=a#b
SINGLE='as $it \n is # here' # but not this
DOUBLE="line\n\"quoted\"\\"
COMMENTED="a" # say "hi"
BOTH='a' # it's
ESCAPED="a \" # b" # c
INNER="say "hi""
URL=postgres://ann:s3cret@db/shop?x=1&y=2
"""


def test_a_file_of_variables_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    assert read_env_file(str(tmp_path / ".env")) == {
        "PLAIN": "one two",
        "EXPORTED": "yes",
        "SPACED": "around",
        "EMPTY": "",
        "HASH": "a#b",
        "SINGLE": r"as $it \n is # here",
        "DOUBLE": 'line\n"quoted"\\',
        "COMMENTED": "a",
        "BOTH": "a",
        "ESCAPED": 'a " # b',
        "INNER": 'say "hi"',
        "URL": "postgres://ann:s3cret@db/shop?x=1&y=2",
    }


def test_a_line_that_is_no_assignment_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nnonsense\n")
    with pytest.raises(ConfigurationError, match="line 2: 'nonsense' is not NAME=value"):
        read_env_file(str(tmp_path / ".env"))


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\n\r\nB='two'\r\nC=\xe2\x80\xa8\r\n")
    assert read_env_file(str(tmp_path / ".env")) == {"A": "1", "B": "two", "C": ""}
    (tmp_path / ".env").write_text("A=x\N{LINE SEPARATOR}y\n", encoding="utf-8")
    assert read_env_file(str(tmp_path / ".env")) == {"A": "x\N{LINE SEPARATOR}y"}


def test_a_value_that_no_variable_can_have_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\0\n")
    with pytest.raises(ConfigurationError, match=r"line 1: 'A=1\\x00' is not NAME=value"):
        read_env_file(str(tmp_path / ".env"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"Cannot read --env-file .*: No such file or directory\.$"
    ):
        read_env_file(str(tmp_path / "none"))
