"""An event source: how its events are read, and which responses it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..light_classes import NamedTuple
from .prelude import encode, prelude

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import JSON, Event, Head, Headers, Prelude, Request

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""The largest response of an invocation that Lambda accepts, as JSON."""


class Source(NamedTuple):
    """An event source: how its events are read, and which responses it takes."""

    name: str
    streams_in: tuple[str, ...]  #: the invoke modes in which responses are streamed
    request: Callable[[Event], Request]
    response: Callable[[Prelude, bytes], JSON]  #: renders a buffered response
    prelude: Callable[[int, Headers], Prelude] = prelude
    encode: Callable[[Prelude], bytes] = encode  #: returns the bytes before a streamed body
    max_response_bytes: int = MAX_RESPONSE_BYTES  #: of JSON, buffered
    #: How a user can get a stream instead, for log lines.
    to_stream: str = "this source cannot stream; a function URL can"

    def format(self, head: Head, body: bytes) -> JSON:
        """Return a buffered response in the form that this event source takes."""
        return self.response(self.prelude(head.status, head.headers), body)
