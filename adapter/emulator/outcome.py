"""The outcome of an invocation, as data: how its response began and ended, or its failure."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import NamedTuple

from ..diagnosis.symptoms import TRACEBACK, logged_error

#: also of an exception group
TRACEBACK_START = re.compile(rf"\s+(\+ Exception Group )?{re.escape(TRACEBACK)}")
KNOWN_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
EXIT_ERROR = "Runtime.ExitError"
UNAVAILABLE = "Runtime.Unavailable"


class EndOfResponse(StrEnum):
    """How a response ended; the values are those of AWS's ``End-Of-Response`` trailer."""

    COMPLETE = "Complete"
    TRUNCATED = "Truncated"
    OVERSIZED = "Oversized"


class ResponseEnd(NamedTuple):
    """The end of a response. A complete response may carry an error in its trailers."""

    completeness: EndOfResponse
    error_type: str = ""
    error_body: str = ""  #: base64 of a JSON error object, as the runtime sent it

    @property
    def clean(self) -> bool:
        """Whether the response is complete and has no error."""
        return self.completeness is EndOfResponse.COMPLETE and not self.error_type


class ResponseStart(NamedTuple):
    """A response has begun. Its bytes follow in `LocalInvocation.body`."""

    content_type: str


class InvocationFailure(NamedTuple):
    """The failure of an invocation, before the first byte of its response or after it."""

    error_type: str
    payload: bytes = b""
    content_type: str = "application/json"
    in_init: bool = False  #: the runtime failed before it received the event

    @property
    def unavailable(self) -> bool:
        """Whether the event was not delivered because the environment is at its limit."""
        return self.error_type == UNAVAILABLE

    def explain(self) -> str:
        """Return type and message of the runtime's error object; the message may have line breaks.

        Characters that UTF-8 cannot encode are escapes.
        """
        try:
            document = json.loads(self.payload)
            text = f"{document['errorType']}: {document['errorMessage']}"
            return text.encode(errors="backslashreplace").decode()
        except (ValueError, KeyError, TypeError, RecursionError):
            return self.payload.decode("utf-8", "replace") or self.error_type

    def summarise(self) -> str:
        """Return type and message, but of a traceback in the message only the error at its end.

        Frameworks send the traceback of a failed startup as the message of the lifespan protocol.
        The runtime has logged the whole message.
        """
        text = self.explain()
        found = TRACEBACK_START.search(text)
        error = logged_error([text]) if found else ""
        return f"{text[: found.start()]} {error}" if found and error else text


def platform_error(error_type: str, message: str) -> InvocationFailure:
    """Return a failure that Lambda itself reports."""
    return InvocationFailure(
        error_type, json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    )


def exit_error(request_id: str, returncode: int, error_type: str = EXIT_ERROR) -> InvocationFailure:
    """Return the failure of an invocation whose runtime process exited, in RAPID's words."""
    if returncode == 0:
        reason = "Runtime exited without providing a reason"
    elif returncode < 0:
        signal_name = {9: "killed", 15: "terminated", 11: "segmentation fault", 6: "aborted"}
        reason = (
            "Runtime exited with error: signal: "
            f"{signal_name.get(-returncode, f'signal {-returncode}')}"
        )
    else:
        reason = f"Runtime exited with error: exit status {returncode}"
    return platform_error(error_type, f"RequestId: {request_id} Error: {reason}")


def timeout_error(request_id: str, timeout_seconds: float) -> InvocationFailure:
    """Return the failure of an invocation that timed out, in AWS's words."""
    return platform_error(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {timeout_seconds:.2f} seconds",
    )


def known_error_type(error_type: str) -> str:
    """Return a reported error type as the platform keeps it (RAPID, fatalerror.go)."""
    if KNOWN_ERROR_TYPE.search(error_type):
        return error_type
    return "Function.Unknown" if error_type.startswith("Function.") else "Runtime.Unknown"
