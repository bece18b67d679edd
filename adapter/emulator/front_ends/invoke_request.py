"""Reads a call of the Invoke API, or refuses it as AWS does. It does no I/O.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from .source_event import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ASYNC_EVENT_BYTES = 1024 * 1024
MAX_CLIENT_CONTEXT = 3583  # characters of base64

BUFFERED = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
STREAMED = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations/?")
# A name, a partial or a whole ARN; then a version or an alias. Here all of them are the same code.
FUNCTION = re.compile(r"(?:(?:arn:[\w-]+:lambda:[\w-]+:)?\d{12}:function:)?([\w-]+)(?::[\w$-]+)?")
TENANT_ID_PATTERN = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
#: the allowed invocation types, by whether the call is streamed
INVOCATION_TYPES = {
    False: ("RequestResponse", "Event", "DryRun"),
    True: ("RequestResponse", "DryRun"),
}


class RefusedError(Exception):
    """The call is refused; an SDK raises ``error_type``."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class InvokeRequest(NamedTuple):
    """One call."""

    streamed: bool
    #: RequestResponse, Event (the caller does not wait) or DryRun (the function does not run)
    invocation_type: str
    event: bytes
    client_context: str  #: JSON, or empty
    wants_log: bool = False  #: the caller wants the end of the log
    tenant_id: str = ""


def invoke_request(
    method: str, path: str, headers: Mapping[str, str], body: bytes, function: str
) -> InvokeRequest:
    """Read a call. ``headers`` has to be case-insensitive.

    Raises:
        RefusedError: AWS would not invoke the function, or the call names another function.
    """
    # The signature is not checked. The header keeps out web pages: a page cannot send it to another
    # origin without a preflight request.
    if not headers.get("Authorization"):
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    streamed = STREAMED.fullmatch(path)
    call = streamed or BUFFERED.fullmatch(path)
    if call is None or method != "POST":
        message = f"The local Lambda has no {method} {path!r}: it only invokes functions."
        raise RefusedError(HTTPStatus.NOT_FOUND, "UnknownOperationException", message)
    name = FUNCTION.fullmatch(call[1])
    if name is None or name[1] != function:
        message = f"Function not found: {call[1]!r}. The function here is {function!r}."
        raise RefusedError(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", message)
    allowed = INVOCATION_TYPES[streamed is not None]
    invocation_type = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if invocation_type not in allowed:
        raise invalid_parameter(f"{invocation_type!r} is not one of: {', '.join(allowed)}.")
    max_bytes = MAX_ASYNC_EVENT_BYTES if invocation_type == "Event" else MAX_EVENT_BYTES
    event = read_event(body, max_bytes)
    context = read_client_context(headers.get("X-Amz-Client-Context", ""))
    return InvokeRequest(
        streamed is not None,
        invocation_type,
        event,
        context,
        read_log_type(headers.get("X-Amz-Log-Type", "None")),
        read_tenant_id(headers.get("X-Amz-Tenant-Id", "")),
    )


def read_log_type(log_type: str) -> bool:
    """Return whether the caller wants the end of the log."""
    if log_type not in ("None", "Tail"):
        raise invalid_parameter(f"{log_type!r} is not one of: None, Tail.")
    return log_type == "Tail"


def read_tenant_id(tenant_id: str) -> str:
    """Return the tenant; its form is that of botocore's service model."""
    if tenant_id and not TENANT_ID_PATTERN.fullmatch(tenant_id):
        pattern = TENANT_ID_PATTERN.pattern
        raise invalid_parameter(f"The tenant id {tenant_id!r} does not match {pattern}.")
    return tenant_id


def invalid_parameter(message: str) -> RefusedError:
    """Return the refusal of a parameter."""
    return RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)


def read_event(body: bytes, max_bytes: int) -> bytes:
    """Return the event: JSON, or an empty object for an empty body."""
    if len(body) > max_bytes:
        message = f"Request must be smaller than {max_bytes} bytes for the InvokeFunction operation"
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from error
    return body or b"{}"


def read_client_context(encoded: str) -> str:
    """Return the JSON of a client context in base64, on one line, as a header needs it."""
    try:
        if len(encoded) > MAX_CLIENT_CONTEXT:
            raise ValueError(f"it has more than {MAX_CLIENT_CONTEXT} bytes")
        text = b64decode(encoded, validate=True).decode()
        if text:
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST,
            "InvalidRequestContentException",
            f"The client context has to be JSON in base64: {error}",
        ) from error
    # A line break in JSON can only be white space; Go's HTTP server writes a space for it, too.
    return text.replace("\r", " ").replace("\n", " ").strip()
