from __future__ import annotations

import pytest

from adapter.emulator.host import LOCAL_DOMAIN, host_is_local


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:1", True),
        ("[::1]:8000", True),
        (LOCAL_DOMAIN, True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("localhost:8000@evil.example", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str, local: bool) -> None:
    assert host_is_local([(b"host", host.encode())]) is local


def test_two_hosts_are_one_too_many() -> None:
    assert not host_is_local([(b"host", b"localhost"), (b"host", b"localhost")])
    assert host_is_local([])  # HTTP/1.0
