"""Events that are not HTTP, as requests to the app: the option `event_path`."""

from __future__ import annotations

import json
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..errors import EventError
from ..types import Request
from . import FUNCTION_URL

if TYPE_CHECKING:
    from ..types import JSON, Headers

_MAX_DECODINGS = 8

RECEIVER = FUNCTION_URL._replace(
    name="event_path",
    to_stream="a response to such an event cannot be streamed; store the data, in S3 for example,"
    " and respond with the key",
)
"""The event source of such events: their response has the limit of any buffered response."""


def event_request(path: str, event: JSON) -> Request:
    """Return the request for ``event``: a ``POST`` with the event as JSON.

    Raises:
        EventError: the event is not JSON: its content type is another, or a wrapper has changed it.
    """
    try:
        body = json.dumps(event).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise EventError(
            f"The event cannot be sent to event_path, because it is not JSON: {error}"
        ) from error
    return Request(
        method="POST",
        scheme="https",
        http_version="1.1",
        path=path,
        raw_path=path.encode(),
        query_string=b"",
        root_path="",
        headers=[
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
        ],
        body=body,
        client=None,
        server=("localhost", 443),
    )


def event_response(path: str, status: int, headers: Headers, body: bytes) -> JSON:
    """Return the result of the invocation: the JSON or the text of the response, or None.

    Raises:
        EventError: the status is not 2xx, or the body is not the JSON that its content type says.
            The invocation fails then, so that Lambda retries the event or moves it to a
            dead-letter queue.
    """
    if not 200 <= status < 300:
        # Without the body: a validation error quotes the event, which must not be logged.
        raise EventError(f"The app responded to the event at {path} with {status}.")
    if not body:
        return None
    if b"json" not in dict(headers).get(b"content-type", b"").lower():
        return body.decode("utf-8", "replace")
    try:
        result: JSON = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(
            f"The app's response to the event at {path} is not JSON: {error}"
        ) from error
    return result


def leads_to(path: str, event_path: str) -> bool:
    """Whether a request for ``path`` could reach the app's route at ``event_path``.

    ``path`` may begin with a stage, a mapping or a prefix of the app. Frameworks and middleware may
    decode and normalize a path again. ``$`` in the pattern of a route also matches before a line
    feed, so a path with a control character leads there even with other characters at its end.
    """
    for _ in range(_MAX_DECODINGS):
        decoded = unquote(path)
        if decoded == path:
            reserved, normalized = _normalize(event_path), _normalize(path)
            return normalized.endswith(reserved) or (
                not path.isprintable() and reserved in normalized
            )
        path = decoded
    return True  # an attack: no client encodes a path this often


def _normalize(path: str) -> str:
    """Return ``path`` in lower case, without blanks, control characters, and ``.`` and ``..``."""
    visible = "".join(filter(str.isprintable, path)).replace(" ", "")
    return f"/{normpath(visible).strip('/')}".casefold()
