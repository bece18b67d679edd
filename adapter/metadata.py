"""What a hand-written function says of its HTTP response, made into a head that Lambda takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import EventError, UnexpectedMessage
from .prelude import prelude
from .response import header_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .types import Headers, Prelude

_KEYS = ("statusCode", "headers", "multiValueHeaders", "cookies")
_WITHOUT_BODY = (204, 304)


def head(metadata: Mapping[str, Any], content_type: str) -> Prelude:
    """Return the head that ``metadata`` describes, checked, in the form every front door takes.

    The keys are those of `adapter.types.Prelude`; each may be missing. Lists of values are joined,
    names become lower-case, and ``content_type`` is what a body has whose type is not given.

    Raises:
        EventError: there is another key, or a value that no header can carry.
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
    checked = [_field(name, value) for name, value in _pairs(metadata)]
    if status not in _WITHOUT_BODY and all(name != b"content-type" for name, _ in checked):
        checked.append(_field("content-type", content_type))
    return prelude(status, checked)


def fields(head: Prelude) -> Headers:
    """Return the header fields of a head that `head` has made, one for each cookie."""
    pairs = [*head["headers"].items(), *(("set-cookie", c) for c in head.get("cookies", ()))]
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in pairs]


def _pairs(metadata: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    # As API Gateway merges them: the list wins over the single value.
    merged = _checked(metadata, "headers", dict) | _checked(metadata, "multiValueHeaders", dict)
    for name, value in merged.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield name, one
    for cookie in _checked(metadata, "cookies", list):
        yield "set-cookie", cookie


def _checked(metadata: Mapping[str, Any], key: str, kind: type) -> Any:
    value = metadata.get(key)
    if value is not None and not isinstance(value, kind):
        raise EventError(f"{key!r} must be a {kind.__name__}, not a {type(value).__name__}.")
    return value or kind()


def _field(name: Any, value: Any) -> tuple[bytes, bytes]:
    # A value may be a secret: it never stands in a message.
    if not isinstance(name, str) or not isinstance(value, str | int):
        raise EventError(
            f"The header {name!r} has a value of type {type(value).__name__}; it must be a string."
        )
    try:
        return header_field(name.encode("ascii"), str(value).encode("latin-1"))
    except UnicodeEncodeError:
        raise EventError(f"The header {name!r} has characters that HTTP cannot carry.") from None
    except UnexpectedMessage as error:
        raise EventError(str(error)) from None
