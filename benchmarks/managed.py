"""The cost of a call under AWS's own Python runtime: this adapter, compared with Mangum.

    python3.13 -m benchmarks.managed

It has to be Python 3.12 or later: from there on, with ``AWS_EXECUTION_ENV`` as Lambda sets it,
`awslambdaric` requests events in a separate thread, and most functions run on such a version.
The same FastAPI app is served by `awslambdaric` and Mangum, by `awslambdaric` and this adapter,
by the adapter's own runtime, and by ``raw_loop.py``, one after the other; printed are medians, and
the medians of the ratios to the first. CPU is user + system time of the whole process, as in
``streaming.py``.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .runtime_api import ACCEPTED, event_response

if TYPE_CHECKING:
    from io import BufferedReader

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
FEW, MANY = 200, 2200
AWSLAMBDARIC = (sys.executable, "-m", "awslambdaric", "fastapi_app.handler")
NATIVE = (sys.executable, "-m", "adapter", "run")
RAW_LOOP = (sys.executable, str(HERE / "raw_loop.py"))


class Implementation(NamedTuple):
    """A runtime and an adapter."""

    name: str
    command: tuple[str, ...]
    adapter: str
    handler: str = "fastapi_app.handler"


IMPLEMENTATIONS = (
    Implementation("awslambdaric + Mangum", AWSLAMBDARIC, "mangum"),
    Implementation("awslambdaric + adapter", AWSLAMBDARIC, "adapter"),
    Implementation("native runtime", NATIVE, "adapter"),
    Implementation("raw loop", RAW_LOOP, "adapter", "fastapi_app.app"),
)


class RuntimeApi:
    """Replies to `next` with an event ``calls`` times, then no more, on any connection."""

    def __init__(self, calls: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._calls = calls
        self._delivered = 0
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.replies: list[bytes] = []
        self.served = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader, suppress(ConnectionError):
            while True:
                head = _head(reader)
                if head[0].startswith(b"POST"):
                    self.replies.append(_body(reader, head))
                    connection.sendall(ACCEPTED)
                elif self._delivered < self._calls:
                    connection.sendall(event_response(self._delivered))
                    self._delivered += 1
                else:
                    self.served.set()


def _head(reader: BufferedReader) -> list[bytes]:
    lines = []
    while line := _line(reader).rstrip():
        lines.append(line)
    return lines


def _body(reader: BufferedReader, head: list[bytes]) -> bytes:
    fields = dict(line.lower().split(b": ", 1) for line in head[1:])
    if b"content-length" in fields:
        return reader.read(int(fields[b"content-length"]))
    body = b""
    while size := int(_line(reader), 16):
        body += reader.read(size + 2)[:-2]
    _line(reader)
    return body


def _line(reader: BufferedReader) -> bytes:
    """Return the next line.

    Raises:
        ConnectionError: the other process has ended, perhaps in the middle of a request.
    """
    line = reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError("The connection ended in the middle of a request, or before it.")
    return line


def cpu(implementation: Implementation, calls: int) -> float:
    """Return the seconds of CPU of a process that serves ``calls`` invocations."""
    api = RuntimeApi(calls)
    environ = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "_HANDLER": implementation.handler,
        "LAMBDA_TASK_ROOT": str(HERE),
        "BENCH_ADAPTER": implementation.adapter,
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
    }
    process = subprocess.Popen(implementation.command, env=environ, cwd=HERE)
    if not api.served.wait(120):
        raise SystemExit(f"{implementation.name} did not serve {calls} calls")
    process.send_signal(signal.SIGKILL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    if len(api.replies) != calls or not all(b"sum" in reply for reply in api.replies):
        raise SystemExit(
            f"{implementation.name} gave wrong responses, for example {api.replies[-1:]}"
        )
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the figures."""
    if sys.version_info < (3, 12):
        print("Run it on Python 3.12 or later: awslambdaric is another program there.")
    print(f"Python {sys.version.split()[0]}, medians of {ROUNDS} runs in turn")
    rounds = [
        [(cpu(each, MANY) - cpu(each, FEW)) / (MANY - FEW) * 1e6 for each in IMPLEMENTATIONS]
        for _ in range(ROUNDS)
    ]
    for number, implementation in enumerate(IMPLEMENTATIONS):
        microseconds = statistics.median(costs[number] for costs in rounds)
        ratio = statistics.median(costs[number] / costs[0] for costs in rounds)
        print(f"{implementation.name:24} {microseconds:8.1f} µs CPU a call   ratio {ratio:5.2f}")


if __name__ == "__main__":
    main()
