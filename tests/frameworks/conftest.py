from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import NATIVE, Runtime
from tests.runtimes.conftest import run as run
from tests.runtimes.conftest import start as start
from tests.support.fake_runtime_api import NEXT, TIMEOUT_SECONDS, response_of
from tests.support.runtimes import RIC, RIC_4, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.types import Event
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Request


class Call(NamedTuple):
    """What Lambda gets for an event."""

    request: Request
    first: bytes  #: the part of the body that had arrived before the app made the second one

    @property
    def response(self) -> Any:
        """The JSON of a buffered response."""
        return json.loads(self.request.body)


class Function:
    """A function, on a Runtime API whose every step the test decides."""

    def __init__(self, running: Running, gate: socket.socket) -> None:
        self.running = running
        self._gate = gate
        self._calls = 0

    @property
    def output(self) -> str:
        return self.running.platform.output

    def get(self, path: str, seconds: float = 30) -> Call:
        """Request ``path`` of a function URL."""
        return self.send(function_url_event(path), seconds)

    def send(self, event: Event, seconds: float = 30) -> Call:
        """Deliver ``event``, let the app go on after its first part, and wait for a `next`."""
        self._calls += 1
        request_id = f"id-{self._calls}"
        self.running.client.event(event, request_id, seconds)
        request = self.running.ours.head()
        assert request.call == response_of(request_id), self.output
        first = b""
        if "/stream/" in json.dumps(event):
            while not first.partition(bytes(8))[2]:
                first += self.running.ours.chunk(request)
            self._gate.accept()[0].close()
        while self.running.ours.chunk(request):
            pass
        self.running.ours.accept()
        assert self.running.client.read().call == NEXT, self.output
        return Call(request, first.partition(bytes(8))[2])


class Serve(Protocol):
    """Starts a function whose ``main.py`` is ``source``, and waits for its first `next`."""

    def __call__(self, source: str, environ: dict[str, str] = ...) -> Function: ...


@pytest.fixture(params=["native", "managed 4"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return NATIVE if request.param == "native" else Runtime(RIC, RIC_4.threaded)


@pytest.fixture
def serve(start: Start, runtime: Runtime) -> Iterator[Serve]:
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(TIMEOUT_SECONDS)

    def serve_one(source: str, environ: dict[str, str] | None = None) -> Function:
        variables = {**runtime.environ, "PYTHONWARNINGS": "", "GATE": str(gate.getsockname()[1])}
        variables |= environ or {}
        platform = start(source, "main.handler", runtime.command, **variables)
        running = Running(platform, is_native=runtime.is_native)
        assert running.client.read().call == NEXT, running.platform.output
        return Function(running, gate)

    yield serve_one
    gate.close()
