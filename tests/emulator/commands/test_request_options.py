from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from adapter.emulator.commands.request_options import encoded, read_data, read_file, read_path
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a%20b?c=d&e=/~#f", "/a%20b?c=d&e=/~#f"),
        ("/caf\xe9 1", "/caf%C3%A9%201"),
        ("/caf\udce9", "/caf%E9"),  # as the shell passes on a byte that is not UTF-8
    ],
)
def test_a_path_is_encoded_as_a_browser_does(text: str, path: str) -> None:
    assert read_path(text) == path


def test_an_encoded_path_stays_as_it_is() -> None:
    assert encoded(encoded("/caf\xe9 1?q=100%")) == encoded("/caf\xe9 1?q=100%")


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ConfigurationError, match="--path has to begin with /, and 'x' does not"):
        read_path("x")


def test_data_are_the_bytes_of_the_shell_or_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"\xff\0")
    assert read_data("caf\xe9 \udce9") == b"caf\xc3\xa9 \xe9"
    assert read_data(f"@{tmp_path / 'body'}") == b"\xff\0"


def test_stdin_is_read_for_a_hyphen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    assert read_file("-") == b"\xff"


@pytest.mark.parametrize("name", ["", "nowhere", "."])
def test_a_file_that_cannot_be_read_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Cannot read '{name}': [A-Z].*[a-z].$"):
        read_file(name)


def test_a_closed_stdin_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as after <&-
    with pytest.raises(ConfigurationError, match="There is no stdin to read"):
        read_file("-")
