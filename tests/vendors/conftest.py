from __future__ import annotations

import ast
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import NATIVE, Runtime
from tests.runtimes.conftest import run as run
from tests.runtimes.conftest import start as start
from tests.support.collector import collect
from tests.support.fake_runtime_api import NEXT, TIMEOUT_SECONDS, response_of
from tests.support.runtimes import RIC, RIC_4, Running, ric_3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtimes.conftest import Start
    from tests.support.collector import Collector
    from tests.support.fake_runtime_api import Request

SHOP = Path(__file__).with_name("shop.py")
PAGE = Path(__file__).parents[2] / "docs" / "instrumentation.md"


def lines_of(vendor: str) -> str:
    """Return the Python under a heading of docs/instrumentation.md: a whole handler module."""
    _, found, section = PAGE.read_text("utf-8").partition(f"\n## {vendor}\n")
    assert found, f"docs/instrumentation.md has no heading {vendor!r}"
    block = re.search(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert block, f"docs/instrumentation.md has no Python under {vendor!r}"
    return block[1]


OURS = re.compile(r"^from (?:adapter|main) import .*\n", re.MULTILINE)
USED = {"app", "LambdaHandler"}


def in_order(source: str, first: str) -> str:
    """Return ``source`` with the adapter and the app imported before the vendor, or after."""
    ours = "".join(OURS.findall(source))
    others = OURS.sub("", source)
    if first == "adapter" or not ours:
        return ours + others
    lines = others.splitlines(keepends=True)
    statements = [node for node in ast.parse(others).body if USED & names_in(node)]
    return "".join(lines[: (at := statements[0].lineno - 1)]) + ours + "".join(lines[at:])


def names_in(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


class Call(NamedTuple):
    """What the client of the function URL gets of one request."""

    request: Request
    first: bytes  #: the part that had arrived before the app made the second one


class Instrumented:
    """A function with a vendor's package, on a Runtime API whose every step the test decides."""

    def __init__(self, running: Running, gate: socket.socket) -> None:
        self.running = running
        self._gate = gate

    @property
    def output(self) -> str:
        return self.running.platform.output

    def get(self, path: str, request_id: str, headers: dict[str, str] | None = None) -> Call:
        """Request ``path``, let the app go on after its first part, and wait for the next `next`.

        The environment may be frozen from the moment on in which it asks for the next event.
        """
        event = function_url_event(path, headers=headers or {})
        self.running.client.event(event, request_id, Lambda_Runtime_Trace_Id=TRACE)
        request = self.running.ours.head()
        assert request.call == response_of(request_id)
        first = b""
        while not first.partition(bytes(8))[2]:
            first += self.running.ours.chunk(request)
        if path.startswith("/stream/"):
            self._gate.accept()[0].close()
        while self.running.ours.chunk(request):
            pass
        self.running.ours.accept()
        assert self.running.client.read().call == NEXT
        return Call(request, first.partition(bytes(8))[2])

    def fail(self, request_id: str) -> Request:
        """Request a stream that fails after its first part; the vendor must count the failure."""
        call = self.get("/stream/fails", request_id)
        assert call.first == b"one "
        assert call.request.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
        return call.request


TRACE = "Root=1-68f0c1d2-3a4b5c6d7e8f901234567890;Parent=53995c3f42cd8ad8;Sampled=1"


class Instrument(Protocol):
    """Starts a function whose ``main.py`` is a handler module, and waits for its first `next`."""

    def __call__(
        self, source: str, environ: dict[str, str] = ..., handler: str = ...
    ) -> Instrumented: ...


@pytest.fixture(params=["native", "managed 3", "managed 4"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param == "native":
        return NATIVE
    return Runtime(RIC, ric_3().environ if request.param == "managed 3" else RIC_4.threaded)


@pytest.fixture(params=["vendor", "adapter"])
def first(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def instrument(start: Start, runtime: Runtime, tmp_path: Path, first: str) -> Iterator[Instrument]:
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(TIMEOUT_SECONDS)

    def instrument_one(
        source: str, environ: dict[str, str] | None = None, handler: str = "main.handler"
    ) -> Instrumented:
        folder = tmp_path / "shop"
        folder.mkdir()
        (folder / "shop.py").write_text(SHOP.read_text("utf-8"))
        source = in_order(source, first).replace("from main import", "from shop import")
        command = runtime.command if runtime.is_native else (*RIC[:-1], handler)
        variables = {
            **runtime.environ,
            "PYTHONPATH": f"{runtime.environ['PYTHONPATH']}:{folder}",
            "PYTHONWARNINGS": "",
            "GATE": str(gate.getsockname()[1]),
        }
        platform = start(source, handler, command, **variables | (environ or {}))
        running = Running(platform, is_native=runtime.is_native)
        assert running.client.read().call == NEXT, running.platform.output
        return Instrumented(running, gate)

    yield instrument_one
    gate.close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collect() as running:
        yield running
