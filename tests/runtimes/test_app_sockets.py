"""Apps that change what a new socket does, for their own connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.runtimes import PLAIN

from .conftest import every_runtime

if TYPE_CHECKING:
    from tests.support.runtimes import StartRunning

# As PySocks does, which sends all connections of an app through a proxy with a fixed IP address.
PROXY = """
import socket

class ProxySocket(socket.socket):
    def connect(self, address):
        raise ConnectionRefusedError("no proxy")

socket.socket = ProxySocket
"""
TIMEOUT = "import socket\nsocket.setdefaulttimeout(0.05)\n"


@every_runtime
@pytest.mark.parametrize("change", [PROXY, TIMEOUT], ids=["a proxy", "a timeout"])
def test_the_requests_to_the_Runtime_API_are_not_changed(run: StartRunning, change: str) -> None:
    running = run(change + PLAIN)
    assert running.stream() == b"one two"
    running.client.close()  # the next request needs a new connection
    if running.client is running.ours:
        running = type(running)(running.platform, is_native=True)
    else:
        running.client = running.platform.connection()
    assert running.serves_on()
