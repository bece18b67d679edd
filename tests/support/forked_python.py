"""Starts ``python -m …`` by a fork of a Python that has imported the standard library already.

A runtime that starts costs about 0.1 s of processor time, most of it for modules of the standard
library; one that is forked costs 0.04 s. `make test` asks for forks with ``PYTHON_STARTS=forked``.
Otherwise, and in `make test-all`, every process is started from nothing. The adapter, AWS's
client and the app are imported by each process itself. The garbage collector of a fork ignores
what the fork has from the start (`gc.freeze`), which saves a third of its processor time.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from runpy import run_module
from selectors import EVENT_READ, DefaultSelector
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from selectors import SelectorKey

STANDARD_LIBRARY = (
    *("ast", "asyncio", "base64", "concurrent.futures.thread", "decimal", "encodings.idna"),
    *("fnmatch", "hashlib", "hmac", "importlib.util", "inspect", "ipaddress", "json", "logging"),
    *("numbers", "pathlib", "pickle", "pkgutil", "random", "resource", "ssl", "tempfile"),
    *("textwrap", "tracemalloc", "urllib.parse"),
)
ORDER_BYTES = 200_000  #: the most that a socket takes at once


class ForkedProcess:
    """A process that the server has forked, with what tests use of `subprocess.Popen`."""

    def __init__(self, server: socket.socket, order: dict[str, Any], outputs: list[int]) -> None:
        sys.audit("subprocess.Popen", sys.executable, order["argv"], order["cwd"], order["env"])
        self.returncode: int | None = None
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(server, [json.dumps(order).encode()], [*outputs, theirs.fileno()])
        self.pid = self._receive()

    def poll(self) -> int | None:
        """Return the exit status, if the process has ended."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process; return its exit status."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            self.returncode = self._receive()
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends at this moment
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def _receive(self) -> int:
        number: int = json.loads(self._status.recv(ORDER_BYTES))
        return number


Process = ForkedProcess | subprocess.Popen[bytes]


def start_python(
    command: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    output: IO[bytes],
    pass_fds: Sequence[int] = (),
    imported: tuple[str, ...] = (),
    errors: IO[bytes] | None = None,
) -> Process:
    """Start a process whose output goes to a file: from nothing, or by a fork if that will do.

    What it writes to stderr goes to ``errors`` if that is given. A fork has the modules
    ``imported`` already, which the process would import anyway.
    """
    if is_forkable(command) and not pass_fds:
        order = {"argv": command[2:], "cwd": str(cwd), "env": dict(environ)}
        outputs = [output.fileno(), (errors or output).fileno()]
        return ForkedProcess(fork_server(*imported), order, outputs)
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors or subprocess.STDOUT,
        pass_fds=pass_fds,
    )


def run_python(
    command: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    imported: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Start a process as `start_python` does, wait for its end and return what it has written."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = start_python(command, cwd, environ, output, imported=imported, errors=errors)
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C, or the timeout of the test
            process.kill()
            process.wait()
            raise
        written = []
        for file in (output, errors):
            file.seek(0)
            written.append(file.read().decode())
    return subprocess.CompletedProcess(command, code, *written)


@contextmanager
def python_with_pipe(
    command: Sequence[str], cwd: Path, environ: Mapping[str, str], imported: tuple[str, ...] = ()
) -> Iterator[tuple[Process, io.FileIO]]:
    """Start a process as `start_python` does, with a pipe for its output; wait for its end."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as output:
        with open(writing, "wb") as theirs:
            process = start_python(command, cwd, environ, theirs, imported=imported)
        try:
            yield process, output
        finally:
            process.wait()


def is_forkable(command: Sequence[str]) -> bool:
    """Whether forks are asked for, and the command runs a module with this Python."""
    asked = os.environ.get("PYTHON_STARTS") == "forked"
    return asked and tuple(command[:2]) == (sys.executable, "-m")


@cache
def fork_server(*imported: str) -> socket.socket:
    """Start the server of this process. It ends when its socket is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with theirs:
        number = theirs.fileno()
        command = [sys.executable, __file__, str(number), *imported]
        server = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, pass_fds=[number])
    atexit.register(server.wait)
    atexit.register(ours.close)  # before it is waited for
    return ours


# What follows runs in the server.


class Order(NamedTuple):
    """What a forked process shall run, as ``python -m`` would run it."""

    argv: list[str]
    cwd: str
    env: dict[str, str]


class Server:
    """Forks for each order, and reports how each of its children has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = DefaultSelector()
        self._selector.register(control, EVENT_READ)

    def serve(self) -> Order:
        """Serve for good. Only a forked process returns from here, with its order."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._control:
                    self._report(key)
                elif order := self._fork():
                    return order

    def _fork(self) -> Order | None:
        """Take an order and fork; return the order in the child."""
        message, descriptors, _, _ = socket.recv_fds(self._control, ORDER_BYTES, 3)
        if not message:
            os._exit(0)  # the tests have ended
        *outputs, number = descriptors
        status = socket.socket(fileno=number)
        child = os.fork()
        if child == 0:
            status.close()
            self._close()
            os.dup2(outputs[0], 1)
            os.dup2(outputs[-1], 2)
            for output in outputs:
                os.close(output)
            return Order(**json.loads(message))
        for output in outputs:
            os.close(output)
        status.send(str(child).encode())
        self._selector.register(os.pidfd_open(child), EVENT_READ, (child, status))
        return None

    def _report(self, key: SelectorKey) -> None:
        child, status = key.data
        self._selector.unregister(key.fd)
        os.close(key.fd)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with status, suppress(BrokenPipeError):
            status.send(str(code).encode())

    def _close(self) -> None:
        """Close in a child what belongs to the server."""
        for key in list(self._selector.get_map().values()):
            if key.fileobj is not self._control:
                os.close(key.fd)
                key.data[1].close()
        self._selector.close()
        self._control.close()


def become(order: Order) -> None:
    """Make this process what ``python -m`` with these variables would be."""
    os.environ.update(order.env)
    os.chdir(order.cwd)
    path = order.env.get("PYTHONPATH", "")
    before = [order.cwd, *filter(None, path.split(os.pathsep))]
    sys.path[:] = dict.fromkeys(before + sys.path[1:])  # as `site` keeps each folder once
    sys.argv = ["-m", *order.argv[1:]]
    sys.orig_argv = [sys.executable, "-m", *order.argv]
    if options := order.env.get("PYTHONWARNINGS"):
        sys.warnoptions[:] = options.split(",")
        warnings._processoptions(sys.warnoptions)  # type: ignore[attr-defined]
    if order.env.get("PYTHONUNBUFFERED"):
        for name in ("stdout", "stderr"):
            setattr(sys, name, unbuffered(getattr(sys, name)))
            setattr(sys, f"__{name}__", getattr(sys, name))


def unbuffered(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return the stream as ``PYTHONUNBUFFERED`` makes it."""
    file = open(stream.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        file,
        stream.encoding,
        stream.errors,
        write_through=True,
    )


def main() -> None:
    """Serve; in a forked process, run the module that is ordered."""
    for name in (*STANDARD_LIBRARY, *sys.argv[2:]):
        import_module(name)
    gc.freeze()
    order = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    become(order)
    run_module(order.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
