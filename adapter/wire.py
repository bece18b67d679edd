"""The part of HTTP/1.1 that a Lambda runtime speaks, as bytes in and bytes out.

Nothing here reads or writes: `request`, `chunked_request`, `chunk` and `last_chunk` return
what to put on the socket, `ResponseReader` takes what came off it. A general HTTP library
would cost every cold start its import and every call its generality; h11 is the oracle that
the tests hold this module against, in both directions.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

from .errors import ProtocolError as ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import ErrorObject

LAST_CHUNK = b"0\r\n\r\n"

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"

# All trailer lines together must fit a 4,096-byte buffer on the other side; when they do not,
# the platform drops the whole block and reports a truncated response instead of our error.
MAX_ERROR_BODY = 3_000
MAX_ERROR_TYPE = 100
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_STATUS_LINE = re.compile(r"HTTP/(1\.[01]) ([0-9]{3})(?![^ ])")
_MAX_HEAD = 64 * 1024
_MAX_LINE = 1024


class Response(NamedTuple):
    """A whole answer of the Runtime API; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a request with its body; a ``POST`` always says how long that is."""
    head = f"{method} {path} HTTP/1.1\r\n{_lines(headers)}"
    if method != "GET":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("latin-1") + b"\r\n" + body


def chunked_request(path: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a ``POST`` whose body follows in chunks and may end in error trailers.

    Trailers must be declared here, or the platform throws them away and takes the response
    for complete.
    """
    return (
        f"POST {path} HTTP/1.1\r\n{_lines(headers)}"
        f"Transfer-Encoding: chunked\r\nTrailer: {ERROR_TYPE}, {ERROR_BODY}\r\n\r\n"
    ).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return one chunk. ``data`` must not be empty: an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Mapping[str, str]) -> bytes:
    """Return the end of a chunked body that has something to say after it."""
    return f"0\r\n{_lines(trailers)}\r\n".encode("latin-1")


def error_trailers(error: ErrorObject) -> dict[str, str]:
    """Return the trailers that tell Lambda how a started response failed.

    The body is at most 3,000 characters of base64: the stack trace is shortened first, from
    its outermost frame, then the message.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    """
    body = _fit(error, MAX_ERROR_BODY // 4 * 3)
    return {
        ERROR_TYPE: error_type_header(error),
        ERROR_BODY: b64encode(body).decode("ascii"),
    }


def error_type_header(error: ErrorObject) -> str:
    """Return ``Category.Reason``, the only form of error type the platform keeps.

    Names that do not fit ``(Runtime|Function)\\.[A-Z][a-zA-Z]+`` become ``Function.Unknown``.
    """
    name = error.get("errorType", "")
    if not name.startswith(("Runtime.", "Function.")):
        name = f"Function.{name[:1].upper()}{name[1:]}"
    return (
        name if len(name) <= MAX_ERROR_TYPE and _ERROR_TYPE.fullmatch(name) else "Function.Unknown"
    )


class ResponseReader:
    """Cuts a byte stream into responses, one at a time.

    Call `feed` with whatever was read until it returns a `Response`; call `eof` when the
    other side closes. A 1xx answer is skipped. After a response the reader is ready for the
    next one; bytes that come before it was asked for are an error.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: _Head | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing of an answer has arrived yet."""
        return not self._buffer and self._head is None

    def feed(self, data: bytes) -> Response | None:
        """Take bytes; return the response they complete, if they do.

        Raises:
            ProtocolError: this is not HTTP/1.1, or more than one answer came.
        """
        self._buffer += data
        while self._head is None:
            head = _take_head(self._buffer)
            if head is None:
                return None
            if head.status >= 200:
                self._head = head
        body = self._take_body(self._head)
        return None if body is None else self._finish(self._head, body)

    def eof(self) -> Response | None:
        """Take the end of the connection; return the response it completes, if it does."""
        if self._head is None or self._head.length is not None or self._head.chunked:
            return None
        return self._finish(self._head, bytes(self._buffer))

    def _take_body(self, head: _Head) -> bytes | None:
        if head.chunked:
            return head.chunks.feed(self._buffer)
        if head.length is None or len(self._buffer) < head.length:
            return None
        body = bytes(self._buffer[: head.length])
        del self._buffer[: head.length]
        return body

    def _finish(self, head: _Head, body: bytes) -> Response:
        if self._buffer and head.length is not None:
            raise ProtocolError(f"Bytes after the end of an answer: {bytes(self._buffer[:40])!r}")
        self._buffer.clear()
        self._head = None
        return Response(head.status, head.headers, body, head.keep_alive)


class _Head:
    """The head of a response, and how long its body is."""

    def __init__(self, version: str, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        connection = headers.get("connection", "").lower()
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunks = _ChunkReader()
        self.length = _content_length(status, headers)
        delimited = self.chunked or self.length is not None
        self.keep_alive = delimited and version == "1.1" and connection != "close"


class _ChunkReader:
    """Undoes chunked transfer coding; trailers are read and dropped (RFC 9112, 7.1)."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._last = False

    def feed(self, buffer: bytearray) -> bytes | None:
        """Take complete chunks off ``buffer``; return the body when the last one was there."""
        while (end := buffer.find(b"\r\n", 0, _MAX_LINE)) >= 0:
            if self._last:
                blank = end == 0
                del buffer[: end + 2]
                if blank:
                    return bytes(self._body)
                continue
            size = _hexadecimal(bytes(buffer[:end].partition(b";")[0]))
            self._last = size == 0
            if self._last:
                del buffer[: end + 2]
                continue
            if len(buffer) < end + 2 + size + 2:
                return None
            if buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise ProtocolError("A chunk is not followed by a line end.")
            self._body += buffer[end + 2 : end + 2 + size]
            del buffer[: end + 4 + size]
        if len(buffer) >= _MAX_LINE:
            raise ProtocolError("A chunk's first line does not end.")
        return None


def _take_head(buffer: bytearray) -> _Head | None:
    end = buffer.find(b"\r\n\r\n", 0, _MAX_HEAD)
    if end < 0:
        if len(buffer) >= _MAX_HEAD:
            raise ProtocolError(f"No end of the head within {_MAX_HEAD} bytes.")
        return None
    status_line, *lines = buffer[:end].decode("latin-1").split("\r\n")
    del buffer[: end + 4]
    status = _STATUS_LINE.match(status_line)
    if status is None:
        raise ProtocolError(f"Not a status line: {status_line[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ProtocolError(f"Not a header line: {line[:80]!r}")
        key, text = name.lower(), value.strip(" \t")
        if key == "content-length" and headers.get(key, text) != text:
            raise ProtocolError("Two answers to how long the body is.")
        headers[key] = text
    return _Head(status[1], int(status[2]), headers)


def _content_length(status: int, headers: Mapping[str, str]) -> int | None:
    if status in (204, 304):
        return 0
    text = headers.get("content-length")
    if text is None or "transfer-encoding" in headers:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ProtocolError(f"Not a content length: {text[:40]!r}")
    return int(text)


def _hexadecimal(text: bytes) -> int:
    try:
        return int(text, 16) if text.isalnum() else int("")
    except ValueError:
        raise ProtocolError(f"Not a chunk size: {text[:40]!r}") from None


def _lines(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def _fit(error: ErrorObject, limit: int) -> bytes:
    """Return ``error`` as JSON of at most ``limit`` bytes."""
    shorter = error.copy()
    shorter["errorType"] = error.get("errorType", "")[:MAX_ERROR_TYPE]
    shorter["errorMessage"] = error.get("errorMessage", "")[:limit]
    while (excess := len(body := _compact(shorter)) - limit) > 0:
        if shorter.get("stackTrace"):
            shorter["stackTrace"] = shorter["stackTrace"][1:]
        else:
            # A character is at most 12 bytes of JSON (a surrogate pair), so this never takes
            # off more than it must.
            kept = len(shorter["errorMessage"]) - (excess + 11) // 12
            shorter["errorMessage"] = shorter["errorMessage"][:kept]
    return body


def _compact(error: ErrorObject) -> bytes:
    return json.dumps(error, separators=(",", ":")).encode("ascii")
