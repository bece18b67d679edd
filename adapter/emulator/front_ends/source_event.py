"""The parts of an event that all event sources make in the same way. The module does no I/O."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...types import Event, Headers
    from .client_request import ClientRequest

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""The largest event that Lambda accepts, as JSON."""

EVENT_TOO_LARGE = (
    f"the event has more than {MAX_EVENT_BYTES} bytes, the most that Lambda takes. A binary body "
    f"is base64 in it and grows by a third: the largest has {MAX_EVENT_BYTES * 3 / 4 / 1e6:.1f} MB."
)

TRACE = re.compile(r"Root=[\w-]+(;\w+=[\w.:-]+)*", re.ASCII)

# Headers that describe one connection. They are not passed on (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    {
        b"connection",
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

# A source sets the first three itself, and the HTTP server handles ``expect``.
SET_BY_SOURCE = frozenset(
    {b"x-forwarded-for", b"x-forwarded-port", b"x-forwarded-proto", b"expect"}
)


class SourceEvent(NamedTuple):
    """The event, and the ids and headers that the response to the client repeats."""

    document: bytes
    request_id: str
    trace_id: str
    cors_headers: Sequence[tuple[bytes, bytes]] = ()  #: that allow the origin of the request

    @property
    def too_large(self) -> bool:
        """Whether Lambda refuses the event."""
        return len(self.document) > MAX_EVENT_BYTES


class ReceivedRequest(NamedTuple):
    """A request as AWS receives it: its ids, its time, and the headers that a service adds."""

    headers: list[tuple[str, str]]
    request_id: str
    trace_id: str
    time: datetime
    domain: str


def received_request(
    request: ClientRequest,
    local_domain: str,
    aws_domain: str | None,
    kept: frozenset[bytes] = frozenset(),
) -> ReceivedRequest:
    """Return a request as AWS receives it.

    Host, scheme, port and client address are those of the local request, so that redirects,
    absolute URLs and secure cookies work. With ``aws_domain``, host, scheme and port are AWS's.
    ``kept``: headers of the client that stay.
    """
    now = datetime.now(UTC)
    headers = forwarded_headers(request.headers, kept)
    root = client_trace(headers) or new_trace_root(now.timestamp())
    headers = [(name, value) for name, value in headers if name.lower() != "x-amzn-trace-id"]
    scheme, port = request.scheme, str(request.port)
    if aws_domain is not None:
        scheme, port = "https", "443"
        headers = [(name, value) for name, value in headers if name.lower() != "host"]
        headers += [
            ("host", aws_domain),
            ("x-amzn-tls-version", "TLSv1.3"),
            ("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"),
        ]
    headers += [
        ("x-amzn-trace-id", root),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", scheme),
    ]
    if b"x-forwarded-for" not in kept:
        headers.append(("x-forwarded-for", request.peer))
    # The runtime and the client get the trace with a segment below the root.
    trace_id = root if "Parent=" in root else child_trace(root)
    return ReceivedRequest(headers, str(uuid4()), trace_id, now, aws_domain or local_domain)


def source_event(event: Event, received: ReceivedRequest) -> SourceEvent:
    """Return the event as Lambda gets it."""
    document = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    return SourceEvent(document, received.request_id, received.trace_id)


def request_context(event: Event) -> Event:
    """Return the request context of an event."""
    context = event["requestContext"]
    assert isinstance(context, dict)
    return context


def epoch_ms(moment: datetime) -> int:
    """Return a time as a number of milliseconds."""
    return int(moment.timestamp() * 1000)


def clock_time(moment: datetime) -> str:
    """Return a time in the format of events: 31/Dec/2025:23:59:59 +0000."""
    return f"{moment:%d/%b/%Y:%H:%M:%S} +0000"


def new_trace_root(epoch_seconds: float) -> str:
    """Return the root of a new trace."""
    return f"Root=1-{int(epoch_seconds):08x}-{token_hex(12)}"


def child_trace(root: str) -> str:
    """Return a trace with a segment below ``root``; not sampled, unless ``root`` says more."""
    trace, _, rest = root.partition(";")
    return f"{trace};Parent={token_hex(8)};{rest or 'Sampled=0'}"


def client_trace(headers: list[tuple[str, str]]) -> str | None:
    """Return the client's trace id if the id is valid; it becomes part of other headers."""
    for name, value in headers:
        if name.lower() == "x-amzn-trace-id" and TRACE.fullmatch(value):
            return value
    return None


def forwarded_headers(
    headers: Headers, kept: frozenset[bytes] = frozenset()
) -> list[tuple[str, str]]:
    """Return the headers without those of the connection and those that the source sets."""
    connection = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    dropped = (HOP_BY_HOP | SET_BY_SOURCE | connection) - kept
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.lower() not in dropped
    ]
