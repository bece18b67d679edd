"""What a function URL makes of a request: the event. It does no I/O."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from ...events.build import URL_ID, function_url_event
from ...prelude import DROPPED
from ..host import LOCAL_DOMAIN

if TYPE_CHECKING:
    from ...types import Headers

MAX_EVENT = 6 * 1024 * 1024
"""Bytes of an event's JSON that Lambda takes."""

EVENT_TOO_LARGE = (
    f"the event has more than {MAX_EVENT} bytes, the most that Lambda takes. A binary body is "
    f"base64 in it and grows by a third: the largest has {MAX_EVENT * 3 / 4 / 1e6:.1f} MB."
)

TRACE = re.compile(r"Root=[\w-]+(;\w+=[\w.:-]+)*", re.ASCII)

# The front door says these itself; a client cannot.
OURS = frozenset({b"x-forwarded-for", b"x-forwarded-port", b"x-forwarded-proto", b"expect"})


class UrlRequest(NamedTuple):
    """A request as the client sent it; path and query still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    scheme: str
    port: int
    peer: str


class UrlEvent(NamedTuple):
    """The event, and what identifies the request in the answer."""

    document: bytes
    request_id: str
    trace_id: str

    @property
    def too_large(self) -> bool:
        """Whether Lambda would refuse it."""
        return len(self.document) > MAX_EVENT


def url_event(request: UrlRequest, *, aws_region: str | None = None) -> UrlEvent:
    """Build the event of a request.

    It tells the local truth: the client's own ``Host``, the scheme and port really used, the
    real peer; so redirects, absolute URLs and secure cookies work. With ``aws_region`` it
    says instead what AWS would say there.
    """
    now = datetime.now(UTC)
    request_id = str(uuid4())
    headers = forwarded(request.headers)
    root = trace_of(headers) or new_root(now.timestamp())
    headers = [(name, value) for name, value in headers if name.lower() != "x-amzn-trace-id"]
    if aws_region is None:
        domain, scheme, port = LOCAL_DOMAIN, request.scheme, str(request.port)
    else:
        domain, scheme, port = f"{URL_ID}.lambda-url.{aws_region}.on.aws", "https", "443"
        headers = [(name, value) for name, value in headers if name.lower() != "host"]
        headers += [
            ("x-amzn-tls-version", "TLSv1.3"),
            ("x-amzn-tls-cipher-suite", "TLS_AES_128_GCM_SHA256"),
        ]
    headers += [
        ("x-amzn-trace-id", root),
        ("x-forwarded-for", request.peer),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", scheme),
    ]
    event = function_url_event(
        request.path or "/",
        method=request.method,
        query=request.query,
        headers=headers,
        body=request.body,
        domain=domain,
        source_ip=request.peer,
        request_id=request_id,
        epoch_ms=int(now.timestamp() * 1000),
        time=f"{now:%d/%b/%Y:%H:%M:%S} +0000",
    )
    document = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    # What the runtime and the client hear is one step further down the trace.
    return UrlEvent(document, request_id, root if "Parent=" in root else one_step_down(root))


def new_root(seconds: float) -> str:
    """Return the beginning of a trace, at an epoch time."""
    return f"Root=1-{int(seconds):08x}-{token_hex(12)}"


def one_step_down(root: str) -> str:
    """Return what is heard further down a trace that nobody samples."""
    return f"{root};Parent={token_hex(8)};Sampled=0"


def trace_of(headers: list[tuple[str, str]]) -> str | None:
    """Return the client's trace id, if it is one: it goes into headers of ours."""
    for name, value in headers:
        if name.lower() == "x-amzn-trace-id" and TRACE.fullmatch(value):
            return value
    return None


def forwarded(headers: Headers) -> list[tuple[str, str]]:
    """Return the fields that go on: not those of the connection, nor those we write."""
    connection = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    # A request's content length is true, unlike a response's: it stays.
    dropped = (DROPPED - {b"content-length"}) | OURS | connection
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.lower() not in dropped
    ]
