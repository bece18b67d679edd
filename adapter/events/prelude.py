"""The prelude: the JSON head and eight NUL bytes before a streamed HTTP body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import EventError, UnexpectedMessage
from .name_cache import NameCache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..types import Headers, Prelude

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
"""Tells Lambda that a stream begins with a prelude."""

DELIMITER = b"\0" * 8
"""Separates the JSON from the body. JSON escapes NUL, so the JSON never contains it."""

# Hop-by-hop fields (RFC 9110, 7.6.1), and content-length: a function URL renames it to
# x-amzn-remapped-content-length, API Gateway may respond 502 if it contradicts the stream, and a
# chunked body does not need it.
DROPPED = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# RFC 9110, 5.6.2 and 5.5. Bytes that `bytes.translate` deletes: to compile a pattern costs a
# millisecond.
_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORBIDDEN = b"\r\n\0"

_to_json = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii


def header_fields(pairs: Iterable[tuple[object, object]]) -> list[tuple[bytes, bytes]]:
    """Return header fields as they are sent.

    Raises:
        TypeError: a name or a value is not bytes.
        ValueError: a pair does not have two items.
        UnexpectedMessage: a name or a value has a byte that HTTP does not allow there.
    """
    fields = []
    for name, value in pairs:
        # No message quotes a value, which may be a secret.
        if not (isinstance(name, bytes) and isinstance(value, bytes)):
            raise TypeError(
                f"{name!r} is a {type(name).__name__}, its value a {type(value).__name__}"
            )
        sent = _sent_names[name]
        if len(value.translate(None, _FORBIDDEN)) < len(value):
            raise UnexpectedMessage(
                f"The value of the header field {_shown(name)} has a line break or a NUL in it."
            )
        fields.append((sent, value))
    return fields


def _shown(name: bytes) -> str:
    """Return a name for a message, in quotes."""
    return repr(name.decode("latin-1"))


def _sent_name(name: bytes) -> bytes:
    """Check the name of a header field, and return it in lower case, as in ASGI."""
    if not name or name.translate(None, _TOKEN):
        raise UnexpectedMessage(f"{_shown(name)} cannot be the name of a header field.")
    return name.lower()


_sent_names = NameCache(_sent_name)


def _key(name: bytes) -> str:
    """Return the name of a header field in the prelude; empty for a field that is dropped."""
    return "" if name in DROPPED else name.decode("latin-1")


_keys = NameCache(_key)


def prelude(status: int, headers: Headers) -> Prelude:
    """Turn a status and ASGI header fields into the head that Lambda reads.

    Every ``set-cookie`` goes into ``cookies``, the only key that keeps several cookies. Other
    repeated fields are joined with ``", "`` (RFC 9110, 5.3), because only REST APIs read a list of
    values. Hop-by-hop fields and ``content-length`` are dropped.
    """
    joined: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in headers:
        key = _keys[name]
        if not key:
            continue
        text = value.decode("latin-1")
        if key == "set-cookie":
            cookies.append(text)
            continue
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    head: Prelude = {"statusCode": status, "headers": joined}
    if cookies:
        head["cookies"] = cookies
    return head


def encode(head: Prelude) -> bytes:
    """Return the bytes to send before the body: compact ASCII JSON and the delimiter."""
    if len(head) == 2 and "headers" in head:
        # Most heads have these two keys only, and a JSON encoder takes three times as long.
        fields = [f"{_quote(name)}:{_quote(value)}" for name, value in head["headers"].items()]
        text = f'{{"statusCode":{head["statusCode"]:d},"headers":{{{",".join(fields)}}}}}'
    else:
        text = _to_json(head)
    return text.encode("ascii") + DELIMITER


def decode(data: bytes) -> tuple[Prelude, bytes]:
    """Split a whole streamed response into its head and its body.

    Raises:
        EventError: there is no delimiter, or no JSON object before it.
    """
    text, delimiter, body = data.partition(DELIMITER)
    if not delimiter:
        raise EventError("The stream has no prelude: it does not contain 8 NUL bytes in a row.")
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EventError(f"The prelude is not JSON: {error}") from error
    if not isinstance(head, dict):
        raise EventError(f"The prelude is not a JSON object but {type(head).__name__}.")
    decoded: Prelude = head  # type: ignore[assignment]
    return decoded, body
