"""The cause of a failure as X-Ray shows it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..errors import HandlerError, app_frames

if TYPE_CHECKING:
    from ..types import ErrorObject

LIMIT = 64 * 1024
"""Characters; of more than that the platform keeps only parts."""

MAX_FRAMES = 50


def xray_cause(error: BaseException, described: ErrorObject) -> str | None:
    """Return the value of ``Lambda-Runtime-Function-XRay-Error-Cause``; None if it is too long."""
    own = issubclass(type(error), HandlerError)  # no code of the user has run, or it has returned
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
    return cause if len(cause) < LIMIT else None


def _working_directory() -> str:
    """Return the working directory, or an empty string if it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""
