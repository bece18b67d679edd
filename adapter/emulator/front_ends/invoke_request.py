"""What an SDK asks of Lambda when it invokes a function, or why it is refused. It does no I/O.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from .url_request import MAX_EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ASYNC_EVENT = 1024 * 1024
MAX_CLIENT_CONTEXT = 3583  # in base64

WHOLE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
STREAMED = re.compile(r"/2021-11-15/functions/([^/]+)/response-streaming-invocations/?")
# A name, or more and more of an ARN; then a version or an alias, of which there is one: this code.
FUNCTION = re.compile(r"(?:(?:arn:[\w-]+:lambda:[\w-]+:)?\d{12}:function:)?([\w-]+)(?::[\w$-]+)?")
KINDS = {False: ("RequestResponse", "Event", "DryRun"), True: ("RequestResponse", "DryRun")}


class RefusedError(Exception):
    """The call is no invocation: what the SDK raises for it."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class InvokeRequest(NamedTuple):
    """One call."""

    streamed: bool
    kind: str  #: RequestResponse, Event (nobody waits for the answer) or DryRun (nothing is run)
    event: bytes
    client_context: str  #: JSON, or empty


def invoke_request(
    method: str, path: str, headers: Mapping[str, str], body: bytes, function: str
) -> InvokeRequest:
    """Read a call; header names are matched in any case if ``headers`` does so.

    Raises:
        RefusedError: AWS would not invoke the function, or not this one.
    """
    # Who signs is not looked at; but a page in a browser cannot send this header unasked.
    if not headers.get("Authorization"):
        raise RefusedError(
            HTTPStatus.FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    streamed = STREAMED.fullmatch(path)
    call = streamed or WHOLE.fullmatch(path)
    if call is None or method != "POST":
        message = (
            f"The local Lambda can invoke and nothing else; {method} {path!r} is something else."
        )
        raise RefusedError(HTTPStatus.NOT_FOUND, "UnknownOperationException", message)
    name = FUNCTION.fullmatch(call[1])
    if name is None or name[1] != function:
        message = f"Function not found: {call[1]!r}. The one here is {function!r}."
        raise RefusedError(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", message)
    kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind not in KINDS[streamed is not None]:
        message = f"{kind!r} is not one of: {', '.join(KINDS[streamed is not None])}."
        raise RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)
    event = event_of(body, MAX_ASYNC_EVENT if kind == "Event" else MAX_EVENT)
    context = client_context(headers.get("X-Amz-Client-Context", ""))
    return InvokeRequest(streamed is not None, kind, event, context)


def event_of(body: bytes, limit: int) -> bytes:
    """Return the event: JSON, and an empty object for nothing."""
    if len(body) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
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


def client_context(encoded: str) -> str:
    """Return the JSON text that the caller has put into base64, as it fits into a header."""
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
    # Between the values of JSON a line break is but a space, and so Go's HTTP server writes it.
    return text.replace("\r", " ").replace("\n", " ").strip()
