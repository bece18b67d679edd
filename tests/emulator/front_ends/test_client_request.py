from __future__ import annotations

from typing import Any

import pytest

from adapter.emulator.front_ends.client_request import client_request

SCOPE: dict[str, Any] = {
    "method": "POST",
    "raw_path": b"/caf%C3%A9",
    "query_string": b"q=%20",
    "headers": [(b"X-A", b"\xe9"), (b"x-a", b"2")],
    "scheme": "http",
    "server": ("127.0.0.1", 8000),
    "client": ("192.0.2.7", 50000),
}


def test_a_request_is_as_the_client_sent_it() -> None:
    request = client_request(SCOPE, b"body")
    assert request[:3] == ("POST", "/caf%C3%A9", "q=%20")
    assert request[3:] == (SCOPE["headers"], b"body", "http", 8000, "192.0.2.7")


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"http://localhost/a%20b", "/a%20b"), (b"http://[::1", "/"), (b"*", "/"), (b"", "/")],
)
def test_a_target_that_is_no_path_has_one(target: bytes, path: str) -> None:
    assert client_request({**SCOPE, "raw_path": target}, b"").path == path


def test_a_header_is_the_first_of_its_name_or_empty() -> None:
    request = client_request(SCOPE, b"")
    assert request.header(b"x-a") == "é"
    assert request.header(b"x-b") == ""


def test_a_client_without_an_address_is_local() -> None:
    request = client_request({**SCOPE, "client": None, "server": ("/socket", None)}, b"")
    assert (request.peer, request.port) == ("127.0.0.1", 80)
