"""An implementation that runs: its processes, the calls that they serve, and what they use."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .implementations import HERE, environ
from .runtime_api import SENT, RuntimeApi

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .implementations import Implementation

SERVED_SECONDS = 180
STARTED_SECONDS = 60
EXPECTED = {"bare": b"xxx", "fastapi": b"sum", "django": b"sum"}


class Session:
    """The processes of one implementation, for calls of one app.

    ``at_once`` is how many calls the implementation can serve at once: one that is not concurrent
    gets as many environments, as on Lambda. ``variables`` are environment variables for the app.
    """

    def __init__(
        self, implementation: Implementation, app: str, at_once: int = 1, **variables: object
    ) -> None:
        self._implementation = implementation
        self._app = app
        self._at_once = at_once
        self.api = RuntimeApi(quick_ack=implementation.quick_ack)
        self._extra = {name: str(value) for name, value in variables.items()}
        if implementation.concurrent and at_once > 1:
            self._extra["AWS_LAMBDA_MAX_CONCURRENCY"] = str(at_once)
        self._connections: list[http.client.HTTPConnection] = []
        self._running: list[subprocess.Popen[bytes]] = []
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        try:
            for _ in range(1 if self._implementation.concurrent else self._at_once):
                self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._running:
            process.wait()
        for connection in self._connections:
            connection.close()
        self.api.close()

    def terminate(self) -> None:
        """End the processes by SIGTERM, and wait until they have ended."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(SERVED_SECONDS)

    def _start(self) -> None:
        port = _free_port()
        variables = environ(self._implementation, self._app, self.api.address, port) | self._extra
        for command in (self._implementation.server, self._implementation.client):
            if command:
                process = subprocess.Popen(
                    [part.format(port=port) for part in command],
                    env=variables,
                    cwd=HERE,
                    start_new_session=True,
                    stdout=subprocess.DEVNULL,
                )
                self._running.append(process)
        if self._implementation.is_http_server:
            self._connections += [self._connect(port) for _ in range(self._at_once)]

    def _connect(self, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        deadline = time.monotonic() + STARTED_SECONDS
        while True:
            try:
                connection.connect()
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
            else:
                return connection

    def serve(self, calls: int) -> float:
        """Serve ``calls`` calls, ``at_once`` of them at a time; return seconds."""
        start = time.perf_counter()
        if self._implementation.is_http_server:
            self._request(calls)
        else:
            self.api.deliver(calls)
            self._wait()
        seconds = time.perf_counter() - start
        if EXPECTED[self._app] not in self.api.last:
            raise SystemExit(f"{self._implementation.name}: a wrong response: {self.api.last!r}")
        return seconds

    def _wait(self) -> None:
        deadline = time.monotonic() + SERVED_SECONDS
        while not self.api.is_served(1):
            ended = [process.args for process in self._running if process.poll() is not None]
            if ended or self.api.failures or time.monotonic() > deadline:
                raise SystemExit(
                    f"{self._implementation.name} did not serve all calls of {self._app};"
                    f" processes that ended: {ended}; errors: {self.api.failures}"
                )

    def _request(self, calls: int) -> None:
        """Send requests to an HTTP server, and record the responses in ``api``."""
        shares = [calls // self._at_once] * self._at_once
        with ThreadPoolExecutor(self._at_once) as pool:
            for _ in pool.map(self._get, self._connections, shares):
                pass  # raises the error of a request

    def _get(self, connection: http.client.HTTPConnection, calls: int) -> None:
        for _ in range(calls):
            connection.request("GET", "/bench?a=1&b=2")
            response = connection.getresponse()
            while data := response.read1(1 << 20):
                self.api.first_byte = self.api.first_byte or time.perf_counter()
                now = time.monotonic_ns()
                self.api.delays += [now - int(sent) for sent in SENT.findall(data)]
                self.api.last = data
            response.close()  # read1() does not at its end, on Python 3.11

    def milliseconds_to_first_byte(self) -> float:
        """Return the time from the start of the processes to the first byte of a body."""
        return (self.api.first_byte - self._started) * 1000

    def cpu_seconds(self) -> float:
        """Return user and system time of all processes so far, to the nanosecond."""
        nanoseconds = 0
        for pid in self._pids():
            with suppress(OSError):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    nanoseconds += int((thread / "schedstat").read_text().split()[0])
        return nanoseconds / 1e9

    def pss_bytes(self) -> int:
        """Return the memory of the processes, shared pages divided among them (PSS)."""
        return self._memory("smaps_rollup", "Pss")

    def peak_bytes(self) -> int:
        """Return the sum of the processes' peaks of resident memory."""
        return self._memory("status", "VmHWM")

    def resident_bytes(self) -> int:
        """Return the sum of the processes' resident memory."""
        return self._memory("status", "VmRSS")

    def _memory(self, file: str, name: str) -> int:
        kibibytes = 0
        for pid in self._pids():
            with suppress(OSError):
                text = Path(f"/proc/{pid}/{file}").read_text()
                kibibytes += int(text.partition(f"\n{name}:")[2].split()[0])
        return kibibytes * 1024

    def _pids(self) -> list[int]:
        found = [process.pid for process in self._running]
        for pid in found:  # grows while it is read
            with suppress(OSError):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (thread / "children").read_text().split())
        return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
