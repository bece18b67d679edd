"""What the native runtime costs, as a multiple of ``floor.py`` in the same run.

    python -m benchmarks.streaming

Both programs are run in turn, A B A B, and the median of the ratios is printed: single times on
a shared machine say little. CPU is user + system time of the whole process, by the operating
system's account; what start-up costs is taken off by running with two numbers of calls.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .runtime_api import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
FLOOR = (sys.executable, str(HERE / "floor.py"))
ADAPTER = (sys.executable, "-m", "adapter", "run")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
MIB = 1024 * 1024


class Run(NamedTuple):
    """What one process did."""

    seconds_to_next: float
    seconds: float  #: from the first `next` to the last
    cpu: float
    rss_growth: int  #: bytes, from the first call to the last


def run(command: Sequence[str], calls: int, chunks: int = 1, chunk_bytes: int = 70) -> Run:
    """Start ``command``, let it serve ``calls`` invocations, and kill it."""
    resident: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def on_call(number: int) -> None:
        if number in (0, calls) and process is not None:
            resident.append(_resident(process.pid))

    api = RuntimeApi(calls, on_call)
    environ = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "_HANDLER": "bare:app",
        "LAMBDA_TASK_ROOT": str(HERE),
        "BENCH_CHUNKS": str(chunks),
        "BENCH_CHUNK_BYTES": str(chunk_bytes),
    }
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environ, cwd=HERE.parent)
    if not api.served.wait(120):
        raise SystemExit(f"{command} did not serve {calls} calls")
    end = time.perf_counter()
    process.send_signal(signal.SIGKILL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Run(
        api.first_next - start,
        end - api.first_next,
        usage.ru_utime + usage.ru_stime,
        resident[-1] - resident[0],
    )


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # not Linux
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def compare(what: str, unit: str, measure: Callable[[Sequence[str]], float]) -> None:
    """Measure both in turn and print the median of the ratios."""
    floors, ours = [], []
    for _ in range(ROUNDS):
        floors.append(measure(FLOOR))
        ours.append(measure(ADAPTER))
    ratio = statistics.median(o / f for o, f in zip(ours, floors, strict=True))
    floor, our = statistics.median(floors), statistics.median(ours)
    print(f"{what:32} {our:10.2f} {unit:6} floor {floor:10.2f}   ratio {ratio:5.2f}", flush=True)


def cpu_per_call(command: Sequence[str]) -> float:
    """Microseconds of CPU for a warm call with one chunk."""
    return (run(command, 3000).cpu - run(command, 200).cpu) / 2800 * 1e6


def cpu_per_chunk(command: Sequence[str]) -> float:
    """Microseconds of CPU for a chunk of 70 bytes."""
    return (run(command, 2, chunks=30_000).cpu - run(command, 2, chunks=1000).cpu) / 58_000 * 1e6


def throughput(command: Sequence[str]) -> float:
    """MiB/s for 200 MiB in chunks of 64 KiB."""
    return 200 / run(command, 1, chunks=3200, chunk_bytes=65_536).seconds


def import_cost() -> float:
    """Milliseconds that the public import adds to asyncio and json."""
    code = (
        "import asyncio, json, time; start = time.perf_counter();"
        "from adapter import LambdaHandler; print(time.perf_counter() - start)"
    )
    times = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=HERE.parent))
        for _ in range(ROUNDS)
    ]
    return statistics.median(times) * 1000


def main() -> None:
    """Print every figure."""
    print(f"Python {sys.version.split()[0]}, medians of {ROUNDS} runs in turn")
    print(f"{'import LambdaHandler':32} {import_cost():10.2f} ms")
    compare("spawn to first next", "ms", lambda command: run(command, 1).seconds_to_next * 1000)
    compare("CPU per warm call", "µs", cpu_per_call)
    compare("CPU per 70-byte chunk", "µs", cpu_per_chunk)
    compare("200 MiB in 64 KiB chunks", "MiB/s", throughput)
    growth = run(ADAPTER, 3, chunks=3200, chunk_bytes=65_536).rss_growth
    print(f"{'RSS growth over 400 MiB':32} {growth / MIB:10.2f} MiB")


if __name__ == "__main__":
    main()
