"""The cost of the local Lambda, and its maximum load.

    python -m benchmarks.local_lambda             # all, a little over a minute
    python -m benchmarks.local_lambda --seconds 5 # fewer seconds of server-sent events

Each number is that of one run: single times on a shared machine say little, so the warm calls are
compared with uvicorn with the same app, one after the other; the median of the differences counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .streaming import _resident

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "benchmarks.local_app:app"
ROOT = Path(__file__).parent.parent
DEV = (sys.executable, "-m", "adapter", "dev", APP, "--port", "0")
UVICORN = (sys.executable, "-m", "uvicorn", APP, "--port", "0", "--no-access-log")
WARM_CALLS = 1000
MIB = 1024 * 1024


@contextmanager
def serving(*command: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server; yield its process and its port, and stop it."""
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127.0.0.1:(\d+)", line):
                break
        else:
            raise SystemExit(f"{' '.join(command)} did not start.")
        reader = asyncio.new_event_loop()  # drains the output in a thread, or the pipe would fill
        output = process.stdout
        reader.run_in_executor(None, lambda: [None for _ in output])
        try:
            yield process, int(found[1])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            reader.close()


class Client:
    """One connection that is kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Client:
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=MIB))

    async def get(self, path: str) -> int:
        """Send a request and read the whole response, which is chunked; return its bytes."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        total = 0
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            await self._reader.readexactly(size + 2)
            total += size
        await self._reader.readexactly(2)
        return total

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def warm_calls(port: int, calls: int) -> list[float]:
    """Return the duration of each call in milliseconds."""
    client = await Client.connect(port)
    durations = []
    for _ in range(calls):
        start = time.perf_counter()
        await client.get("/")
        durations.append((time.perf_counter() - start) * 1000)
    client.close()
    return durations


def added_to_a_warm_call() -> tuple[float, float, float, float]:
    """Return the medians of the local Lambda, of uvicorn, and of the rounds' differences, in ms.

    The last number is the smallest difference, which depends least on other load.
    """
    with serving(*DEV) as (_, dev), serving(*UVICORN) as (_, plain):
        rounds = []
        for _ in range(11):
            local = statistics.median(asyncio.run(warm_calls(dev, WARM_CALLS // 10)))
            bare = statistics.median(asyncio.run(warm_calls(plain, WARM_CALLS // 10)))
            rounds.append((local, bare, local - bare))
    local, bare, added = map(statistics.median, zip(*rounds[1:], strict=True))
    return local, bare, added, min(difference for _, _, difference in rounds)


def throughput_mb_per_second() -> float:
    """Return how much one response carries without throttling."""

    async def load(port: int) -> float:
        client = await Client.connect(port)
        await client.get("/mib/16")
        start = time.perf_counter()
        total = await client.get("/mib/160")
        client.close()
        return total / (time.perf_counter() - start) / 1e6

    with serving(*DEV, "--no-throttle") as (_, port):
        return asyncio.run(load(port))


def sse_clients(clients: int, seconds: int) -> tuple[int, int]:
    """Return how many clients got all events, and the growth of the server's memory in bytes."""

    async def listen(port: int) -> bool:
        client = await Client.connect(port)
        expected = sum(len(f"data: {second}\n\n") for second in range(seconds)) + 3
        try:
            return await client.get(f"/sse/{seconds}") == expected
        except (AssertionError, OSError, asyncio.IncompleteReadError):
            return False
        finally:
            client.close()

    async def run(port: int, pid: int) -> tuple[int, int]:
        tasks = [asyncio.create_task(listen(port)) for _ in range(clients)]
        await asyncio.sleep(seconds / 4)
        before = _resident(pid)
        complete = sum(await asyncio.gather(*tasks))
        return complete, _resident(pid) - before

    timeout = str(seconds + 30)
    with serving(*DEV, "--concurrency", str(clients), "--timeout", timeout) as (process, port):
        return asyncio.run(run(port, process.pid))


def seconds_to_first_response() -> float:
    """Return the time from the start of the process to the end of its first response."""
    start = time.perf_counter()
    with serving(*DEV) as (_, port):
        asyncio.run(warm_calls(port, 1))
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the local Lambda costs.")
    parser.add_argument("--seconds", type=int, default=60, help="of server-sent events")
    parser.add_argument("--clients", type=int, default=200, help="of server-sent events")
    arguments = parser.parse_args()
    os.environ.pop("ADAPTER_INVOKE_MODE", None)
    first = min(seconds_to_first_response() for _ in range(3))
    print(f"start to first response    {first:.2f} s (best of 3)")
    local, bare, added, best = added_to_a_warm_call()
    print(
        f"added to a warm call       {added:.2f} ms ({local:.2f} ms; uvicorn {bare:.2f} ms), "
        f"in the best round {best:.2f} ms"
    )
    print(f"one response, no throttle  {throughput_mb_per_second():.0f} MB/s")
    complete, growth = sse_clients(arguments.clients, arguments.seconds)
    print(
        f"{arguments.clients} clients, {arguments.seconds} s       "
        f"{complete} complete, memory of the server {growth / MIB:+.1f} MiB"
    )


if __name__ == "__main__":
    main()
