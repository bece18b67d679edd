"""The part of HTTP/1.1 that a Lambda runtime speaks, as bytes in and bytes out.

This module does no I/O: `request`, `chunked_fields`, `chunk` and `last_chunk` return the bytes to
send, `ReplyReader` takes the bytes received. A general HTTP library would slow down every cold
start and every invocation. The tests compare this module with h11, in both directions.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from ..errors import ProtocolError as ProtocolError
from ..events.name_cache import NameCache
from ..light_classes import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types import ErrorObject

LAST_CHUNK = b"0\r\n\r\n"

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_CHUNKED = f"Transfer-Encoding: chunked\r\nTrailer: {ERROR_TYPE}, {ERROR_BODY}\r\n\r\n".encode()

# All trailer lines together must fit into a 4,096-byte buffer of Lambda. If they do not,
# Lambda drops all of them and reports a truncated response instead of the error.
MAX_ERROR_BODY_CHARS = 3_000
MAX_ERROR_TYPE_CHARS = 100

MAX_REPORT_BYTES = 256 * 1024
"""The limit of an error report.

Lambda Managed Instances refuse more than 1 MiB and leave the invocation open until its timeout;
on demand, more than 6,291,556 bytes end the environment.
"""
_MAX_REQUEST_ID_CHARS = 64
_MAX_HEAD_BYTES = 64 * 1024
_MAX_LINE_BYTES = 1024
_MAX_REPEATED_BYTES = 512


class ApiReply(NamedTuple):
    """A whole reply of the Runtime API to one request; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a request with its body; a ``POST`` always has a ``Content-Length``.

    Raises:
        ValueError: the path or a header contains a CR, LF or NUL.
    """
    fields = headers if method == "GET" else {**headers, "Content-Length": str(len(body))}
    return header_lines(fields, f"{method} {path} HTTP/1.1") + b"\r\n" + body


def chunked_fields(fields: Mapping[str, str]) -> bytes:
    """Return the last lines of the head of a ``POST`` whose body follows in chunks.

    The body may end in error trailers. Trailers must be declared here, or Lambda drops them
    and treats the response as complete.

    Raises:
        ValueError: a name or a value contains a CR, LF or NUL.
    """
    return header_lines(fields) + _CHUNKED


def chunk(data: bytes | memoryview) -> bytes:
    """Return one chunk. ``data`` must not be empty: an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)  # type: ignore[str-format]  # a memoryview too


def last_chunk(trailers: Mapping[str, str]) -> bytes:
    """Return the end of a chunked body, with trailers."""
    return header_lines(trailers, "0") + b"\r\n"


def header_lines(fields: Mapping[str, str], *first: str) -> bytes:
    """Return the lines ``first`` and then one line for each field.

    Some values come from outside (an echoed nonce, a content type). A line break in them would
    inject a header, so every value is checked here.

    Raises:
        ValueError: a name or a value contains a CR, LF or NUL.
    """
    lines = [*first, *[f"{name}: {value}" for name, value in fields.items()], ""]
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:
        raise ValueError("A line break or a NUL in the head of a message.")
    return text.encode("latin-1")


def error_trailers(error: ErrorObject) -> dict[str, str]:
    """Return the trailers that tell Lambda how a started response failed.

    The body is at most 3,000 characters of base64: the stack trace is shortened first, from
    its outermost frame, then the message.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    """
    body = _shortened(error, MAX_ERROR_BODY_CHARS // 4 * 3)
    return {ERROR_TYPE: error_type_header(error), ERROR_BODY: b64encode(body).decode("ascii")}


def error_report(error: ErrorObject) -> bytes:
    """Return ``error`` as the body of an error report, of at most `MAX_REPORT_BYTES`.

    The stack trace is shortened first, from its outermost frame, then the message.
    """
    return _shortened(error, MAX_REPORT_BYTES)


def error_type_header(error: ErrorObject) -> str:
    """Return ``Category.Reason``, the only form of an error type that Lambda keeps.

    The category is ``Runtime`` or ``Function``; the reason is a name of ASCII letters, digits and
    underscores that begins with a capital and a second letter. Other names become
    ``Function.Unknown``.
    """
    name = error.get("errorType", "")
    category, _, reason = name.partition(".")
    if category not in ("Runtime", "Function"):
        category, reason = "Function", name[:1].upper() + name[1:]
    is_name = reason.isascii() and reason.isidentifier() and len(reason) <= MAX_ERROR_TYPE_CHARS
    fits = is_name and reason[0].isupper() and reason[1:2].isalpha()
    return f"{category}.{reason}" if fits else "Function.Unknown"


class ReplyReader:
    """Cuts a byte stream into replies, one at a time.

    Call `feed` with the bytes read until it returns an `ApiReply`; call `eof` when the other side
    closes. A 1xx reply is skipped. After a reply the reader is ready for the next one. Bytes
    after the end of a reply are an error, because no request is open. After an error the
    connection cannot be used any more.

    Most outcomes get the same reply. A short reply that is equal to the latest short reply is
    recognized and not parsed again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._repeated = b""  #: the bytes of `_reply`, if they came in one read
        self._reply: ApiReply | None = None

    @property
    def begun(self) -> bool:
        """Whether a part of a reply was read, but not its end."""
        return self._head is not None or len(self._buffer) > 0

    def feed(self, data: bytes) -> ApiReply | None:
        """Take bytes; return the reply if it is complete.

        Raises:
            ProtocolError: the bytes are not HTTP/1.1, or more than one reply.
        """
        at_once = self._head is None and not self._buffer  # not `begun`: saves a call
        if at_once and data == self._repeated:
            return self._reply
        self._buffer += data
        while self._head is None:
            head = _take_head(self._buffer)
            if head is None:
                return None
            if head.status >= 200:
                self._head = head
        head = self._head
        if head.chunks is not None:
            body = head.chunks.feed(self._buffer)
        elif head.length is not None and len(self._buffer) >= head.length:
            body = bytes(self._buffer[: head.length])
            del self._buffer[: head.length]
        else:
            body = None
        if body is None:
            return None
        if self._buffer:
            raise ProtocolError(f"Bytes after the end of a response: {len(self._buffer)}.")
        self._head = None
        reply = ApiReply(head.status, head.headers, body, head.keep_alive)
        if at_once and len(data) <= _MAX_REPEATED_BYTES:
            self._repeated, self._reply = data, reply
        return reply

    def eof(self) -> ApiReply | None:
        """Take the end of the connection; return the reply if the end completes one."""
        head = self._head
        if head is None or head.delimited:
            return None
        body = bytes(self._buffer)
        self._buffer.clear()
        self._head = None
        return ApiReply(head.status, head.headers, body, head.keep_alive)


class _Head:
    """The head of a reply, and how long its body is (RFC 9112, 6.3)."""

    def __init__(self, version: str, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.length: int | None = None  #: from content-length
        #: Without `length` and `chunks`, the body ends with the connection.
        self.chunks: _ChunkReader | None = None
        if status in (204, 304):
            self.length = 0
        elif (coding := headers.get("transfer-encoding")) is not None:
            if coding.lower() != "chunked":
                raise ProtocolError(f"Unknown transfer coding: {coding[:40]!r}")
            self.chunks = _ChunkReader()
        elif (length := headers.get("content-length")) is not None:
            if len(length) > 16 or not (length.isascii() and length.isdigit()):
                raise ProtocolError(f"Not a content length: {length[:40]!r}")
            self.length = int(length)
        self.delimited = self.chunks is not None or self.length is not None
        connection = headers.get("connection", "")  # keep-alive is the default
        closes = connection != "" and "close" in connection.lower().replace(",", " ").split()
        self.keep_alive = self.delimited and version == "HTTP/1.1" and not closes


class _ChunkReader:
    """Decodes the chunked transfer coding; trailers are read and dropped (RFC 9112, 7.1)."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._last = False

    def feed(self, buffer: bytearray) -> bytes | None:
        """Take complete chunks off ``buffer``; return the body after the last chunk."""
        while (end := buffer.find(b"\r\n", 0, _MAX_LINE_BYTES)) >= 0:
            if self._last:
                blank = end == 0
                del buffer[: end + 2]
                if blank:
                    return bytes(self._body)
                continue
            size = _chunk_size(buffer[:end].decode("latin-1"))
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
        if len(buffer) >= _MAX_LINE_BYTES:
            raise ProtocolError("A chunk's first line does not end.")
        return None


def _chunk_size(line: str) -> int:
    size = line.partition(";")[0].rstrip(" \t")
    # int() accepts more than hexadecimal digits.
    if not 0 < len(size) <= 16 or size.strip("0123456789abcdefABCDEF"):
        raise ProtocolError("Not a chunk size.")
    return int(size, 16)


def _take_head(buffer: bytearray) -> _Head | None:
    end = buffer.find(b"\r\n\r\n", 0, _MAX_HEAD_BYTES)
    if end < 0:
        if len(buffer) >= _MAX_HEAD_BYTES:
            raise ProtocolError(f"No end of the head within {_MAX_HEAD_BYTES} bytes.")
        return None
    text = buffer[:end].decode("latin-1")
    del buffer[: end + 4]
    status_line, *lines = text.split("\r\n")
    version, _, rest = status_line.partition(" ")
    code = rest.partition(" ")[0]
    valid = len(code) == 3 and code >= "100" and code.isascii() and code.isdigit()
    if not valid or version not in ("HTTP/1.1", "HTTP/1.0"):
        raise ProtocolError("Not a status line.")
    if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text:
        # A lone CR or LF: in an echoed value it would inject a header.
        raise ProtocolError("A line break or a NUL inside a header line.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ProtocolError("Not a header line.")
        key = _names[name]
        value = value.strip(" \t")
        if key in headers and (key, value) != ("content-length", headers[key]):
            value = f"{headers[key]}, {value}"  # RFC 9110, 5.3
        headers[key] = value
    return _Head(version, int(code), headers)


def _header_name(name: str) -> str:
    if not name or name != name.strip():
        raise ProtocolError("Not a header line.")
    return name.lower()


_names = NameCache(_header_name)


def _shortened(error: ErrorObject, limit: int) -> bytes:
    """Return ``error`` as JSON of at most ``limit`` bytes."""
    shorter = error.copy()
    shorter["errorType"] = error.get("errorType", "")[:MAX_ERROR_TYPE_CHARS]
    shorter["errorMessage"] = error.get("errorMessage", "")[:limit]
    shorter["stackTrace"] = []
    if "requestId" in error:
        shorter["requestId"] = error["requestId"][:_MAX_REQUEST_ID_CHARS]
    room = limit - len(_compact(shorter))
    if room < 0:
        message = shorter["errorMessage"]
        shorter["errorMessage"] = _cropped(message, len(_compact(message)) + room)
        room = limit - len(_compact(shorter))
    for frame in reversed(error.get("stackTrace", ())):
        room -= len(_compact(frame)) + len(",")
        if room < 0:
            break
        shorter["stackTrace"].insert(0, frame)
    return _compact(shorter)


def _cropped(text: str, limit: int) -> str:
    """Return the longest start of ``text`` that fits into ``limit`` bytes of JSON."""
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(_compact(text[:middle])) <= limit:
            fits = middle
        else:
            too_long = middle
    return text[:fits]


def _compact(value: ErrorObject | str) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
