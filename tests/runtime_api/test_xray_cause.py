from __future__ import annotations

import json
from typing import TYPE_CHECKING

from adapter.errors import HandlerError, error_object
from adapter.runtime_api.xray_cause import MAX_CAUSE_CHARS, MAX_FRAMES, xray_cause

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def raised(depth: int, message: str = "no") -> BaseException:
    def fall(left: int) -> None:
        if left:
            fall(left - 1)
        raise ValueError(message)

    try:
        fall(depth)
    except ValueError as error:
        return error
    raise AssertionError


def cause_of(error: BaseException) -> str | None:
    return xray_cause(error, error_object(error))


def test_it_is_one_line_of_ascii_because_it_goes_into_a_header() -> None:
    text = cause_of(raised(0, "zwei\nZeilen: ü"))
    assert text is not None
    assert text.isascii()
    assert "\n" not in text
    [exception] = json.loads(text)["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", "zwei\nZeilen: ü")
    assert exception["stack"][-1]["label"] == "fall"
    assert json.loads(text)["paths"] == [__file__]


def test_of_a_deep_stack_the_innermost_frames_are_kept() -> None:
    text = cause_of(raised(900))
    assert text is not None
    assert len(json.loads(text)["exceptions"][0]["stack"]) == MAX_FRAMES


def test_one_that_is_too_long_is_left_out_because_the_platform_would_crop_it() -> None:
    assert cause_of(raised(0, "x" * MAX_CAUSE_CHARS)) is None


def test_a_fault_of_the_handler_as_such_has_no_stack() -> None:
    text = cause_of(HandlerError("Runtime.MarshalError", "A set is not JSON."))
    assert text is not None
    [exception] = json.loads(text)["exceptions"]
    assert (exception["type"], exception["stack"]) == ("LambdaValidationError", [])


def test_it_has_no_folder_if_the_working_directory_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "removed"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    text = cause_of(raised(0))
    assert text is not None
    assert json.loads(text)["working_directory"] == ""
