"""The measures: a table. The docstring of each is printed into ``docs/performance.md``."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .implementations import PYTHON
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from .implementations import Implementation

MIB = 1024 * 1024
WARM_UP = 100
CALLS = {"bare": 2000, "fastapi": 1500, "django": 500}
WARM_SECONDS = 4
"""The time of a measure with slow calls; Web Adapter waits 40 ms for a delayed ACK."""

CHUNKS = 20_000
STAMPS = 400
VALGRIND_CALLS = 100

SPEED = ("MiB/s", "memory above idle, MiB")
COLUMNS_AT_ONCE = ("CPU µs a call", "PSS MiB")

Figures = dict[str, float]


class Measure(NamedTuple):
    """One session of an implementation that gives some figures, each by its unit."""

    title: str
    columns: tuple[str, ...]
    measure: Callable[[Implementation, str], Figures]
    app: str
    streams: bool = False
    """Whether only implementations that stream can be measured."""

    rounds: int = 7

    def fits(self, implementation: Implementation) -> bool:
        """Say whether ``implementation`` can be measured."""
        return (
            self.app in implementation.apps
            and (implementation.streams or not self.streams)
            and (self.measure is not instructions or is_countable(implementation))
        )


def warm(implementation: Implementation, app: str) -> Figures:
    """Calls one after the other, in a process that has served some."""
    with Session(implementation, app) as session:
        slow = session.serve(WARM_UP) / WARM_UP
        calls = min(CALLS[app], max(WARM_UP, int(WARM_SECONDS / slow)))
        cpu = session.cpu_seconds()
        seconds = session.serve(calls)
        cpu = session.cpu_seconds() - cpu
    return {"CPU µs": cpu / calls * 1e6, "wall µs": seconds / calls * 1e6}


def cold(implementation: Implementation, app: str) -> Figures:
    """From the start of the processes to the first byte of the first response."""
    with Session(implementation, app) as session:
        session.serve(1)
        return {"ms": session.milliseconds_to_first_byte(), "PSS MiB": session.pss_bytes() / MIB}


def cold_cache(implementation: Implementation, app: str) -> Figures:
    """The same when no file is in memory, as on a machine that has not run the function before."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    return {"ms": cold(implementation, app)["ms"]}


def chunks(implementation: Implementation, app: str) -> Figures:
    """Chunks of 70 bytes of a long response."""
    return {"CPU µs": _cpu_of_chunk(implementation, app, BENCH_CHUNKS=CHUNKS)}


def chunks_with_turns(implementation: Implementation, app: str) -> Figures:
    """The same with a turn of the event loop before each chunk."""
    return {"CPU µs": _cpu_of_chunk(implementation, app, BENCH_CHUNKS=CHUNKS, BENCH_TURNS=1)}


def _cpu_of_chunk(implementation: Implementation, app: str, **variables: object) -> float:
    with Session(implementation, app, 1, **variables) as session:
        session.serve(1)
        cpu = session.cpu_seconds()
        session.serve(3)
        return (session.cpu_seconds() - cpu) / (3 * CHUNKS) * 1e6


def throughput(implementation: Implementation, app: str) -> Figures:
    """200 MiB in chunks of 64 KiB."""
    with Session(implementation, app) as session:
        session.serve(1)
        idle = session.resident_bytes()
    with Session(implementation, app, BENCH_CHUNKS=3200, BENCH_CHUNK_BYTES=65_536) as session:
        seconds = session.serve(1)
        seconds = min(seconds, session.serve(1))
        peak = session.peak_bytes()
    return dict(zip(SPEED, (200 / seconds, max(0, peak - idle) / MIB), strict=True))


def latency(implementation: Implementation, app: str) -> Figures:
    """From the app's ``send`` to the other end of the socket, for a chunk each 5 ms."""
    with Session(implementation, app, BENCH_CHUNKS=STAMPS, BENCH_STAMPS=1) as session:
        session.serve(2)
        delays = sorted(session.api.delays[20:])
    return {
        "p50 µs": statistics.median(delays) / 1000,
        "p99 µs": delays[int(len(delays) * 0.99)] / 1000,
    }


def at_once(number: int) -> Callable[[Implementation, str], Figures]:
    """Return the measure of ``number`` calls at once."""

    def measure(implementation: Implementation, app: str) -> Figures:
        """Calls at once, in one process where it is concurrent, otherwise in a process for each."""
        with Session(implementation, app, at_once=number) as session:
            session.serve(number * 4)
            cpu = session.cpu_seconds()
            session.serve(number * 20)
            cpu = session.cpu_seconds() - cpu
            memory = session.pss_bytes()
        return {"CPU µs a call": cpu / (number * 20) * 1e6, "PSS MiB": memory / MIB}

    return measure


def instructions(implementation: Implementation, app: str) -> Figures:
    """Instructions in user space of a warm call, by valgrind's cachegrind."""
    few, many = (
        _count(implementation, app, calls) for calls in (VALGRIND_CALLS, 2 * VALGRIND_CALLS)
    )
    return {"thousand": (many - few) / VALGRIND_CALLS / 1000}


def _count(implementation: Implementation, app: str, calls: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counts")
        counting = ("valgrind", "-q", "--tool=cachegrind", "--cache-sim=no")
        command = (*counting, f"--cachegrind-out-file={out}", *implementation.client)
        with Session(implementation._replace(client=command), app, PYTHONHASHSEED=0) as session:
            session.serve(calls)
            session.terminate()
        found = re.search(r"^summary: (\d+)", out.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


def is_countable(implementation: Implementation) -> bool:
    """Say whether instructions can be compared: one Python process."""
    return implementation.client[:1] == PYTHON and not implementation.server


def all_measures() -> list[Measure]:
    """Return the measures that this machine can take."""
    measures = [
        Measure("Warm call, bare", ("CPU µs", "wall µs"), warm, "bare"),
        Measure("Warm call, FastAPI", ("CPU µs", "wall µs"), warm, "fastapi"),
        Measure("Warm call, Django", ("CPU µs", "wall µs"), warm, "django", rounds=5),
        Measure("Start to first byte, bare", ("ms", "PSS MiB"), cold, "bare", rounds=11),
        Measure("Start to first byte, FastAPI", ("ms", "PSS MiB"), cold, "fastapi", rounds=11),
        Measure("Start to first byte, Django", ("ms", "PSS MiB"), cold, "django"),
        Measure("Chunk of 70 bytes", ("CPU µs",), chunks, "bare", streams=True),
        Measure("Chunk, a turn each", ("CPU µs",), chunks_with_turns, "bare", streams=True),
        Measure("200 MiB in 64 KiB chunks", SPEED, throughput, "bare", streams=True),
        Measure("Send to arrival", ("p50 µs", "p99 µs"), latency, "bare", streams=True),
        Measure("16 at once, FastAPI", COLUMNS_AT_ONCE, at_once(16), "fastapi", rounds=3),
        Measure("64 at once, FastAPI", COLUMNS_AT_ONCE, at_once(64), "fastapi", rounds=1),
    ]
    if os.access("/proc/sys/vm/drop_caches", os.W_OK):
        measures.insert(
            6, Measure("Start, no file cached, FastAPI", ("ms",), cold_cache, "fastapi", rounds=5)
        )
    if shutil.which("valgrind"):
        measures += [
            Measure(f"Instructions, {name}", ("thousand",), instructions, app, rounds=1)
            for name, app in (("bare", "bare"), ("FastAPI", "fastapi"), ("Django", "django"))
        ]
    return measures
