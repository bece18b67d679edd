"""Wraps the function so that AWS's bootstrap module can report each of its errors.

awslambdaric's ``handle_event_request`` describes the error of a function, and reads the working
directory, outside any ``try``. So two things would end the process without an error report: an
error whose ``str()`` raises, and a working directory that the app has removed.

The name of this file matters. awslambdaric removes the frames of files called ``bootstrap.py`` from
the stack trace that it reports, so the stack trace begins with the function.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError, error_message, error_type
from ..runtime_api.wire import MAX_REPORT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT_BYTES = MAX_REPORT_BYTES // 8
"""The limit of the text of an error: JSON may take six times as much, besides the stack trace."""


def call_guarded(function: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:
    """Call ``function`` so that awslambdaric can report each of its errors.

    Raises:
        Exception: the exception of ``function``, or a shorter one in its place.
    """
    try:
        return function(event, context)
    except Exception as error:
        if _is_reportable(error):
            raise
        raise _reportable(error) from error
    finally:
        try:
            os.getcwd()
        except OSError:
            os.chdir("/")


def _is_reportable(error: Exception) -> bool:
    try:
        return len(f"{type(error).__name__}{error}".encode()) <= MAX_TEXT_BYTES
    except BaseException:
        return False


def _reportable(error: Exception) -> Exception:
    """Return an error with the name of ``error`` and the start of its text."""
    text = error_message(error).encode(errors="backslashreplace")[:MAX_TEXT_BYTES]
    kind = type(error_type(error), (AdapterError,), {})
    reportable: Exception = kind(text.decode(errors="ignore"))
    return reportable.with_traceback(error.__traceback__)
