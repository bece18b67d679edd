"""Stands between AWS's bootstrap module and the function: each error is one that it can report.

The client's ``handle_event_request`` describes what a function raises, and reads the working
directory, outside any ``try``: an error whose ``str()`` raises would end the process with nothing
posted, and so would a directory that the app has removed.

This file has its name on purpose. The client leaves the frames of files called ``bootstrap.py`` out
of the stack that it reports, so that the stack begins with the function.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError, error_message, error_type
from ..runtime_api.wire import MAX_REPORT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT_BYTES = MAX_REPORT_BYTES // 8
"""Of an error; JSON may have six bytes for one of them, and the stack comes on top."""


def guarded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return ``function`` with errors and a working directory that AWS's client can report."""

    def call(event: Any, context: Any) -> Any:
        try:
            return function(event, context)
        except Exception as error:
            if _can_be_described(error):
                raise
            raise _stand_in(error) from error
        finally:
            _have_working_directory()

    return call


def _can_be_described(error: Exception) -> bool:
    try:
        return len(f"{type(error).__name__}{error}".encode()) <= MAX_TEXT_BYTES
    except BaseException:
        return False


def _stand_in(error: Exception) -> Exception:
    """Return an error of the same name, with as much of the text of ``error`` as is reported."""
    text = error_message(error).encode(errors="backslashreplace")[:MAX_TEXT_BYTES]
    kind = type(error_type(error), (AdapterError,), {})
    stand_in: Exception = kind(text.decode(errors="ignore"))
    return stand_in.with_traceback(error.__traceback__)


def _have_working_directory() -> None:
    try:
        os.getcwd()
    except OSError:
        os.chdir("/")
