"""How many instructions a warm call, a chunk and the import take, and how many system calls.

    python -m benchmarks.instructions [CHECKOUT ...]

Each CHECKOUT is a folder with an ``adapter`` package; two of them are compared. Without an argument
it is this one. Times on a shared machine vary by a factor of two with its load, counts of
instructions by 1 %. Counted are the instructions in user space, of the whole process, by valgrind's
cachegrind, and the system calls, by strace if that is installed. The cost of the start is taken off
by running with two numbers of calls, or of chunks. The figures of ``raw_loop.py`` and of
`awslambdaric` with Mangum are printed too.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from compileall import compile_dir
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .managed import RuntimeApi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
CALLS = 200
CHUNKS = 100
CHUNK_CALLS = 20
"""Responses of so few chunks that the socket takes them all, however busy the reader is."""

SECONDS = 300
"""How long a process may take under valgrind, where it runs some fifty times slower."""

NATIVE = ("-m", "adapter", "run")
AWSLAMBDARIC = ("-m", "awslambdaric")
RAW_LOOP = (str(HERE / "raw_loop.py"),)
IMPORT = "import adapter, adapter.handler, adapter.native.runtime"
"""The imports of a cold start of the native runtime, without the app."""

STANDARD = "import asyncio, json, logging"
"""The imports of any asyncio program."""


class Row(NamedTuple):
    """A runtime, and the app that it serves."""

    name: str
    runtime: tuple[str, ...]
    handler: str
    adapter: str = "adapter"


CALL_ROWS = (
    Row("warm call, bare app, native runtime", NATIVE, "bare:app"),
    Row("warm call, bare app, awslambdaric", AWSLAMBDARIC, "bare_handler.handler"),
    Row("warm call, FastAPI, native runtime", NATIVE, "fastapi_app.handler"),
    Row("warm call, FastAPI, awslambdaric", AWSLAMBDARIC, "fastapi_app.handler"),
)
PEER_ROWS = (
    Row("warm call, bare app, raw loop", RAW_LOOP, "bare.app"),
    Row("warm call, FastAPI, raw loop", RAW_LOOP, "fastapi_app.app"),
    Row("warm call, FastAPI, Mangum", AWSLAMBDARIC, "fastapi_app.handler", "mangum"),
)
CHUNK_ROW = Row("chunk of 70 bytes, native runtime", NATIVE, "bare:app")

INSTRUCTIONS = (
    ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
    re.compile(r"I +refs: +([\d,]+)"),
)
SYSTEM_CALLS = (("strace", "-f", "-c"), re.compile(r"(\d+) +(?:\d+ +)?total"))


def count(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    api: RuntimeApi | None,
    tool: tuple[tuple[str, ...], re.Pattern[str]] = INSTRUCTIONS,
) -> int:
    """Return what ``tool`` counts in a Python process; it is ended when ``api`` has been served."""
    command, pattern = tool
    process = subprocess.Popen(
        [*command, sys.executable, *arguments],
        env={**environ, "PYTHONHASHSEED": "0"},
        cwd=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if api is not None:
        if not api.served.wait(SECONDS):
            process.kill()
        process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=SECONDS)
    found = pattern.search(errors)
    if found is None:
        raise SystemExit(f"{' '.join(arguments)} was not measured:\n{errors}")
    return int(found[1].replace(",", ""))


def serve(
    checkout: Path,
    row: Row,
    calls: int,
    chunks: int = 1,
    tool: tuple[tuple[str, ...], re.Pattern[str]] = INSTRUCTIONS,
) -> int:
    """Return what ``tool`` counts in a process that serves ``calls`` invocations."""
    _compile(checkout)
    api = RuntimeApi(calls)
    environ = _environ(checkout) | {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "_HANDLER": row.handler,
        "LAMBDA_TASK_ROOT": str(HERE),
        "BENCH_ADAPTER": row.adapter,
        "BENCH_CHUNKS": str(chunks),
        "BENCH_TURN_SECONDS": "3600",  # so slow a process would give a turn every few chunks
    }
    arguments = (*row.runtime, row.handler) if row.runtime == AWSLAMBDARIC else row.runtime
    counted = count(arguments, environ, api, tool)
    if len(api.replies) != calls:
        raise SystemExit(f"{row.name}: {len(api.replies)} responses to {calls} calls")
    return counted


def per_call(checkout: Path, row: Row) -> int:
    """Return the instructions of a warm call."""
    few, many = (serve(checkout, row, calls) for calls in (CALLS, 2 * CALLS))
    return (many - few) // CALLS


def per_chunk(checkout: Path, row: Row) -> int:
    """Return the instructions of a chunk in mid-stream."""
    few, many = (
        serve(checkout, row, CHUNK_CALLS, chunks) for chunks in (CHUNKS // 2, 3 * CHUNKS // 2)
    )
    return (many - few) // (CHUNK_CALLS * CHUNKS)


def per_import(checkout: Path, code: str, without: str) -> int:
    """Return how many more instructions ``code`` takes than ``without``, in new processes."""
    _compile(checkout)
    environ = _environ(checkout)
    fewer, more = (count(("-c", each), environ, None) for each in (without, code))
    return more - fewer


def system_calls(checkout: Path, row: Row) -> int:
    """Return the system calls of a warm call."""
    few, many = (serve(checkout, row, calls, 1, SYSTEM_CALLS) for calls in (CALLS, 2 * CALLS))
    return round((many - few) / CALLS)


def measure(checkout: Path) -> dict[str, int]:
    """Return every figure of one checkout, by its name."""
    figures = {"import of adapter and native runtime": per_import(checkout, IMPORT, STANDARD)}
    figures[CHUNK_ROW.name] = per_chunk(checkout, CHUNK_ROW)
    for row in CALL_ROWS:
        figures[row.name] = per_call(checkout, row)
        if shutil.which("strace"):
            figures[f"system calls: {row.name}"] = system_calls(checkout, row)
    return figures


@cache
def _compile(checkout: Path) -> None:
    """Write the bytecode: compiling would count for the first process that imports a module."""
    for folder in (checkout / "adapter", HERE):
        compile_dir(folder, quiet=1)


def _environ(checkout: Path) -> dict[str, str]:
    folders = [str(checkout), str(HERE), str(HERE.parent)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)}


def main() -> None:
    """Print the figures, and those of the last checkout as a multiple of the first."""
    if shutil.which("valgrind") is None:
        raise SystemExit(
            "Counting instructions needs valgrind, which runs on Linux: apt-get install valgrind"
        )
    checkouts = [Path(name).resolve() for name in sys.argv[1:]] or [HERE.parent]
    print(f"Python {sys.version.split()[0]}, instructions")
    columns = [measure(checkout) for checkout in checkouts]
    for name in columns[0]:
        figures = [column[name] for column in columns]
        ratio = f"{figures[-1] / figures[0]:8.3f} ×" if len(figures) > 1 else ""
        print(f"{name:55}" + "".join(f"{figure:13,}" for figure in figures) + ratio)
    for row in PEER_ROWS:
        print(f"{row.name:55}{per_call(checkouts[-1], row):13,}", flush=True)


if __name__ == "__main__":
    main()
