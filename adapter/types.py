"""The shapes that travel through the adapter: JSON, AWS's events, ASGI's messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, Protocol, TypedDict

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
"""Any value that JSON can carry: what an event is and what a buffered answer is."""

Event = dict[str, JSON]
"""A Lambda event, with AWS's keys."""

Headers = list[tuple[bytes, bytes]]
"""Header fields as ASGI has them: lower-case names, latin-1 values, repeats kept."""

# Frameworks do not agree on the type of a scope (asgiref: a union of TypedDicts, Starlette:
# MutableMapping[str, Any]) and neither is assignable to the other, so the border is open here.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 application: ``async (scope, receive, send)``."""


class Request(NamedTuple):
    """An HTTP request, whatever event it came in. The last stop before ASGI."""

    method: str
    scheme: str
    http_version: str
    path: str  #: percent-decoded once, UTF-8
    raw_path: bytes  #: as the client sent it, as far as the event lets us know
    query_string: bytes
    root_path: str  #: the stage or mapping in front of the app; ``path`` begins with it
    headers: Headers
    body: bytes
    client: tuple[str, int] | None
    server: tuple[str, int]
    mapped: bool = False  #: whether the gateway may have taken a mapping off the path


class Prelude(TypedDict, total=False):
    """The JSON head of a streamed HTTP answer, and the head of a buffered one.

    The four keys AWS reads; each is optional.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """

    statusCode: int
    headers: dict[str, str]
    multiValueHeaders: dict[str, list[str]]
    cookies: list[str]


class ErrorObject(TypedDict, total=False):
    """What callers of a failed function see.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    errorType: str
    errorMessage: str
    stackTrace: list[str]
    requestId: str


class Context(Protocol):
    """What the adapter needs of a context object, ours or the managed runtime's."""

    @property
    def aws_request_id(self) -> str:
        """The id of the invocation."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda stops waiting."""
        ...
