"""An event source: how its events are read, and which responses it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ResponseTooLarge
from ..named_tuple import NamedTuple
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
    max_prelude_bytes: int | None = None  #: with the delimiter
    max_response_bytes: int = MAX_RESPONSE_BYTES  #: of JSON, buffered
    #: How a user can get a stream instead, for log lines.
    to_stream: str = "this source cannot stream; a function URL can"

    def encode(self, head: Head) -> bytes:
        """Return the bytes to send before a streamed body.

        Raises:
            ResponseTooLarge: the head is larger than this event source reads.
        """
        data = encode(self.prelude(head.status, head.headers))
        if self.max_prelude_bytes is not None and len(data) > self.max_prelude_bytes:
            raise ResponseTooLarge(
                f"The head of the response is {len(data):,} bytes of JSON, and a {self.name}"
                f" reads {self.max_prelude_bytes:,}. Send fewer or shorter headers and cookies."
            )
        return data

    def format(self, head: Head, body: bytes) -> JSON:
        """Return a buffered response in the form that this event source takes."""
        return self.response(self.prelude(head.status, head.headers), body)
