"""How many instructions a warm call, a chunk and the import take, by valgrind's cachegrind.

    python -m benchmarks.instructions [CHECKOUT ...]

Each CHECKOUT is a folder with an ``adapter`` package; two of them are compared. Without an argument
it is this one. Times on a shared machine vary by a factor of two with its load, counts of
instructions by 1 %. Counted are the instructions in user space, of the whole process. The cost of
the start is taken off by running with two numbers of calls, or of chunks.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
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
IMPORT = "import adapter, adapter.handler, adapter.native.runtime"
"""What a cold start of the native runtime imports, beside the app."""

STANDARD = "import asyncio, json, logging"
"""What any asyncio program would import."""


class Row(NamedTuple):
    """A runtime, and the app that it serves."""

    name: str
    runtime: tuple[str, ...]
    handler: str


CALL_ROWS = (
    Row("warm call, bare app, native runtime", NATIVE, "bare:app"),
    Row("warm call, bare app, awslambdaric", AWSLAMBDARIC, "bare_handler.handler"),
    Row("warm call, FastAPI, native runtime", NATIVE, "fastapi_app.handler"),
    Row("warm call, FastAPI, awslambdaric", AWSLAMBDARIC, "fastapi_app.handler"),
)
CHUNK_ROW = Row("chunk of 70 bytes, native runtime", NATIVE, "bare:app")


def count(arguments: Sequence[str], environ: Mapping[str, str], api: RuntimeApi | None) -> int:
    """Return the instructions of a Python process; it is ended when ``api`` has been served."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
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
    found = re.search(r"I +refs: +([\d,]+)", errors)
    if found is None:
        raise SystemExit(f"{' '.join(arguments)} was not measured:\n{errors}")
    return int(found[1].replace(",", ""))


def serve(checkout: Path, row: Row, calls: int, chunks: int = 1) -> int:
    """Return the instructions of a process that serves ``calls`` invocations."""
    api = RuntimeApi(calls)
    environ = _environ(checkout) | {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "_HANDLER": row.handler,
        "LAMBDA_TASK_ROOT": str(HERE),
        "BENCH_CHUNKS": str(chunks),
        "BENCH_TURN_SECONDS": "3600",  # so slow a process would give a turn every few chunks
    }
    arguments = row.runtime if row.runtime == NATIVE else (*row.runtime, row.handler)
    instructions = count(arguments, environ, api)
    if len(api.answers) != calls:
        raise SystemExit(f"{row.name}: {len(api.answers)} responses to {calls} calls")
    return instructions


def measure(checkout: Path) -> dict[str, int]:
    """Return every figure of one checkout, by its name."""
    environ = _environ(checkout)
    subprocess.run([sys.executable, "-c", IMPORT], env=environ, check=True)  # writes the bytecode
    without, imported = (count(("-c", code), environ, None) for code in (STANDARD, IMPORT))
    figures = {"import of adapter and native runtime": imported - without}
    few, many = (
        serve(checkout, CHUNK_ROW, CHUNK_CALLS, chunks) for chunks in (CHUNKS // 2, 3 * CHUNKS // 2)
    )
    figures[CHUNK_ROW.name] = (many - few) // (CHUNK_CALLS * CHUNKS)
    for row in CALL_ROWS:
        few, many = (serve(checkout, row, calls) for calls in (CALLS, 2 * CALLS))
        figures[row.name] = (many - few) // CALLS
    return figures


def _environ(checkout: Path) -> dict[str, str]:
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(checkout), str(HERE), str(HERE.parent)])
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling would count as importing
    return environ


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
        print(f"{name:46}" + "".join(f"{figure:13,}" for figure in figures) + ratio)


if __name__ == "__main__":
    main()
