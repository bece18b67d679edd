"""Builds a request from its parts. Each kind of HTTP event has the parts under different keys."""

from __future__ import annotations

from base64 import b64decode
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import EventError
from ..types import Request
from .name_cache import NameCache

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..types import JSON, Event, Headers

# Characters that a path may have unencoded (RFC 3986, 3.3): pchar and "/".
_PATH_SAFE = "/:@!$&'()*+,;=~"

# The HTTP versions as ASGI writes them.
_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/2": "2", "HTTP/2.0": "2", "HTTP/3": "3", "HTTP/3.0": "3"}
_RECOMPUTED = frozenset({b"content-length", b"transfer-encoding"})
_REPLACED = _RECOMPUTED | {b"cookie"}


def build_request(
    *,
    method: str,
    path: str,
    raw_path: bytes,
    query_string: bytes,
    headers: Collection[tuple[str, JSON]],
    body: JSON | bytes,
    is_base64: JSON,
    root_path: str = "",
    protocol: str = "HTTP/1.1",
    client: str | None = None,
    cookie: str = "",
) -> Request:
    """Return the request; the scheme and the server come from its headers.

    ``cookie`` has all cookies of an event that lists them separately. It replaces the header.

    Raises:
        EventError: the body cannot be decoded, or a header is not a string.
    """
    data = b"" if body is None else decode_body(body, is_base64)
    fields, by_name = _fields(headers, cookie, data)
    scheme = "http" if by_name.get(b"x-forwarded-proto") == b"http" else "https"
    return Request(
        method.upper(),
        scheme,
        _VERSIONS.get(protocol, "1.1"),
        path,
        raw_path,
        query_string,
        root_path,
        fields,
        data,
        (client, 0) if client else None,
        server_of(
            by_name.get(b"host", b"localhost"), by_name.get(b"x-forwarded-port", b""), scheme
        ),
        False,
    )


def decode_body(body: JSON | bytes, is_base64: JSON) -> bytes:
    """Return the bytes of the body; missing, ``null`` and empty are the same.

    Lambda sends a string. A test may also pass bytes, as Mangum allows.

    Raises:
        EventError: the body is not a string, or is not base64 although ``is_base64`` says so.
    """
    if body is None:
        return b""
    if isinstance(body, bytes) and not is_base64:
        return body
    if not isinstance(body, str | bytes):
        raise EventError(f"The event's 'body' is not a string but {type(body).__name__}.")
    if isinstance(body, str) and not is_base64:
        return body.encode("utf-8", "surrogatepass")
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise EventError(f"The event's 'body' is not valid base64: {error}") from error


def _fields(
    headers: Collection[tuple[str, JSON]], cookie: str, body: bytes
) -> tuple[Headers, dict[bytes, bytes]]:
    """Return the header fields for ASGI, and a dict with the value of each field in the event.

    ``content-length`` is set to the length of the decoded body: a gateway counts base64, and a
    client can send a wrong length. An empty body keeps its ``content-length: 0``.
    ``transfer-encoding`` is removed, because it described the connection to the gateway.
    """
    try:  # a check of each value first would cost a tenth of the whole parsing
        fields = [
            (_names[name], value.encode("latin-1"))  # type: ignore[union-attr]
            for name, value in headers
        ]
        joined = cookie.encode("latin-1")
    except (AttributeError, UnicodeEncodeError):
        fields = [(_names[name], encode_latin1(to_string(value, name))) for name, value in headers]
        joined = encode_latin1(cookie)
    by_name = dict(fields)
    counted = body or (b"content-length" in by_name and (b"content-length", b"0") in fields)
    replaced = _REPLACED if cookie else _RECOMPUTED
    if not replaced.isdisjoint(by_name):
        fields = [field for field in fields if field[0] not in replaced]
    if cookie:
        fields.append((b"cookie", joined))
    if counted:
        fields.append((b"content-length", str(len(body)).encode("ascii")))
    return fields, by_name


def encode_latin1(text: str) -> bytes:
    """Return the bytes of a header as the client sent them; UTF-8 if they are not latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _name(text: str) -> bytes:
    return encode_latin1(text.lower())


_names = NameCache(_name)


@lru_cache(64)  # most requests have the same host
def server_of(field: bytes, forwarded_port: bytes, scheme: str) -> tuple[str, int]:
    """Return host and port as the client used them; ``Host`` may be ``[::1]:8080``."""
    default = parse_port(forwarded_port) or (80 if scheme == "http" else 443)
    host = field.decode("latin-1")
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name, parse_port(port.encode("latin-1")) or default


def parse_port(text: bytes) -> int | None:
    """Return the number of a port, 0 to 65535; None if ``text`` is not a port."""
    port = int(text) if text.isdigit() and len(text) <= 5 else None
    return None if port is None or port > 65535 else port


def object_at(parent: Event, key: str) -> Event:
    """Return the object at ``key``.

    Raises:
        EventError: the value is not an object, or is missing.
    """
    value = parent.get(key)
    if not isinstance(value, dict):
        raise EventError(f"The event's {key!r} is not an object but {type(value).__name__}.")
    return value


def string_at(parent: Event, key: str) -> str:
    """Return the string at ``key``; missing and ``null`` are empty.

    Raises:
        EventError: the value is not a string.
    """
    value = parent.get(key)
    return value if type(value) is str and value.isascii() else to_string(value, key)


def strings_at(parent: Event, *keys: str) -> list[str]:
    """Return the strings at ``keys``, each as `string_at` does.

    Raises:
        EventError: a value is not a string.
    """
    return [
        value
        if type(value := parent.get(key)) is str and value.isascii()
        else to_string(value, key)
        for key in keys
    ]


def path_at(parent: Event, key: str) -> str:
    """Return the path at ``key``; it always begins with ``/``, as ASGI requires.

    Raises:
        EventError: the value is not a string.
    """
    path = string_at(parent, key)
    return path if path.startswith("/") else f"/{path}"


def to_string(value: JSON, key: str) -> str:
    """Return the value of ``key`` as a string that UTF-8 can encode.

    Raises:
        EventError: the value is not a string.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EventError(f"The event's {key!r} is not a string but {type(value).__name__}.")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def method_at(parent: Event, key: str) -> str:
    """Return the method at ``key``.

    Raises:
        EventError: the method is missing or empty.
    """
    method = string_at(parent, key)
    if not method:
        raise EventError(f"The event's request has no {key!r}.")
    return method


def has_prefix(path: str, prefix: str) -> bool:
    """Whether ``path`` begins with the whole segments of ``prefix``."""
    return path == prefix or path.startswith(f"{prefix}/")


def decode_path(path: str) -> str:
    """Decode a path as the client sent it."""
    if "%" not in path:
        return path
    from urllib.parse import unquote  # lazy: cold start

    return unquote(path)


def encode_path(path: str) -> bytes:
    """Encode a path that a gateway has decoded."""
    from urllib.parse import quote  # lazy: cold start

    return quote(path, safe=_PATH_SAFE).encode()
