"""AWS's own runtime, the real one, and ours, on a platform that is played by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from adapter.samples.url_event import function_url_event

from .fake_runtime_api import NEXT, ROOT, response_of
from .prepared import prepared

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from .fake_runtime_api import Peer, Platform

EVENT = function_url_event("/")

APP = """
from adapter import LambdaHandler

HEADERS = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("startup", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
    status = 202 if scope["path"] == "/202" else 200
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"one ", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})
"""
PLAIN = APP + "handler = LambdaHandler(app)\n"


class Ric(NamedTuple):
    """A version of awslambdaric, and the variables that have it run in one way or another."""

    environ: dict[str, str]

    @property
    def threaded(self) -> dict[str, str]:
        """As on Python 3.12 and later: it asks for events in a thread of its own."""
        return self.environ | {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}


RIC = (sys.executable, "-m", "awslambdaric", "main.handler")
RIC_4 = Ric({"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"})


def ric_3() -> Ric:
    """Return the newest version 3."""
    return Ric({**RIC_4.environ, "PYTHONPATH": f"{prepared('awslambdaric-3')}:{ROOT}"})


def variant(name: str) -> ParameterSet:
    """Return the parameter for a way to run a test that `make test` leaves to `make test-all`."""
    return pytest.param(name, marks=pytest.mark.variant)


class Running:
    """A runtime on a platform played by hand: its connection, and the one that is streamed over.

    AWS's runtime responds over its own connection; the adapter opens another one for streams.
    """

    def __init__(self, platform: Platform, *, is_native: bool = False) -> None:
        self.platform = platform
        self.client = platform.connection()
        self._ours: Peer | None = self.client if is_native else None

    @property
    def ours(self) -> Peer:
        """The connection that the handler opens with its first stream."""
        if self._ours is None:
            self._ours = self.platform.connection()
        return self._ours

    def stream(self, request_id: str = "id-1", **headers: str) -> bytes:
        """Deliver an event, accept the stream; return what the client of a URL would get."""
        self.client.deliver(EVENT, request_id, **headers)
        request = self.ours.read()
        assert request.call == response_of(request_id)
        self.ours.accept()
        return request.content

    def serves_on(self, request_id: str = "id-2") -> bool:
        """Whether it asks for the next event, having posted nothing else, and streams again."""
        return self.stream(request_id) == b"one two" and self.client.read().call == NEXT


class StartRunning(Protocol):
    """Starts the runtime with ``source`` as ``main.py``, and waits until it connects."""

    def __call__(self, source: str, environ: dict[str, str] = ...) -> Running: ...
