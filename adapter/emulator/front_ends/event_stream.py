"""Encodes messages of ``application/vnd.amazon.eventstream``, the format that SDKs read.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
STRING = 7  # the type of a header's value


def message(event_type: str, content_type: str, payload: bytes) -> bytes:
    """Return one message: two lengths, a checksum, headers, payload, and a checksum of it all."""
    headers = b"".join(
        header(name, value)
        for name, value in (
            (":message-type", "event"),
            (":event-type", event_type),
            (":content-type", content_type),
        )
    )
    lengths = uint32(16 + len(headers) + len(payload)) + uint32(len(headers))
    checked = lengths + uint32(crc32(lengths)) + headers + payload
    return checked + uint32(crc32(checked))


def header(name: str, value: str) -> bytes:
    """Return one header of a message, a string."""
    text = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([STRING]) + len(text).to_bytes(2) + text


def uint32(number: int) -> bytes:
    """Return four bytes, the most significant first."""
    return number.to_bytes(4)
