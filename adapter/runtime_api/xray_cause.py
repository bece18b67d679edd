"""The cause of a failure, for X-Ray.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..errors import HandlerError, app_frames

if TYPE_CHECKING:
    from ..types import ErrorObject

MAX_CAUSE_CHARS = 64 * 1024
"""Lambda drops parts of a longer cause."""

MAX_FRAMES = 50


def xray_cause(error: BaseException, described: ErrorObject) -> str | None:
    """Return the value of ``Lambda-Runtime-Function-XRay-Error-Cause``; None if it is too long."""
    own = issubclass(type(error), HandlerError)  # not an error inside the user's code
    stack = [
        {"path": frame.filename, "line": frame.lineno, "label": frame.name}
        for frame in ([] if own else app_frames(error))
    ][-MAX_FRAMES:]
    kind = "LambdaValidationError" if own else described["errorType"]
    cause = json.dumps(
        {
            "working_directory": _working_directory(),
            "exceptions": [
                {"type": kind, "message": described["errorMessage"], "stack": stack},
            ],
            "paths": sorted({str(frame["path"]) for frame in stack}),
        }
    )
    return cause if len(cause) < MAX_CAUSE_CHARS else None


def _working_directory() -> str:
    """Return the working directory, or an empty string if it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""
