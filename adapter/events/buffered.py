"""The body of a buffered answer: text as it is, everything else as base64."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Event, Headers

TEXT_TYPES = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/vnd.oai.openapi",
)
STREAM_TYPES = (
    b"text/event-stream",
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonl",
    b"application/jsonlines",
    b"application/x-jsonlines",
    b"application/json-seq",
)
TEXT_SUFFIXES = ("+json", "+xml")  # RFC 6839


def encode_body(headers: dict[str, str], body: bytes) -> Event:
    """Return ``body`` and ``isBase64Encoded`` for an answer with these headers.

    Text is what says so by its type, is not compressed, and really is UTF-8; base64 costs a
    third more of the 6 MiB an answer may have.
    """
    if not body:
        return {"body": "", "isBase64Encoded": False}
    compressed = headers.get("content-encoding", "identity").lower() != "identity"
    if is_text(headers.get("content-type", "")) and not compressed:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not what it says; base64 keeps every byte
    return {"body": b64encode(body).decode("ascii"), "isBase64Encoded": True}


def is_text(content_type: str) -> bool:
    """Whether what is of this type is text."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence.startswith(TEXT_TYPES) or essence.endswith(TEXT_SUFFIXES)


def is_for_streaming(headers: Headers) -> bool:
    """Whether the content type is one of which a client expects each piece as it is made."""
    return any(
        name == b"content-type" and value.strip().lower().startswith(STREAM_TYPES)
        for name, value in headers
    )
