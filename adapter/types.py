"""The types that all modules share: JSON, AWS's events, ASGI's messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from .light_classes import NamedTuple

if TYPE_CHECKING:
    from typing import Protocol, TypedDict

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
"""Any JSON value: the type of events and of buffered responses."""

Event = dict[str, JSON]
"""A Lambda event, with AWS's keys."""

Headers = list[tuple[bytes, bytes]]
"""Header fields as ASGI has them: lower-case names, latin-1 values, repeats kept."""

# Frameworks do not agree on the type of a scope (asgiref: a union of TypedDicts, Starlette:
# MutableMapping[str, Any]) and these are not assignable to each other, so ``Any`` is used here.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 application: ``async (scope, receive, send)``."""


# From 2.4 on, send() raises OSError after a disconnect. Starlette reads the version: below 2.4, it
# listens for http.disconnect during a stream and cancels the stream when the message comes.
ASGI = {"version": "3.0", "spec_version": "2.4"}


class Request(NamedTuple):
    """An HTTP request, independent of its event source. `http_scope` makes a scope of it."""

    method: str
    scheme: str
    http_version: str
    path: str  #: percent-decoded once, UTF-8
    raw_path: bytes  #: as the client sent it, if the event preserves that
    query_string: bytes
    root_path: str  #: the stage or mapping in front of the app; ``path`` begins with it
    headers: Headers
    body: bytes
    client: tuple[str, int] | None
    server: tuple[str, int]
    mapped: bool = False  #: whether the gateway may have removed a mapping from the path


class Head(NamedTuple):
    """The status and the headers of a response."""

    status: int
    headers: Headers


if TYPE_CHECKING:  # lazy: cold start

    class Prelude(TypedDict, total=False):
        """The head of a streamed or buffered HTTP response, as JSON.

        The four keys that AWS reads; each is optional.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
        """

        statusCode: int
        headers: dict[str, str]
        multiValueHeaders: dict[str, list[str]]
        cookies: list[str]

    class ErrorObject(TypedDict, total=False):
        """The error of a failed function, as the caller of the function gets it.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
        """

        errorType: str
        errorMessage: str
        stackTrace: list[str]
        requestId: str

    class Context(Protocol):
        """The part of a context object that the adapter uses, under any runtime."""

        @property
        def aws_request_id(self) -> str:
            """The id of the invocation."""
            ...

        def get_remaining_time_in_millis(self) -> int:
            """Return the milliseconds left before Lambda stops waiting."""
            ...
