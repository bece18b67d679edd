"""One app under uvicorn and under the local Lambda: equal but for the differences listed here."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .odd_app import RESPONSES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process
HERE = Path(__file__).parent
UVICORN = (sys.executable, "-m", "uvicorn", "odd_app:app", "--port", "0", "--no-server-header")
DEV = (sys.executable, "-m", "adapter", "dev", "odd_app:app", "--port", "0")

#: Headers that one of them adds, or that frame the body.
FRAMING = {"date", "connection", "transfer-encoding", "x-amzn-requestid", "x-amzn-trace-id"}

#: What a function URL does to a response, by path: the headers that uvicorn passes on, and those
#: that the client of the URL gets.
DIFFERENCES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    # A stream has no length: the adapter leaves it out of the prelude.
    "/length": ({"content-length": "5"}, {}),
    # A prelude has one value for each name.
    "/repeated": ({"x-a": "1|2", "vary": "a|b"}, {"x-a": "1, 2", "vary": "a, b"}),
    # They describe the connection between the app and its server.
    "/hop": ({"keep-alive": "timeout=9", "upgrade": "x"}, {}),
    # They are the URL's own.
    "/dated": ({"server": "mine"}, {"x-amzn-remapped-server": "mine"}),
}

#: Headers that AWS adds to a request.
ADDED = {"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}


@contextmanager
def serving(command: tuple[str, ...]) -> Iterator[str]:
    with subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://127.0.0.1:\d+", line):
                    yield found[0]
                    return
            raise AssertionError("it did not start")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[httpx.Client, httpx.Client]]:
    with serving(UVICORN) as plain, serving(DEV) as local:
        options: Any = {"timeout": 30, "headers": {"accept-encoding": "identity"}}
        with (
            httpx.Client(base_url=plain, **options) as one,
            httpx.Client(base_url=local, **options) as other,
        ):
            yield one, other


def seen(reply: httpx.Response, path: str) -> dict[str, str]:
    """The headers that a client sees, with repeats joined by |."""
    names = {name.lower() for name in reply.headers} - FRAMING
    if path == "/dated":
        names.discard("x-amzn-remapped-date")
    return {name: "|".join(reply.headers.get_list(name)) for name in names}


def raw(client: httpx.Client, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    with client.stream(method, path) as reply:
        body = b"".join(reply.iter_raw())
        return reply.status_code, seen(reply, path), body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", RESPONSES)
def test_a_response_is_equal(
    servers: tuple[httpx.Client, httpx.Client], path: str, method: str
) -> None:
    (status, plain, body), (local_status, local, local_body) = (
        raw(client, method, path) for client in servers
    )
    lost, gained = DIFFERENCES.get(path, ({}, {}))
    assert local_status == status
    assert local_body == body
    assert plain.items() - local.items() == lost.items()
    assert local.items() - plain.items() == gained.items()


def test_an_app_that_raises_is_an_error_of_the_server(
    servers: tuple[httpx.Client, httpx.Client],
) -> None:
    plain, local = (client.get("/raises") for client in servers)
    assert plain.status_code == local.status_code == 500
    assert plain.text == local.text == "Internal Server Error"


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/", {}),
    ("GET", "/caf%C3%A9//a%2Fb/../c?q=a%20b&q=2&empty&=x&%00", {}),
    ("GET", "/a;b=c/%7Bx%7D?a=1+2&b=%2B", {}),
    ("POST", "/form", {"data": {"a": "1", "b": "ü"}}),
    ("PUT", "/bytes", {"content": bytes(range(256))}),
    ("PATCH", "/items", {"json": {"a": [1, "€"]}}),
    ("DELETE", "/", {"headers": {"authorization": "Bearer x"}}),
    ("OPTIONS", "/", {"headers": {"origin": "http://x", "access-control-request-method": "PUT"}}),
    ("PROPFIND", "/", {}),
    ("GET", "/", {"headers": {"cookie": "a=1; b=2; c"}}),
    ("GET", "/", {"headers": [("X-Latin", "café".encode("latin-1")), ("x-empty", "")]}),
    ("POST", "/large", {"content": b"x" * 3_000_000}),
]


@pytest.mark.parametrize(
    ("method", "path", "options"), REQUESTS, ids=[f"{m} {p}" for m, p, _ in REQUESTS]
)
def test_a_request_is_equal(
    servers: tuple[httpx.Client, httpx.Client], method: str, path: str, options: dict[str, Any]
) -> None:
    plain, local = (client.request(method, path, **options).json() for client in servers)
    added = {name: value for name, value in local["headers"] if name in ADDED}
    assert added.keys() == ADDED
    headers = sorted(field for field in local.pop("headers") if field[0] not in ADDED)
    plain_headers = sorted(plain.pop("headers"))
    for fields in (headers, plain_headers):
        fields[:] = [field for field in fields if field[0] not in ("host", "connection")]
    assert headers == plain_headers
    assert local == plain


def test_repeated_headers_of_a_request_are_joined(
    servers: tuple[httpx.Client, httpx.Client],
) -> None:
    plain, local = (
        [value for name, value in client.get("/", headers=given).json()["headers"] if name == "x-a"]
        for client in servers
        for given in [[("X-A", "1"), ("X-A", "2")]]
    )
    assert plain == ["1", "2"]
    assert local == ["1,2"]
