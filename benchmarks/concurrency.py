"""The cost of a concurrent environment: 64 slow event streams in one process.

    python -m benchmarks.concurrency

1. Behind ``adapter dev --concurrency 64``: the memory of the one process with 64 streams open, as
   a multiple of what it has when idle, and what a 65th request gets.
2. The time from the app's ``send`` to the other end of the socket, for 63 slow streams while one
   stream never awaits anything but ``send``; at the Runtime API, which reads as fast as it can, and
   at the clients of ``adapter dev``, which throttles the busy stream as Lambda does.
3. CPU for each chunk of a response of a million chunks, compared with one of ten thousand.

Linux only: it reads ``/proc``. Figures vary with the load of the machine.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .runtime_api import ACCEPTED, event_response
from .streaming import ADAPTER, HERE, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = 64
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SENT = re.compile(rb"data: (\d+)\n")
MIB = 1024 * 1024


class Reader(threading.Thread):
    """Reads a connection to its end; ``gaps`` has the nanoseconds that each event was on its way.

    A thread each, because what reads the busy stream must not keep the others waiting.
    """

    def __init__(self, connection: socket.socket, has_events: bool) -> None:
        super().__init__(daemon=True)
        self.gaps: list[int] = []
        self.size = 0
        self.begun = threading.Event()
        self._connection = connection
        self._has_events = has_events

    def run(self) -> None:
        """Read, until the other side closes or the response is over."""
        rest = b""
        with suppress(OSError):
            while data := self._connection.recv(1 << 18):
                now = time.monotonic_ns()
                self.begun.set()
                self.size += len(data)
                if self._has_events:
                    self.gaps += [now - int(sent) for sent in SENT.findall(rest + data)]
                    rest = (rest + data)[(rest + data).rfind(b"\n") + 1 :]
                if data.endswith(b"0\r\n\r\n"):
                    return


def percentile(gaps: list[int], share: float) -> float:
    """Return milliseconds."""
    return sorted(gaps)[int(len(gaps) * share)] / 1e6


def show_gaps(where: str, readers: list[Reader], busy: Reader) -> None:
    """Print how long events were on their way."""
    gaps = [gap for reader in readers for gap in reader.gaps]
    print(
        f"{where:40} p50 {percentile(gaps, 0.5):6.2f} ms   p99 {percentile(gaps, 0.99):6.2f} ms"
        f"   max {max(gaps) / 1e6:6.2f} ms   ({len(gaps)} events;"
        f" busy stream: {busy.size / MIB / SECONDS:.0f} MiB/s)",
        flush=True,
    )


# 1: the local Lambda


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def settled(pid: int) -> int:
    """Return the memory of a process when it has stopped changing."""
    before = -1
    while (now := resident(pid)) != before:
        before = now
        time.sleep(0.5)
    return now


@contextmanager
def local_lambda() -> Iterator[tuple[int, int]]:
    """Start ``adapter dev``; give its port, and the process id of the one environment."""
    target = f"{HERE / 'concurrent_app.py'}:app"
    options = ("--concurrency", str(STREAMS), "--port", "0", "--timeout", "900")
    command = (sys.executable, "-m", "adapter", "dev", target, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().split("://")[1].split()[0].rpartition(":")[2])
            threading.Thread(target=process.stdout.read, daemon=True).start()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not (pids := children.read_text().split()):
                time.sleep(0.05)
            yield port, int(pids[-1])
        finally:
            process.terminate()
            process.wait()


def get(port: int, path: str) -> socket.socket:
    """Ask for ``path``."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def read_all(port: int, paths: list[str], opened: Callable[[], None]) -> list[Reader]:
    """Ask for all ``paths`` at once and read the responses; say when all have begun."""
    readers = [Reader(get(port, path), path != "/busy") for path in paths]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.begun.wait(30)
    opened()
    for reader in readers:
        reader.join()
    return readers


def measure_memory(port: int, pid: int) -> None:
    """Print what 64 streams need, and what a 65th gets."""
    idle = settled(pid)

    def opened() -> None:
        time.sleep(SECONDS / 2)
        held = resident(pid)
        with get(port, "/slow") as refused:
            response = refused.recv(65536).split(b"\r\n")[0].decode()
        print(
            f"{'64 streams in one process':40} {held / MIB:.1f} MiB, idle {idle / MIB:.1f} MiB:"
            f" × {held / idle:.2f}\n{'the 65th gets':40} {response}",
            flush=True,
        )

    readers = read_all(port, ["/slow"] * STREAMS, opened)
    events = [len(reader.gaps) for reader in readers]
    print(f"{'events each got':40} {min(events)} to {max(events)}", flush=True)


# 2: the Runtime API, read as fast as it can be


def measure_gaps() -> None:
    """Print how long events are on their way to a Runtime API that reads at once."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=STREAMS)
    environ = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
        "AWS_LAMBDA_MAX_CONCURRENCY": str(STREAMS),
        "_HANDLER": "concurrent_app:app",
        "LAMBDA_TASK_ROOT": str(HERE),
    }
    process = subprocess.Popen(ADAPTER, env=environ, cwd=HERE.parent)
    waiting = []
    for _ in range(STREAMS):
        connection, _ = listener.accept()
        connection.recv(65536)  # its `next`
        waiting.append(connection)
    readers = []
    for number, connection in enumerate(waiting):
        event = event_response(number)
        connection.sendall(event if number else event.replace(b"/bench", b"/busy?"))
        readers.append(Reader(connection, bool(number)))
        readers[-1].start()
    for reader in readers:
        reader.join()
    for connection in waiting:
        connection.sendall(ACCEPTED)
    process.kill()
    process.wait()
    show_gaps("from send to the Runtime API", readers[1:], readers[0])


# 3: long responses


def measure_long_responses() -> None:
    """Print what a chunk costs in a response of a million, against one of ten thousand."""
    ratios = []
    for _ in range(ROUNDS):
        start = run(ADAPTER, 1).cpu
        short = run(ADAPTER, 100, chunks=10_000).cpu - start
        long = run(ADAPTER, 1, chunks=1_000_000).cpu - start
        ratios.append(long / short)
        print(
            f"{'CPU per chunk of 1 000 000, of 10 000':40} {long:.2f} µs, {short:.2f} µs",
            flush=True,
        )
    print(f"{'ratio, median':40} × {statistics.median(ratios):.2f}")


def main() -> None:
    """Print every figure."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, {STREAMS} streams")
    with local_lambda() as (port, pid):
        measure_memory(port, pid)
    with local_lambda() as (port, pid):
        settled(pid)
        readers = read_all(port, ["/busy", *["/slow"] * (STREAMS - 1)], lambda: None)
        show_gaps("from send to the client of adapter dev", readers[1:], readers[0])
    measure_gaps()
    measure_long_responses()


if __name__ == "__main__":
    main()
