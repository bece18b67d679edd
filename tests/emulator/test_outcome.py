"""How the outcomes of invocations are described."""

from __future__ import annotations

import json

import pytest

from adapter.emulator.outcome import (
    exit_error,
    known_error_type,
    platform_error,
    timeout_error,
)

from .fidelity import Source, behaviour


@pytest.mark.parametrize(
    ("returncode", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-40, "Runtime exited with error: signal: signal 40"),
    ],
)
@behaviour("The exit of a runtime is `Runtime.ExitError` with its status or signal", Source.SERVER)
def test_the_exit_of_a_runtime_is_reported_in_the_words_of_lambda(
    returncode: int, reason: str
) -> None:
    failure = exit_error("id", returncode)
    assert json.loads(failure.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: id Error: {reason}",
    }


def test_a_timeout_is_logged() -> None:
    message = json.loads(timeout_error("id", 3).payload)["errorMessage"]
    assert message == "RequestId: id Error: Task timed out after 3.00 seconds"


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ("Function.Boom", "Function.Boom"),
        ("xRuntime.Ab", "xRuntime.Ab"),
        ("Function.OAuth2Error", "Function.OAuth2Error"),
        ("Function.Err404", "Function.Err404"),
        ("Function.boom", "Function.Unknown"),
        ("Function.B", "Function.Unknown"),
        ("TypeError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
@behaviour(
    "Error types like `Function.Err404` are kept whole, others become `Unknown`", Source.SERVER
)
def test_error_types_are_reduced_to_what_the_platform_knows(reported: str, kept: str) -> None:
    assert known_error_type(reported) == kept


TRACEBACK = """Traceback (most recent call last):
  File "/var/task/main.py", line 6, in lifespan
    raise RuntimeError("no database")
RuntimeError: no database
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/var/task/main.py", line 6, in lifespan
  |     raise ExceptionGroup("several", [ValueError("x")])
  | ExceptionGroup: several (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: x
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("message", "summary"),
    [
        (TRACEBACK, "RuntimeError: no database"),
        (GROUP, "ExceptionGroup: several (1 sub-exception)"),
        ("no database\nand no cache", "no database\nand no cache"),
        ("Traceback (most recent call last):\n", "Traceback (most recent call last):\n"),
    ],
)
def test_a_traceback_that_the_runtime_has_logged_is_not_repeated(
    message: str, summary: str
) -> None:
    failure = platform_error("LifespanFailed", f"The app's startup failed: {message}")
    assert failure.summarise() == f"LifespanFailed: The app's startup failed: {summary}"
    assert failure.explain() == f"LifespanFailed: The app's startup failed: {message}"
