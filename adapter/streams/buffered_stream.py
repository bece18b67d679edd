"""The buffered response: collected, then sent or returned as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import ResponseTooLarge, StreamClosed
from ..events.body import is_for_streaming
from ..invocation.loggers import get_logger
from .response_stream import ResponseStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..events import Source
    from ..events.custom import CustomSource
    from ..types import JSON, Head


logger = get_logger("adapter.http")


class BufferedStream(ResponseStream):
    """Collects a response. At its end the response is sent, unless a wrapper returns it.

    Args:
        render: returns the response for a head, which may be None, and a body.
        receiver: the event source; a response above its limit is refused before its end.
        runtime_stream: sends the response; None outside a runtime.
    """

    sends_prelude = False

    def __init__(
        self,
        render: Callable[[Head | None, bytes], JSON],
        receiver: Source | CustomSource,
        runtime_stream: ResponseStream | None = None,
    ) -> None:
        super().__init__()
        self._render = render
        self._receiver = receiver
        self._runtime_stream = runtime_stream
        self._chunks: list[bytes | memoryview] = []
        self._response: JSON = None
        self._failure: Exception | None = None

    def start(self, head: Head, source: Source) -> None:
        """Set the head. Until the end, a second head discards the response so far.

        Raises:
            StreamClosed: the response has ended.
            ClientDisconnected: the client has disconnected.
        """
        if self.closed:
            raise self._disconnect_error or StreamClosed("The response stream has already ended.")
        self._chunks.clear()
        self.started = False
        self.body_bytes = self.body_chunks = 0
        self.head = head
        self.source = source

    def transmit(self, chunks: Sequence[bytes | memoryview], end: bool) -> None:
        """Keep ``chunks``; at the end, send the response, unless a wrapper returns it.

        Raises:
            ResponseTooLarge: the response is larger than the event source accepts.
            StreamClosed: rendering the response failed; the stream has failed with the same error.
        """
        if not end:
            self._check_size()
            self._chunks += chunks
            return
        self._chunks += chunks
        body = b"".join(self._chunks)
        self._chunks.clear()
        try:
            response = self._render(self.head, body)
            if self._runtime_stream is not None and not self._runtime_stream.wrapped:
                self._runtime_stream.respond(response)
                return
        except ResponseTooLarge:
            raise
        except Exception as error:
            self._failure = error
            self.fail(error)
            raise StreamClosed("The response could not be rendered.") from error
        self._response = response

    def _check_size(self) -> None:
        """Refuse a response that is too large before its end: an endless one fills the memory."""
        if self.body_bytes > self._receiver.max_response_bytes:
            raise _too_large(f"over {self.body_bytes:,}", self._receiver)

    @property
    def congested(self) -> bool:
        """Memory is never congested."""
        return False

    async def drain(self) -> None:
        """Return at once."""

    def transmit_error(self, error: BaseException) -> None:
        """Fail the stream of the runtime."""
        if self._runtime_stream is not None:
            self._runtime_stream.fail(error)

    def result(self) -> JSON:
        """Return the response, or None if this stream has sent it.

        Raises:
            BaseException: the error of the failed response, outside a runtime.
            Exception: the error of the failed rendering.
        """
        if self._failure is not None:
            raise self._failure
        if self.error is not None and self._runtime_stream is None:
            raise self.error
        return self._response


def render(source: Source | CustomSource, in_runtime: bool, head: Head | None, body: bytes) -> JSON:
    """Return a buffered response in the format of ``source``, and warn if its type streams.

    Raises:
        ResponseTooLarge: the response is larger than ``source`` accepts.
    """
    assert head is not None
    if in_runtime and body:
        warn_of_buffering(source, head)
    return buffered_response(source, head, body)


_warned = False


def warn_of_buffering(source: Source | CustomSource, head: Head) -> None:
    """Warn, once per process, that a response in a streaming format was buffered."""
    global _warned
    types = (value.decode("latin-1") for name, value in head.headers if name == b"content-type")
    found = next(filter(is_for_streaming, types), None)
    if _warned or found is None:
        return
    _warned = True
    logger.warning(
        "A response of the type %s was buffered until it was complete. Event source: %s; %s.",
        found,
        source.name,
        source.to_stream,
    )


def buffered_response(source: Source | CustomSource, head: Head, body: bytes) -> JSON:
    """Return a buffered response in the format of ``source``.

    Raises:
        ResponseTooLarge: the response is larger than ``source`` accepts.
    """
    size = len(body)
    if size <= source.max_response_bytes:
        response = source.format(head, body)
        # A byte of the body is at most six bytes of JSON. The head is not measured here: no gateway
        # accepts a head of half of the limit.
        if size * 6 <= source.max_response_bytes // 2:
            return response
        size = len(json.dumps(response, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size <= source.max_response_bytes:
            return response
    raise _too_large(f"{size:,}", source)


def _too_large(size: str, source: Source | CustomSource) -> ResponseTooLarge:
    return ResponseTooLarge(
        f"The response is {size} bytes of JSON, more than {source.max_response_bytes:,} for the"
        f" event source {source.name}: {source.to_stream}."
    )
