"""How an answer begins when it is streamed, and what becomes of it when it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .errors import ResponseTooLarge
from .events.buffered import is_for_streaming
from .loggers import get_logger
from .prelude import CONTENT_TYPE
from .response import Head, plain
from .stream import BufferedStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events import Source
    from .events.custom import CustomSource
    from .stream import ResponseStream
    from .types import JSON, Scope

logger = get_logger("adapter.http")


class StreamedHead:
    """Begins a streamed response: its content type, its head, and a word about compression.

    Args:
        stream: where it goes.
        source: through which front door.
        scope: of the request it answers.
        raise_errors: whether a head that cannot be sent fails the invocation instead of
            becoming a 500.
    """

    _warned = False

    def __init__(
        self, stream: ResponseStream, source: Source, scope: Scope | None, *, raise_errors: bool
    ) -> None:
        self._stream = stream
        self._source = source
        self._scope = scope
        self._raise_errors = raise_errors

    def begin(self, head: Head) -> bytes:
        """Return what to send in front of the body.

        A head that the front door would not read is not sent. The stream has been ended then,
        so that whatever the app still sends is to a client that is gone.
        """
        self._warn_of_compression(head)
        self._stream.set_content_type(CONTENT_TYPE)
        try:
            return self._source.encode(self._source.prelude(head.status, head.headers))
        except ResponseTooLarge as error:
            logger.error("%s", error)
            if self._raise_errors:
                self._stream.fail(error)
            else:
                refuse(500, self._scope, self._stream, self.begin)
            return b""

    def _warn_of_compression(self, head: Head) -> None:
        if StreamedHead._warned or all(name != b"content-encoding" for name, _ in head.headers):
            return
        StreamedHead._warned = True
        logger.warning(
            "The app sets Content-Encoding on a streamed response. Function URLs have been seen"
            " to decompress such bodies and drop the header; leave compression to a CDN."
        )


class BufferedAnswer(BufferedStream):
    """Collects a buffered answer: the head apart from the body."""

    head: Head
    _warned = False

    def begin(self, head: Head) -> bytes:
        """Keep the head."""
        self.head = head
        return b""

    @property
    def body(self) -> bytes:
        """The body so far."""
        return b"".join(self.chunks)

    def warn_of_buffering(self, source: Source | CustomSource) -> None:
        """Warn, once in a process, that a response which is made to be streamed is not."""
        if BufferedAnswer._warned or not self.chunks or not is_for_streaming(self.head.headers):
            return
        BufferedAnswer._warned = True
        logger.warning(
            "A response of server-sent events or JSON lines was sent whole, when it was complete:"
            " the event came from a %s; %s.",
            source.name,
            source.to_stream,
        )

    def to_json(self, source: Source | CustomSource) -> JSON:
        """Return the answer in the form that ``source`` wants.

        Raises:
            ResponseTooLarge: it is larger than what ``source`` takes.
        """
        body = self.body
        answer = source.format(self.head.status, self.head.headers, body)
        # No byte of a body becomes more than six of JSON, and no head is half of the limit.
        if len(body) * 6 > source.max_response_bytes // 2:
            size = len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass"))
            if size > source.max_response_bytes:
                raise ResponseTooLarge(
                    f"The answer is {size:,} bytes of JSON, and a {source.name} takes"
                    f" {source.max_response_bytes:,}: {source.to_stream}."
                )
        return answer


def refuse(
    status: int, scope: Scope | None, stream: ResponseStream, begin: Callable[[Head], bytes]
) -> None:
    """Answer in the app's place: ``status``, and what it means."""
    to_head_request = scope is not None and scope["method"] == "HEAD"
    chunks = [
        begin(part) if isinstance(part, Head) else part
        for part in plain(status, to_head_request=to_head_request)
        if isinstance(part, Head | bytes)
    ]
    stream.writelines_nowait(chunks, end=True)
