from __future__ import annotations

import pytest

from adapter.emulator.host import LOCAL_DOMAIN, host_is_local, is_loopback


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:1", True),
        ("[::1]:8000", True),
        ("127.0.0.2:8000", True),
        ("0.0.0.0:8000", False),
        ("192.0.2.1", False),
        (LOCAL_DOMAIN, True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("localhost:8000@evil.example", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_admitted(host: str, local: bool) -> None:
    assert host_is_local([(b"host", host.encode())]) is local


def test_two_host_headers_are_refused() -> None:
    assert not host_is_local([(b"host", b"localhost"), (b"host", b"localhost")])
    assert host_is_local([])  # HTTP/1.0


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_the_addresses_that_no_other_machine_can_reach(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_the_addresses_that_others_can_reach(address: str) -> None:
    assert not is_loopback(address)
