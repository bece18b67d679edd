"""Events that are no requests, as requests: what `event_path` does with them."""

from __future__ import annotations

import json
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..errors import EventError
from ..types import Request

if TYPE_CHECKING:
    from ..types import JSON, Headers

_ROUNDS = 8


def event_request(path: str, event: JSON) -> Request:
    """Return the request that brings ``event`` to the app: a ``POST`` with it as JSON."""
    body = json.dumps(event).encode("ascii")
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


def event_answer(path: str, status: int, headers: Headers, body: bytes) -> JSON:
    """Return what the app answered to an event: JSON, other text, or nothing.

    Raises:
        EventError: the app did not accept the event, or its answer is not the JSON that it
            says it is. The invocation fails then, so that Lambda tries again or puts the event
            aside.
    """
    if not 200 <= status < 300:
        # Without its text: a validation error quotes the event, which belongs into no log.
        raise EventError(f"The app answered the event at {path} with {status}.")
    if not body:
        return None
    if b"json" not in dict(headers).get(b"content-type", b"").lower():
        return body.decode("utf-8", "replace")
    try:
        answer: JSON = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError(f"The app's answer to the event at {path} is not JSON: {error}") from error
    return answer


def leads_to(path: str, event_path: str) -> bool:
    """Whether a request for ``path`` could reach the app's route at ``event_path``.

    A stage, a mapping or a prefix of the app may stand before it. Frameworks and middleware may
    decode and normalize the path once more, and ``$`` in a route's pattern also matches before a
    newline, so a path with a control character need not even end like ``event_path``.
    """
    for _ in range(_ROUNDS):
        again = unquote(path)
        if again == path:
            closed, normalized = _normalize(event_path), _normalize(path)
            return normalized.endswith(closed) or (not path.isprintable() and closed in normalized)
        path = again
    return True  # no client encodes a path this often for a good reason


def _normalize(path: str) -> str:
    """Return ``path`` with one leading slash, without blanks, control characters and dots."""
    visible = "".join(filter(str.isprintable, path)).replace(" ", "")
    return f"/{normpath(visible).strip('/')}".casefold()
