"""How long a cold start takes: from the start of the process to the first byte of its response.

    python -m benchmarks.start [--rounds N] [--instructions]

A function without a framework, compared with ``raw_loop.py``, and a FastAPI app, compared with
AWS's client with Mangum, each from files and from packed imports, with the function's files in the
page cache and without. The functions are packaged by `adapter package`, which takes them from the
package index. The implementations are started one after the other. Printed are medians with minimum
and maximum, and the median of the ratios to the first of a group: wall time, user + system time,
and peak memory of the process.
``--instructions`` counts instructions by valgrind, which the load of a machine does not change.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from adapter.imports.packed import NAME, PackedFile
from adapter.package import THIS_PYTHON
from adapter.package.build import build
from adapter.package.bytecode import ON_LAMBDA, PTH, compile_folder, pack_imports
from adapter.package.project import find_project
from adapter.package.resolve import Platform
from adapter.package.tree import unpack_archive

from .runtime_api import event_response

HERE = Path(__file__).parent
PYTHON: str = getattr(sys, "_base_executable", sys.executable)
SECONDS = 300

#: what bootstrap.py of AWS's runtimes does before its client starts
MANAGED = """
import os, site, sys
root = os.environ["LAMBDA_TASK_ROOT"]
sys.path.insert(0, root)
site.addsitedir(root)
from awslambdaric.__main__ import main
main([root, os.environ["_HANDLER"]])
"""


class Implementation(NamedTuple):
    """A runtime, what it runs, and the function's folder, below that of the benchmark."""

    name: str
    command: tuple[str, ...]
    handler: str
    folder: str
    is_cold: bool = False

    @property
    def group(self) -> tuple[str, bool]:
        """Implementations that are compared."""
        return self.folder.partition("-")[0], self.is_cold


NATIVE = ("-m", "adapter", "run")
AWS = ("-c", MANAGED)
RAW_LOOP = Implementation("raw loop", (str(HERE / "raw_loop.py"),), "bare.app", "bare-files")
IMPLEMENTATIONS = (
    RAW_LOOP,
    Implementation("native", NATIVE, "bare:app", "bare-files"),
    Implementation("native, packed", NATIVE, "bare:app", "bare-packed"),
    *(
        Implementation(name, command, handler, f"fastapi-{kind}", is_cold)
        for is_cold in (False, True)
        for name, command, handler, kind in (
            ("awslambdaric + Mangum", AWS, "with_mangum.handler", "files"),
            ("awslambdaric + Mangum, packed", AWS, "with_mangum.handler", "packed"),
            ("awslambdaric + adapter", AWS, "lambda_function.lambda_handler", "files"),
            ("awslambdaric + adapter, packed", AWS, "lambda_function.lambda_handler", "packed"),
            ("native", NATIVE, "fastapi_app:app", "files"),
            ("native, packed", NATIVE, "fastapi_app:app", "packed"),
        )
    ),
)


class Start(NamedTuple):
    """What a cold start took."""

    milliseconds: float
    cpu_milliseconds: float
    peak_mib: float


class RuntimeApi:
    """Delivers one event, and notes when the first byte of its response is here."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.first_byte_at = 0.0
        self.response = threading.Event()
        self._is_delivered = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = connection.recv(65536)
            if head.startswith(b"GET") and not self._is_delivered:
                self._is_delivered = True
                connection.sendall(event_response(0))
                head = connection.recv(65536)
            if head.startswith(b"POST"):
                self.first_byte_at = time.perf_counter()
                self.response.set()
                while connection.recv(65536):  # until the process is killed
                    pass

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def start(
    implementation: Implementation, root: Path, tool: tuple[str, ...] = ()
) -> tuple[Start, str]:
    """Start an implementation, wait for its response, and end it; return its errors, too."""
    api = RuntimeApi()
    folder = root / implementation.folder
    is_aws = implementation.command == AWS
    awslambdaric = str(distribution("awslambdaric").locate_file(""))
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{THIS_PYTHON}",
        "ADAPTER_SHUTDOWN": "off",
        "_HANDLER": implementation.handler,
        "LAMBDA_TASK_ROOT": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder), *([awslambdaric] if is_aws else [])]),
        "PYTHONHASHSEED": "0",
    }
    if implementation.is_cold:
        forget(folder)
    started = time.perf_counter()
    process = subprocess.Popen(
        [*tool, PYTHON, *implementation.command], env=environ, cwd=folder, stderr=subprocess.PIPE
    )
    is_there = api.response.wait(SECONDS)
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    # A tool cannot report after SIGKILL. No runtime handles SIGUSR2, so its end is not counted.
    process.send_signal(signal.SIGUSR2 if tool else signal.SIGKILL)
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    api.close()
    if not is_there:
        raise SystemExit(f"{implementation.name} did not respond:\n{errors}")
    milliseconds = (api.first_byte_at - started) * 1000
    cpu = (usage.ru_utime + usage.ru_stime) * 1000
    return Start(milliseconds, cpu, int(peak[1]) / 1024 if peak else 0.0), errors


def forget(folder: Path) -> None:
    """Drop a folder's files from the page cache."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def instructions(implementation: Implementation, root: Path) -> float:
    """Return the million instructions of a cold start, in user space."""
    tool = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    _, errors = start(implementation, root, tool)
    found = re.search(r"I +refs: +([\d,]+)", errors)
    if found is None:
        raise SystemExit(f"{implementation.name} was not measured:\n{errors}")
    return int(found[1].replace(",", "")) / 1e6


def prepare(root: Path) -> None:
    """Package the functions, once with packed imports and once without."""
    for name, modules, needs in (
        ("bare", ("bare.py",), ""),
        ("fastapi", ("fastapi_app.py",), "fastapi\nmangum\n"),
    ):
        source = root / "project" / name
        (source / ".git").mkdir(parents=True)
        for module in modules:
            shutil.copy(HERE / module, source)
        (source / "requirements.txt").write_text(needs)
        if name == "fastapi":
            (source / "with_mangum.py").write_text(WITH_MANGUM)
        for kind in ("files", "packed"):
            folder = root / f"{name}-{kind}"
            archive = root / f"{name}-{kind}.zip"
            target = f"{Path(modules[0]).stem}:app"
            build(find_project(source), target, Platform(machine(), THIS_PYTHON), archive)
            unpack_archive(archive, folder)
            compile_folder(folder, str(folder))
            if kind == "packed":
                before = PackedFile(ON_LAMBDA, (folder / NAME).read_bytes())
                pack_imports(folder, before.paths, str(folder))
            else:
                (folder / NAME).unlink()
                (folder / PTH[0]).unlink()
    os.sync()  # only what is on the disk can be dropped from the page cache


#: without the adapter, which ``fastapi_app`` would import by default
WITH_MANGUM = """
import os
os.environ["BENCH_ADAPTER"] = "mangum"
from fastapi_app import handler
"""


def machine() -> str:
    """Return Lambda's name of this machine's processor."""
    return "arm64" if os.uname().machine == "aarch64" else "x86_64"


def report(rounds: list[dict[Implementation, tuple[float, ...]]], units: tuple[str, ...]) -> None:
    """Print the figures of each implementation."""
    firsts: dict[tuple[str, bool], Implementation] = {}
    for implementation in rounds[0]:
        if implementation.group not in firsts:
            firsts[implementation.group] = implementation
            name, is_cold = implementation.group
            print(f"\n{name}{', files not in the page cache' if is_cold else ''}")
        columns = [f"  {implementation.name:32}"]
        for number, unit in enumerate(units):
            values = [each[implementation][number] for each in rounds]
            ratio = statistics.median(
                each[implementation][number] / each[firsts[implementation.group]][number]
                for each in rounds
            )
            columns.append(
                f"{statistics.median(values):8.1f} {unit} ({min(values):.1f} to {max(values):.1f})"
                f" {ratio:5.3f} ×"
            )
        print("   ".join(columns))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure cold starts.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--instructions", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="start-") as scratch:
        root = Path(scratch)
        prepare(root)
        print(f"Python {sys.version.split()[0]}, {arguments.rounds} rounds")
        if arguments.instructions:
            warm = [
                implementation for implementation in IMPLEMENTATIONS if not implementation.is_cold
            ]
            report([{each: (instructions(each, root),) for each in warm}], ("M instructions",))
            return
        rounds: list[dict[Implementation, tuple[float, ...]]] = [
            {each: start(each, root)[0] for each in IMPLEMENTATIONS}
            for _ in range(arguments.rounds)
        ]
        report(rounds, ("ms", "ms CPU", "MiB"))


if __name__ == "__main__":
    main()
