"""Names with one or several values, as every event but payload 2.0 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EventError
from ..prelude import DROPPED
from .request import port_of, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..types import JSON, Event, Headers, Prelude

Pairs = list[tuple[str, str]]


def pairs(event: Event, key: str) -> Pairs:
    """Return the names and values at ``key``, a pair for each value.

    Raises:
        EventError: it is not an object of strings or of lists of strings.
    """
    values = event.get(key)
    if values is None:
        return []
    if not isinstance(values, dict):
        raise EventError(f"The event's {key!r} is not an object but {type(values).__name__}.")
    return [
        (text(name, key), text(value, key))
        for name, given in values.items()
        for value in _several(given)
    ]


def header_pairs(event: Event) -> Pairs:
    """Return the header fields: every value there is, and one ``cookie`` at most."""
    several = pairs(event, "multiValueHeaders")
    known = {name.lower() for name, _ in several}
    single = pairs(event, "headers")
    return one_cookie(several + [pair for pair in single if pair[0].lower() not in known])


def query_pairs(event: Event) -> Pairs:
    """Return the parameters of the query; repeats stand together, as the event has lost more."""
    several = pairs(event, "multiValueQueryStringParameters")
    return several or pairs(event, "queryStringParameters")


def quoted_query(parameters: Pairs) -> bytes:
    """Encode parameters that have been decoded, as a browser would."""
    from urllib.parse import quote, urlencode

    return urlencode(parameters, quote_via=quote).encode("ascii")


def one_cookie(headers: Pairs) -> Pairs:
    """Join several ``cookie`` fields into the one that frameworks read."""
    cookies = [value for name, value in headers if name.lower() == "cookie"]
    if len(cookies) < 2:
        return headers
    others = [(name, value) for name, value in headers if name.lower() != "cookie"]
    return [*others, ("cookie", "; ".join(cookies))]


def nearest_address(headers: Iterable[tuple[str, str]]) -> tuple[str, int] | None:
    """Return who connected to the load balancer, by the last word in ``x-forwarded-for``.

    What stands in front of it came with the request, and anyone can write that. The load
    balancer can be told to add the client's port.
    """
    values = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    last = ",".join(values).rpartition(",")[2].strip()
    host, colon, port = last.rpartition(":")
    known = port_of(port.encode()) if colon else None
    if known is not None and (host.startswith("[") or ":" not in host):
        return host.strip("[]"), known
    return (last.strip("[]"), 0) if last else None


def multi_prelude(status: int, headers: Headers) -> Prelude:
    """Turn a status and header fields into a head that keeps repeated fields apart.

    A field that repeats stands in ``multiValueHeaders``, and so does every ``set-cookie``; all
    others stand in ``headers``. What `adapter.prelude.prelude` drops is dropped.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in DROPPED:
            values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    several = {n: v for n, v in values.items() if len(v) > 1 or n == "set-cookie"}
    head: Prelude = {
        "statusCode": status,
        "headers": {name: given[0] for name, given in values.items() if name not in several},
    }
    if several:
        head["multiValueHeaders"] = several
    return head


def _several(given: JSON) -> list[JSON]:
    return given if isinstance(given, list) else [given]
