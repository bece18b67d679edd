"""Frames messages as ``application/vnd.amazon.eventstream``, which SDKs read.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
STRING = 7


def message(event_type: str, content_type: str, payload: bytes) -> bytes:
    """Return one message: lengths and headers, each with its checksum, then the payload."""
    headers = b"".join(
        header(name, value)
        for name, value in (
            (":message-type", "event"),
            (":event-type", event_type),
            (":content-type", content_type),
        )
    )
    # Two lengths and their checksum before the headers, the checksum of it all at the end.
    lengths = integer(16 + len(headers) + len(payload)) + integer(len(headers))
    rest = lengths + integer(crc32(lengths)) + headers + payload
    return rest + integer(crc32(rest))


def header(name: str, value: str) -> bytes:
    """Return one header of a message."""
    text = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([STRING]) + len(text).to_bytes(2) + text


def integer(number: int) -> bytes:
    """Return four bytes, the most significant first."""
    return number.to_bytes(4)
