"""Checks the head of an HTTP response that a function gives with AWS's keys."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import EventError, UnexpectedMessage
from ..events.prelude import header_fields
from ..types import Head

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS = ("statusCode", "headers", "multiValueHeaders", "cookies")
_WITHOUT_BODY = (204, 304)


class TakesMetadata(Protocol):
    """A response stream, or another object with this method."""

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Do what `ResponseStream.set_metadata` does."""
        ...


S = TypeVar("S", bound=TakesMetadata)


class HttpResponseStream:
    """Gives a stream the head of an HTTP response, with AWS's keys.

    ``stream = HttpResponseStream.from_(stream, {"statusCode": 200, "headers": {…}})``
    https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
    """

    @staticmethod
    def from_(stream: S, metadata: Mapping[str, Any]) -> S:
        """Set the head of ``stream`` and return it.

        Args:
            stream: a stream without written chunks.
            metadata: ``statusCode``, ``headers`` and ``cookies``; each is optional.

        Raises:
            StreamClosed: the stream has started, so it is too late for a head.
            EventError: ``metadata`` has a key or a value that cannot be sent.
        """
        stream.set_metadata(metadata)
        return stream


def head(metadata: Mapping[str, Any], content_type: str) -> Head:
    """Return the head that ``metadata`` describes.

    The keys are those of `adapter.types.Prelude`; each may be missing. Each value of a list becomes
    a field, names become lower-case, and ``content_type`` is added if the status allows a body and
    there is no such field.

    Raises:
        EventError: a key is unknown, or a value is not valid in a header.
    """
    unknown = [key for key in metadata if key not in _KEYS]
    if unknown:
        raise EventError(
            f"The metadata of a response has the key {unknown[0]!r}; it can have"
            f" {', '.join(map(repr, _KEYS))}."
        )
    status = metadata.get("statusCode", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 999:
        raise EventError(f"'statusCode' is {status!r}; it must be an int from 100 to 999.")
    headers = [field(name, value) for name, value in _pairs(metadata)]
    if status not in _WITHOUT_BODY and all(name != b"content-type" for name, _ in headers):
        headers.append(field("content-type", content_type))
    return Head(status, headers)


def field(name: Any, value: Any) -> tuple[bytes, bytes]:
    """Return a header field in ASGI's form.

    Raises:
        EventError: the name or the value is not valid in HTTP.
    """
    # A value may be a secret: no message quotes it.
    if not isinstance(name, str) or not isinstance(value, str | int):
        raise EventError(
            f"The header {name!r} has a value of type {type(value).__name__}; it must be a string."
        )
    try:
        [sent] = header_fields([(name.encode("ascii"), str(value).encode("latin-1"))])
        return sent
    except UnicodeEncodeError:
        raise EventError(
            f"The header {name!r} has characters that are not valid in HTTP."
        ) from None
    except UnexpectedMessage as error:
        raise EventError(str(error)) from None


def _pairs(metadata: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    # As API Gateway merges the two: a list of values replaces a single value.
    merged = _checked(metadata, "headers", dict) | _checked(metadata, "multiValueHeaders", dict)
    for name, value in merged.items():
        for single in value if isinstance(value, list | tuple) else (value,):
            yield name, single
    for cookie in _checked(metadata, "cookies", list):
        yield "set-cookie", cookie


def _checked(metadata: Mapping[str, Any], key: str, kind: type) -> Any:
    value = metadata.get(key)
    if value is not None and not isinstance(value, kind):
        raise EventError(f"{key!r} must be a {kind.__name__}, not a {type(value).__name__}.")
    return value or kind()


def http_response(result: object) -> tuple[Head, bytes] | None:
    """Return the head and the body of ``result`` if it is the response of a proxy integration.

    Such a response is a mapping with an integer ``statusCode`` and a ``body`` of text, or of base64
    if ``isBase64Encoded`` is true. For any other object the result is None.
    """
    if not isinstance(result, dict) or not isinstance(result.get("statusCode"), int):
        return None
    metadata = {key: value for key, value in result.items() if key in _KEYS}
    body = result.get("body") or ""
    if not isinstance(body, str):
        return None
    try:
        data = b64decode(body) if result.get("isBase64Encoded") else body.encode(errors="replace")
        found = head(metadata, "application/json")
        return found, b"" if found.status in _WITHOUT_BODY else data
    except (ValueError, EventError):  # invalid base64 or metadata
        return None
