"""Headers and parameters with one or several values, in every event format but payload 2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EventError
from .prelude import DROPPED
from .request import parse_port, to_string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..types import JSON, Event, Headers, Prelude

Pairs = list[tuple[str, str]]


def pairs(event: Event, key: str) -> Pairs:
    """Return the names and values at ``key``, one pair for each value.

    Raises:
        EventError: the value is not an object of strings or of lists of strings.
    """
    values = event.get(key)
    if values is None:
        return []
    if not isinstance(values, dict):
        raise EventError(f"The event's {key!r} is not an object but {type(values).__name__}.")
    return [
        (to_string(name, key), to_string(value, key))
        for name, value_or_list in values.items()
        for value in _as_list(value_or_list)
    ]


def header_pairs(event: Event) -> Pairs:
    """Return the header fields with all of their values, and at most one ``cookie``."""
    fields = pairs(event, "multiValueHeaders")
    names = {name.lower() for name, _ in fields}
    single = pairs(event, "headers")
    return join_cookies(fields + [pair for pair in single if pair[0].lower() not in names])


def query_pairs(event: Event) -> Pairs:
    """Return the query parameters. Repeats are grouped: the event does not keep their order."""
    parameters = pairs(event, "multiValueQueryStringParameters")
    return parameters or pairs(event, "queryStringParameters")


def encode_query(parameters: Pairs) -> bytes:
    """Percent-encode the decoded parameters; a blank becomes ``%20``."""
    from urllib.parse import quote, urlencode  # lazy: cold start

    return urlencode(parameters, quote_via=quote).encode("ascii")


def join_cookies(headers: Pairs) -> Pairs:
    """Join repeated ``cookie`` fields into one, because frameworks read only one."""
    cookies = [value for name, value in headers if name.lower() == "cookie"]
    if len(cookies) < 2:
        return headers
    others = [(name, value) for name, value in headers if name.lower() != "cookie"]
    return [*others, ("cookie", "; ".join(cookies))]


def client_address(headers: Iterable[tuple[str, str]]) -> tuple[str, int] | None:
    """Return the address that connected to the load balancer: the last in ``x-forwarded-for``.

    A client can forge the other addresses. A load balancer may also add the port of the client.
    """
    values = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    last = ",".join(values).rpartition(",")[2].strip()
    host, colon, port = last.rpartition(":")
    number = parse_port(port.encode()) if colon else None
    if number is not None and (host.startswith("[") or ":" not in host):
        return host.strip("[]"), number
    return (last.strip("[]"), 0) if last else None


def multi_value_prelude(status: int, headers: Headers) -> Prelude:
    """Turn a status and header fields into a prelude that keeps repeated fields apart.

    Repeated fields and every ``set-cookie`` go to ``multiValueHeaders``, all others to
    ``headers``. `adapter.events.prelude.prelude` drops the same fields.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in DROPPED:
            values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    repeated = {n: v for n, v in values.items() if len(v) > 1 or n == "set-cookie"}
    head: Prelude = {
        "statusCode": status,
        "headers": {name: v[0] for name, v in values.items() if name not in repeated},
    }
    if repeated:
        head["multiValueHeaders"] = repeated
    return head


def _as_list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else [value]
