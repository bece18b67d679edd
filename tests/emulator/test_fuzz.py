"""Whatever comes in at the function URL: it is served, or refused in a way that is documented."""

from __future__ import annotations

import json
import logging
import re
import socket
from typing import TYPE_CHECKING

import httpx
from anyio.from_thread import start_blocking_portal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .scripts import STREAMED_ECHO

if TYPE_CHECKING:
    import pytest

    from .conftest import Local, LocalFactory

# Go on; served; not HTTP; not this host; CONNECT; too large.
DOCUMENTED = {100, 200, 400, 403, 405, 413}

request_lines = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a%20b?c=%00&d HTTP/1.1",
        b"HEAD / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT localhost:1 HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"GET http://localhost/x HTTP/1.1",
        b"GET //x HTTP/1.1",
        b"GET /%FF%00 HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET x HTTP/1.1",
        b"GET http://[::1 HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET / HTTP/9.9",
        b"PRI * HTTP/2.0",
        b"GET /",
    ]
)
fields = st.sampled_from(
    [
        b"Host: localhost",
        b"Host: localhost",
        b"Host: evil.example",
        b"Host: localhost:1@evil.example",
        b"Host: \xff",
        b"Content-Length: 3",
        b"Content-Length: 9000000",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Expect: 100-continue",
        b"Connection: close",
        b"Connection: Upgrade, x-a",
        b"Upgrade: websocket",
        b"Cookie: \xff=\x80; a",
        b"Cookie:",
        b"X-Amzn-Trace-Id: Root=1;\x80",
        b"X-Forwarded-For: 1.2.3.4",
        b"X-A: \x7f",
        b" folded",
        b": nameless",
        b"Content-Type: \xe9",
    ]
)
bodies = st.sampled_from([b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nab", b"0\r\nX: y\r\n\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    junk = st.binary(max_size=20)
    lines = [draw(request_lines | junk), *draw(st.lists(fields | junk, max_size=6))]
    return b"\r\n".join([*lines, b"", draw(bodies | junk)])


REFUSED_TWICE = (
    b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno size"
    b"\r\n"
)
"""By us for its method, and by uvicorn for its body: seed 1 of 6,000 examples."""


def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes and their end; return all that comes back."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass  # it had not read all that it refused
    return received


def served(running: Local) -> bool:
    """Whether the next client is well served."""
    return bool(httpx.get(f"{running.url}/next?a").json()["rawPath"] == "/next")


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the server, when it has ended, has logged as its own failures."""
    formatter = logging.Formatter()
    return [formatter.format(r) for r in caplog.records if r.levelno >= logging.ERROR]


def test_any_bytes_are_served_or_refused_and_the_next_client_is_served(
    local: LocalFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(local(STREAMED_ECHO)) as running,
    ):
        port = int(running.url.rpartition(":")[2])

        @settings(max_examples=300)
        @example(REFUSED_TWICE)
        @given(st.lists(requests(), min_size=1, max_size=3).map(b"".join))
        def check(sent: bytes) -> None:
            received = exchange(port, sent)
            statuses = {int(code) for code in re.findall(rb"HTTP/1.1 (\d+) ", received)}
            assert statuses <= DOCUMENTED, received
            assert not received or received.startswith(b"HTTP/1.1 ")

        check()
        assert served(running)
    assert errors(caplog) == []


targets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
values = st.binary(max_size=20).filter(lambda v: not re.search(rb"[\x00-\x1f\x7f]", v))


def test_a_request_that_is_http_becomes_an_event_that_has_all_of_it(
    local: LocalFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(local(STREAMED_ECHO)) as running,
    ):
        port = int(running.url.rpartition(":")[2])

        @settings(max_examples=100)
        @given(path=targets.map(lambda t: f"/{t.replace('?', '')}"), query=targets, value=values)
        def check(path: str, query: str, value: bytes) -> None:
            line = f"GET {path}?{query} HTTP/1.1".encode()
            sent = [line, b"Host: localhost", b"X-A: " + value, b"Connection: close", b"", b""]
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(b"\r\n".join(sent))
                received = connection.makefile("rb").read()
            head, _, rest = received.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            event = json.loads(unchunked(rest))
            assert (event["rawPath"], event["rawQueryString"]) == (path, query)
            assert event["headers"]["x-a"].encode("latin-1") == value.strip(b" \t")

        check()
    assert errors(caplog) == []


def unchunked(data: bytes) -> bytes:
    body = b""
    while (size := int(data.partition(b"\r\n")[0], 16)) > 0:
        start = data.index(b"\r\n") + 2
        body += data[start : start + size]
        data = data[start + size + 2 :]
    return body
