"""The platform, played by hand: a Runtime API whose every byte the test decides.

`Platform` starts a real runtime process; each connection the process opens is a `Peer`, on which
the test reads what the runtime sends and sends whatever it likes, whenever it likes. h11 does
the reading, so what it accepts is HTTP. Nothing here comes from the package under test.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h11

from .forked_python import start_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API = "/2018-06-01/runtime"
NEXT = ("GET", f"{API}/invocation/next")
INIT_ERROR = ("POST", f"{API}/init/error")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
ROOT = Path(__file__).parents[2]
WARNINGS_ARE_ERRORS = "error,ignore:This process:DeprecationWarning"
"""For a process that is tested. It may fork beside threads, of which Python 3.15 warns."""

TIMEOUT_SECONDS = 20.0
MAX_HEAD_BYTES = 1 << 20
"""As of Go's server. A report's cause for X-Ray is in its head."""


def response_of(request_id: str) -> tuple[str, str]:
    return "POST", f"{API}/invocation/{request_id}/response"


def error_of(request_id: str) -> tuple[str, str]:
    return "POST", f"{API}/invocation/{request_id}/error"


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a reply."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{n}: {v}" for n, v in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def event_reply(
    event: Any, request_id: str = "id-1", seconds: float = 30.0, **headers: str
) -> bytes:
    """Return the bytes of a reply to `next`."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    given = {
        "Lambda_Runtime_Aws_Request_Id": request_id,
        "Lambda_Runtime_Deadline_Ms": str(int((time.time() + seconds) * 1000)),
        "Lambda_Runtime_Invoked_Function_Arn": ARN,
    }
    return reply(200, body, **given | headers)


@dataclass
class Request:
    """A request of the runtime; its body is what has been read of it so far."""

    method: str
    path: str
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def call(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def prelude(self) -> Any:
        return json.loads(self.body.partition(bytes(8))[0])

    @property
    def content(self) -> bytes:
        """What the client of a function URL would get."""
        return self.body.partition(bytes(8))[2]


class Peer:
    """One connection of the runtime, seen from the platform."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(TIMEOUT_SECONDS)
        self._parser = h11.Connection(h11.SERVER, MAX_HEAD_BYTES)

    # What the runtime sends.

    def head(self) -> Request:
        """Wait for the head of the next request."""
        rest = self._parser.trailing_data[0] if self._parser.their_state is h11.DONE else b""
        if rest or self._parser.their_state is not h11.IDLE:
            self._parser = h11.Connection(h11.SERVER, MAX_HEAD_BYTES)
            self._parser.receive_data(rest) if rest else None
        event = self._event()
        assert isinstance(event, h11.Request), event
        headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        return Request(event.method.decode(), event.target.decode(), headers)

    def chunk(self, request: Request) -> bytes:
        """Wait for the next HTTP chunk of a body; b"" is its end."""
        data = b""
        while True:
            event = self._event()
            if isinstance(event, h11.EndOfMessage):
                request.trailers = {n.decode(): v.decode() for n, v in event.headers}
                return b""
            assert isinstance(event, h11.Data), event
            data += event.data
            if event.chunk_end or "content-length" in request.headers:
                request.chunks.append(bytes(data))
                return bytes(data)

    def read(self) -> Request:
        """Wait for a whole request."""
        request = self.head()
        while self.chunk(request):
            pass
        return request

    def rest(self) -> bytes:
        """Wait until the runtime has hung up; return what it still sent."""
        rest = b""
        try:
            while data := self.socket.recv(65536):
                rest += data
        except ConnectionResetError:
            pass
        return rest

    def wait_closed(self) -> None:
        """Wait until the runtime has hung up."""
        self.rest()

    def is_silent(self, seconds: float = 0.1) -> bool:
        """Whether nothing came for a moment. It gives a fault the chance to show."""
        return not select.select([self.socket], [], [], seconds)[0]

    # What the platform replies.

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send(reply(status, body, **headers))

    def accept(self) -> None:
        """Reply to a POST as the platform does."""
        self.reply(202, b'{"status":"OK"}\n')

    def refuse(self, status: int, kind: str = "Refused", **headers: str) -> None:
        body = json.dumps({"errorMessage": "so it is", "errorType": kind}).encode()
        self.reply(status, body, **headers)

    def event(
        self,
        event: Any,
        request_id: str = "id-1",
        seconds: float = 30.0,
        **headers: str,
    ) -> None:
        """Reply to a `next` with an event (bytes go as they are)."""
        self.send(event_reply(event, request_id, seconds, **headers))

    def deliver(self, event: Any, request_id: str = "id-1", **options: Any) -> None:
        """Wait for a `next` and reply to it with an event."""
        request = self.read()
        assert request.call == NEXT, request
        self.event(event, request_id, **options)

    def invoke(self, event: Any, request_id: str = "id-1", **options: Any) -> Request:
        """Deliver an event and accept what the runtime makes of it."""
        self.deliver(event, request_id, **options)
        request = self.read()
        self.accept()
        return request

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with RST, as the platform does when the time is up."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _event(self) -> Any:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(self.socket.recv(65536))
        return event


class Platform:
    """One runtime process, and the Runtime API it talks to."""

    def __init__(
        self,
        root: Path,
        handler: str,
        environ: Mapping[str, str],
        command: Sequence[str] = (sys.executable, "-m", "adapter", "run"),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.root = root
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.settimeout(TIMEOUT_SECONDS)
        self._peers: list[Peer] = []
        self._output = root / "output.txt"
        host, port = self.listener.getsockname()
        inherited = {"PATH", "HOME", "COVERAGE_PROCESS_START"}
        with self._output.open("wb") as output:
            self.process = start_python(
                command,
                root,
                {
                    **{name: os.environ[name] for name in inherited if name in os.environ},
                    "PYTHONPATH": str(ROOT),
                    "PYTHONWARNINGS": WARNINGS_ARE_ERRORS,
                    "_HANDLER": handler,
                    "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
                    "LAMBDA_TASK_ROOT": str(root),
                    "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    **environ,
                },
                output,
                pass_fds,
            )

    @property
    def output(self) -> str:
        """What the process has printed so far."""
        return self._output.read_bytes().decode()

    def wait_for(self, text: str) -> None:
        """Wait until the process has printed ``text``."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while text not in self.output:
            assert time.monotonic() < end, self.output
            time.sleep(0.01)

    def wait_idle(self) -> None:
        """Wait until the process has used no processor time for a moment."""
        end = time.monotonic() + TIMEOUT_SECONDS
        used = ""
        while (now := self._processor_time()) != used:
            assert time.monotonic() < end, self.output
            used = now
            time.sleep(0.2)

    def _processor_time(self) -> str:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return " ".join(stat.rpartition(")")[2].split()[11:13])

    def connection(self) -> Peer:
        """Wait for the runtime to connect."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not select.select([self.listener], [], [], 0.1)[0]:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
        connection, _ = self.listener.accept()
        self._peers.append(Peer(connection))
        return self._peers[-1]

    def stop_listening(self) -> None:
        self.listener.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait for the end of the process."""
        return self.process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for peer in self._peers:
            peer.close()
        self.listener.close()
