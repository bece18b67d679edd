"""The body of a buffered answer: text as it is, everything else as base64."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Event

_TEXT = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/vnd.api+json",
)


def encode_body(headers: dict[str, str], body: bytes) -> Event:
    """Return ``body`` and ``isBase64Encoded`` for an answer with these headers.

    Text is what says so by its type, is not compressed, and really is UTF-8; base64 costs a
    third more of the 6 MiB an answer may have.
    """
    content_type = headers.get("content-type", "").lower()
    encoded = headers.get("content-encoding", "identity").lower() != "identity"
    if content_type.startswith(_TEXT) and not encoded:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not what it says; base64 keeps every byte
    return {"body": b64encode(body).decode("ascii"), "isBase64Encoded": True}
