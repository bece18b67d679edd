"""What there is to know about a front door of Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import ResponseTooLarge
from ..prelude import encode, prelude

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..response import Head
    from ..types import JSON, Event, Headers, Prelude, Request

MAX_ANSWER = 6 * 1024 * 1024 + 100
"""Bytes of JSON that Lambda takes as the answer to an invocation."""


class Source(NamedTuple):
    """A front door of Lambda: how its events are read and what answer it takes."""

    name: str
    streams_in: tuple[str, ...]  #: the invoke modes in which its answers are streamed
    request: Callable[[Event], Request]
    answer: Callable[[Prelude, bytes], JSON]
    prelude: Callable[[int, Headers], Prelude] = prelude
    max_prelude: int | None = None  #: bytes, with the delimiter
    max_answer: int = MAX_ANSWER  #: bytes of JSON, for a buffered answer
    to_stream: str = "this source cannot stream; a function URL can"  #: what would stream it

    def encode(self, head: Head) -> bytes:
        """Return the bytes to send in front of a streamed body.

        Raises:
            ResponseTooLarge: they are more than this event source reads.
        """
        data = encode(self.prelude(head.status, head.headers))
        if self.max_prelude is not None and len(data) > self.max_prelude:
            raise ResponseTooLarge(
                f"The head of the response is {len(data):,} bytes of JSON, and a {self.name}"
                f" reads {self.max_prelude:,}. Send fewer or shorter headers and cookies."
            )
        return data

    def format(self, head: Head, body: bytes) -> JSON:
        """Return a buffered response in the form that this event source takes."""
        return self.answer(self.prelude(head.status, head.headers), body)
