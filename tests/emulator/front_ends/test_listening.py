from __future__ import annotations

import socket

import pytest

from adapter.emulator.front_ends.listening import listen
from adapter.errors import ConfigurationError


def test_the_error_for_a_port_in_use_names_another_port() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=r"Cannot listen on .* Stop the program.* --port"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])


def test_the_error_names_the_option_of_the_port() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=r"another port with --invoke-port\.$"),
    ):
        listen("127.0.0.1", taken.getsockname()[1], "--invoke-port")


@pytest.mark.parametrize("host", ["203.0.113.1", "nonsense.invalid", "\xe9..b"])
def test_the_error_for_a_foreign_address_names_the_local_ones(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Cannot listen on .* --host has to be") as raised:
        listen(host, 0)
    assert "Stop the program" not in str(raised.value)
