"""One runtime process under fault, of either kind, and what came out of it."""

from __future__ import annotations

import base64
import json
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import API, NEXT, ROOT, WARNINGS_ARE_ERRORS, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.fake_runtime_api import Peer, Request

MAIN = "from tests.faults.apps import app, handler\n"
OURS = ("main:app", (sys.executable, "-m", "adapter", "run"))
AWS = ("main.handler", (sys.executable, "-m", "awslambdaric", "main.handler"))
RUNTIMES = {"native": OURS, "concurrent": OURS, "managed": AWS, "managed 3": AWS}
STRICT = {
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": WARNINGS_ARE_ERRORS,
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
}
# What Python says, instead of failing, when something is lost or left behind.
SLOPPY = (
    "Exception ignored",
    "never retrieved",
    "never awaited",
    "ResourceWarning",
    "was destroyed but it is pending",
)


class Seen(NamedTuple):
    """What an invocation was to those outside."""

    client: str  #: at a function URL
    platform: str


WHOLE = Seen("200, whole", "a complete response")
CUT = Seen("200, cut short", "the bytes before the failure")
TIMEOUT_SECONDS = 10.0
NOTHING = Seen("502", "no response")


def seen(request: Request) -> Seen:
    """Tell what the platform, and the client behind it, make of an outcome."""
    if request.path.endswith("/error"):
        what = request.path.split("/")[3]  # init, restore, or that of an invocation
        return Seen("502", f"a failed {what}: {request.json['errorType']}")
    if "lambda-runtime-function-response-mode" not in request.headers:
        return Seen(f"{request.json['statusCode']}, whole", "a buffered response")
    status = request.prelude["statusCode"]
    if not request.trailers:
        return Seen(f"{status}, whole", "a complete response")
    error = json.loads(base64.b64decode(request.trailers["lambda-runtime-function-error-body"]))
    return Seen(f"{status}, cut short", f"error trailers: {error['errorType']}")


class Stage:
    """Starts the runtime, and hears whichever of its connections speaks."""

    def __init__(self, root: Path, runtime: str, environ: Mapping[str, str]) -> None:
        (root / "main.py").write_text(MAIN)
        self.root = root
        self.raises = environ.get("ADAPTER_ERRORS") == "raise"
        self.fault = environ.get("FAULT", "")
        self._peers: list[Peer] = []
        self._asking: list[Peer] = []
        handler, command = RUNTIMES[runtime]
        self.platform = Platform(root, handler, {**STRICT, **environ}, command)

    def hear(self) -> tuple[Peer, Request]:
        """Wait for the head of whatever request comes next, on any connection."""
        peer = self._speaker()
        return peer, peer.head()

    def head(self) -> tuple[Peer, Request]:
        """Wait for the head of a request, on any connection, that does not ask for an event."""
        while True:
            peer, request = self.hear()
            if request.call != NEXT:
                return peer, request
            assert peer.chunk(request) == b""
            self._asking.append(peer)

    def read(self) -> tuple[Peer, Request]:
        """Wait for the next request, all of it."""
        peer, request = self.head()
        while peer.chunk(request):
            pass
        return peer, request

    def waits_in_snapshot(self) -> Peer:
        """Wait until it does."""
        peer, request = self.read()
        assert request.call == ("GET", f"{API}/restore/next")
        return peer

    def read_of(self, peer: Peer) -> tuple[Peer, Request]:
        """Wait for the next request on this connection."""
        return peer, peer.read()

    def asked(self) -> Peer:
        """Wait until it asks for an event."""
        if self._asking:
            return self._asking.pop(0)
        peer, request = self.hear()
        assert request.call == NEXT, request
        assert peer.chunk(request) == b""
        return peer

    def deliver(self, path: str, request_id: str = "id-1", **options: Any) -> Peer:
        """Give it a request for ``path``."""
        peer = self.asked()
        peer.event(function_url_event(path), request_id, **options)
        return peer

    def outcome(self) -> Seen:
        """Wait for the outcome of the invocation and accept it."""
        peer, request = self.read()
        peer.accept()
        return seen(request)

    def begun(self) -> tuple[Peer, Request]:
        """Wait for a response, as far as the first bytes of its body."""
        peer, request = self.head()
        while not request.content:
            peer.chunk(request)
        return peer, request

    def serves(self) -> bool:
        """Whether the next invocation goes well."""
        self.deliver("/", "id-next")
        peer, request = self.read()
        peer.accept()
        return request.path.endswith("id-next/response") and seen(request).client == "200, whole"

    def go(self) -> None:
        """Open the app's gate."""
        (self.root / "go").touch()

    def wait_for(self, name: str) -> None:
        """Wait until the app has made this file."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not (self.root / name).exists():
            assert time.monotonic() < end, self.platform.output
            time.sleep(0.002)

    def _speaker(self) -> Peer:
        end = time.monotonic() + TIMEOUT_SECONDS
        while (left := end - time.monotonic()) > 0:
            open_ = {peer.socket: peer for peer in self._peers if peer.socket.fileno() >= 0}
            listener = self.platform.listener
            readable, _, _ = select.select([*open_, listener], [], [], left)
            for ready in readable:
                if ready is listener:
                    self._peers.append(self.platform.connection())
                elif has_data(ready):
                    return open_[ready]
                else:
                    ready.close()
        raise TimeoutError(f"The runtime says nothing.\n{self.platform.output}")


def has_data(connection: socket.socket) -> bool:
    """Wait for data; return whether there is any, rather than the end."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except ConnectionResetError:
        return False
