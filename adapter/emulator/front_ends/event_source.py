"""The rules of an event source, between the client and the function. They do no I/O.

Each source makes an event from a request, and an HTTP response from the function's response. Each
has its own formats and errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .prelude_reader import PRELUDE_CONTENT_TYPE
from .source_event import MAX_EVENT_BYTES
from .source_response import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import Headers
    from .client_request import ClientRequest
    from .source_event import SourceEvent
    from .source_response import ResponseHead

NO_STREAM = "This event source does not stream."


class SourceResponse(NamedTuple):
    """A complete response that the source itself sends."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = {}
    log: str = ""  #: why the function is not invoked


class EventSource(ABC):
    """A source of events."""

    #: the largest request body
    max_body_bytes: ClassVar[int] = MAX_EVENT_BYTES
    #: how long a buffered response may take; ``None``: as long as the function
    response_timeout_seconds: ClassVar[float | None] = None
    #: responses that the source sends instead of the function's
    too_large: ClassVar[SourceResponse]
    failed: ClassVar[SourceResponse]
    unavailable: ClassVar[SourceResponse]
    timed_out: ClassVar[SourceResponse]
    #: the advice if a buffered response is invalid
    buffered_advice: ClassVar[str] = ""

    @property
    def timeout_advice(self) -> str:
        """Return why the client did not get the function's response."""
        return (
            f"the response took longer than {self.response_timeout_seconds} s, the limit of this "
            "API. The function keeps running."
        )

    def __init__(self, *, streams: bool) -> None:
        self.streams = streams

    @abstractmethod
    def event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event of a request, or the response if the function is not invoked."""

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Return the head that a prelude describes.

        Raises:
            InvalidResponseError: the prelude is not valid, or the source never streams.
        """
        raise InvalidResponseError(NO_STREAM)

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Return the head of a stream without a prelude.

        Raises:
            InvalidResponseError: the source needs a prelude, or never streams.
        """
        raise InvalidResponseError(NO_STREAM)

    @abstractmethod
    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a buffered response.

        Raises:
            InvalidResponseError: the response is not valid.
        """

    @abstractmethod
    def source_headers(self, event: SourceEvent) -> Headers:
        """Return the headers that the source adds to each response."""


def refuse_stream(content_type: str, source: str) -> None:
    """Refuse a stream that ``source`` cannot pass on.

    Raises:
        InvalidResponseError: the response is a stream.
    """
    if content_type == PRELUDE_CONTENT_TYPE:
        raise InvalidResponseError(
            f"{source} does not stream, and the function does. Without ADAPTER_INVOKE_MODE "
            "the function buffers for this source."
        )
