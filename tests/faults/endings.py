"""Every way an app can end, as `tests/test_endings.py` has them, seen from outside a process."""

from __future__ import annotations

from tests.test_endings import ENDINGS, Ending

from .stage import Seen


def expected(ending: Ending, errors: str) -> Seen:
    """Return what is seen of an ending with the option ``errors``."""
    if ending.where == "complete":
        return Seen(f"{ending.status}, whole", "a complete response")
    if ending.where == "after the head":
        return Seen("200, cut short", f"error trailers: {ending.error}")
    if errors == "raise":
        return Seen("502", f"a failed invocation: {ending.error}")
    status = 504 if ending.error == "DeadlineExceeded" else 500
    return Seen(f"{status}, whole", "a complete response")


def sentence(name: str) -> str:
    """Return what the app does, in words."""
    return f"The app {name.replace('-', ' ')}"


__all__ = ["ENDINGS", "expected", "sentence"]
