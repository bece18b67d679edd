"""The body of a buffered response: text as it is, everything else as base64."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Event

TEXT_TYPES = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/vnd.oai.openapi",
)
BINARY_TYPES = ("image/", "audio/", "video/", "font/", "application/octet-stream")
STREAM_TYPES = (
    "text/event-stream",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json-seq",
    "multipart/x-mixed-replace",
)
TEXT_SUFFIXES = ("+json", "+xml")  # RFC 6839


def encode_body(headers: dict[str, str], body: bytes) -> Event:
    """Return ``body`` and ``isBase64Encoded`` for a response with these headers.

    A body is text if it is UTF-8 and not compressed, unless its content type is binary. A body
    without a known content type also must not have a NUL. In base64 only 4.5 MiB of a body fit
    into the 6 MiB of a response, and a REST API without ``binaryMediaTypes`` sends base64 to the
    client.
    """
    if not body:
        return {"body": "", "isBase64Encoded": False}
    compressed = headers.get("content-encoding", "identity").lower() != "identity"
    if not compressed and _may_be_text(headers.get("content-type", ""), body):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # base64 keeps every byte
    return {"body": b64encode(body).decode("ascii"), "isBase64Encoded": True}


def _may_be_text(content_type: str, body: bytes) -> bool:
    essence = content_type.partition(";")[0].strip().lower()
    if essence.startswith(TEXT_TYPES) or essence.endswith(TEXT_SUFFIXES):
        return True
    return not essence.startswith(BINARY_TYPES) and b"\0" not in body


def is_for_streaming(content_type: str) -> bool:
    """Whether it is the type of a streaming format, whose clients expect each part at once."""
    return content_type.strip().lower().startswith(STREAM_TYPES)
