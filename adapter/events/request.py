"""Builds a request from the parts that every HTTP event has, whatever it calls them."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from ..errors import EventError
from ..types import Request

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..types import JSON, Event, Headers

# What may stand in a path unencoded (RFC 3986, 3.3): pchar and "/".
_PATH_SAFE = "/:@!$&'()*+,;=~"
_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/2": "2", "HTTP/2.0": "2", "HTTP/3": "3", "HTTP/3.0": "3"}
_RECOUNTED = frozenset({b"content-length", b"transfer-encoding"})
_REPLACED = _RECOUNTED | {b"cookie"}


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

    ``cookie`` are all cookies, where the event has them apart; none of its headers is one then.

    Raises:
        EventError: the body does not decode, or a header is not text.
    """
    data = decode_body(body, is_base64)
    fields = _fields(headers, cookie, data)
    found = dict(fields)
    scheme = "http" if found.get(b"x-forwarded-proto") == b"http" else "https"
    return Request(
        method=method.upper(),
        scheme=scheme,
        http_version=_version(protocol),
        path=path,
        raw_path=raw_path,
        query_string=query_string,
        root_path=root_path,
        headers=fields,
        body=data,
        client=(client, 0) if client else None,
        server=_server(found, scheme),
    )


def decode_body(body: JSON | bytes, is_base64: JSON) -> bytes:
    """Return the bytes of the body; missing, ``null`` and empty are the same.

    Lambda sends a string. A test may also pass bytes, as Mangum allows.

    Raises:
        EventError: the body is not a string, or not base64 although the event says so.
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
        raise EventError(f"The event's 'body' is not base64, as it says: {error}") from error


def _version(protocol: str) -> str:
    """Return ASGI's name of the version: ``1.1`` for ``HTTP/1.1``, ``2`` for ``HTTP/2.0``."""
    return _VERSIONS.get(protocol, "1.1")


def _fields(headers: Collection[tuple[str, JSON]], cookie: str, body: bytes) -> Headers:
    """Return the header fields as ASGI wants them.

    The length is that of the decoded body: a gateway counts base64, and a client can lie. An empty
    body keeps its ``content-length: 0``. ``transfer-encoding`` ended at the gateway.
    """
    try:  # most are ASCII: to ask each beforehand would be a tenth of all that is done here
        fields = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))  # type: ignore[union-attr]
            for name, value in headers
        ]
    except (AttributeError, UnicodeEncodeError):
        fields = [(latin1(name.lower()), latin1(text(value, name))) for name, value in headers]
    counted = body or (b"content-length", b"0") in fields
    replaced = _REPLACED if cookie else _RECOUNTED
    fields = [field for field in fields if field[0] not in replaced]
    if cookie:
        fields.append((b"cookie", latin1(cookie)))
    if counted:
        fields.append((b"content-length", str(len(body)).encode("ascii")))
    return fields


def latin1(text: str) -> bytes:
    """Return header text as the bytes the client sent; text from elsewhere as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _server(headers: dict[bytes, bytes], scheme: str) -> tuple[str, int]:
    """Return host and port as the client knew them; ``Host`` may be ``[::1]:8080``."""
    default = port_of(headers.get(b"x-forwarded-port", b"")) or (80 if scheme == "http" else 443)
    host = headers.get(b"host", b"localhost").decode("latin-1")
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name, port_of(port.encode("latin-1")) or default


def port_of(text: bytes) -> int | None:
    """Return the port that ``text`` spells, 0 to 65535; None if it spells none."""
    port = int(text) if text.isdigit() and len(text) <= 5 else None
    return None if port is None or port > 65535 else port


def object_at(parent: Event, key: str) -> Event:
    """Return the object at ``key``.

    Raises:
        EventError: it is none, or is missing.
    """
    value = parent.get(key)
    if not isinstance(value, dict):
        raise EventError(f"The event's {key!r} is not an object but {type(value).__name__}.")
    return value


def text_at(parent: Event, key: str) -> str:
    """Return the text at ``key``; missing and ``null`` are empty.

    Raises:
        EventError: it is not text.
    """
    value = parent.get(key)
    return value if type(value) is str and value.isascii() else text(value, key)


def path_at(parent: Event, key: str) -> str:
    """Return the path at ``key``; it begins with ``/``, as ASGI wants it, also where it is missing.

    Raises:
        EventError: it is not text.
    """
    path = text_at(parent, key)
    return path if path.startswith("/") else f"/{path}"


def text(value: JSON, key: str) -> str:
    """Return ``value``, which stood at ``key``, as text of which all can be UTF-8.

    Raises:
        EventError: it is not text.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EventError(f"The event's {key!r} is not a string but {type(value).__name__}.")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def method_of(parent: Event, key: str) -> str:
    """Return the method at ``key``.

    Raises:
        EventError: there is none.
    """
    method = text_at(parent, key)
    if not method:
        raise EventError(f"The event's request has no {key!r}.")
    return method


def starts_with(path: str, prefix: str) -> bool:
    """Whether ``path`` is ``prefix`` or goes on behind it with a new segment."""
    return path == prefix or path.startswith(f"{prefix}/")


def decoded(path: str) -> str:
    """Decode a path that is as the client sent it."""
    if "%" not in path:
        return path
    from urllib.parse import unquote  # 2 ms that an environment's start need not wait for

    return unquote(path)


def encoded(path: str) -> bytes:
    """Encode a path that a gateway has decoded."""
    from urllib.parse import quote

    return quote(path, safe=_PATH_SAFE).encode()
