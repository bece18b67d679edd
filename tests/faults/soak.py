"""Thousands of invocations, 16 at a time, with faults on both sides: ``make soak``.

One real process serves them all. At its end each invocation has exactly one outcome, every body
that was to be whole has been compared, and the process has what it had at the beginning: tasks,
sockets, threads, file descriptors and, nearly, memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import NEXT

from .plan import Job, job
from .stage import SLOPPY, WHOLE, Seen, Stage, has_data, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_runtime_api import Peer, Request

CONCURRENCY = 16
WARM = 0.2
"""The part of the invocations after which memory may no longer grow."""
MORE_ALLOCATED = 128
"""KiB by which Python's own count of it still may: 300 bytes an invocation, in the short form."""
MORE_RESIDENT = 12 * 1024
"""KiB by which the process still may: the allocator's, not ours."""

EXPECTED = {
    "well": WHOLE,
    "raises": Seen("500, whole", "a complete response"),
    "raises late": Seen("200, cut short", "error trailers: ValueError"),
    "returns early": Seen("200, cut short", "error trailers: UnexpectedMessage"),
    "sends nonsense": Seen("500, whole", "a complete response"),
    "hangs": Seen("504, whole", "a complete response"),
    "hangs late": Seen("200, cut short", "error trailers: DeadlineExceeded"),
}


class Footprint(NamedTuple):
    """What a process holds; memory in KiB."""

    tasks: int
    threads: int
    sockets: int
    descriptors: int
    allocated: int
    resident: int


class Soak:
    """The platform: a thread for every connection of the runtime."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.outcomes: defaultdict[int, list[str]] = defaultdict(list)
        self.wrong: list[str] = []
        self._stage = stage
        self._seed = seed
        self._jobs: Iterator[int] = iter(())
        self._lock = threading.Lock()
        self._idle: Queue[Peer] = Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def run(self, numbers: range) -> None:
        """Have the invocations with these numbers served, and wait until all is quiet."""
        waiting = [self._idle.get(timeout=60) for _ in range(CONCURRENCY)]
        self._jobs = iter(numbers)
        for peer in waiting:
            self._serve_in_thread(peer, asked=True)
        for peer in [self._idle.get(timeout=600) for _ in range(CONCURRENCY)]:
            self._idle.put(peer)

    def footprint(self) -> Footprint:
        """Ask the process, while it serves nothing else."""
        peer = self._idle.get(timeout=60)
        peer.event(function_url_event("/footprint"), "footprint")
        reply = Footprint(**json.loads(peer.read().content))
        peer.accept()
        self._serve_in_thread(peer)
        return reply

    def _accept(self) -> None:
        with contextlib.suppress(OSError, AssertionError):  # it was closed, or has ended
            while True:
                self._serve_in_thread(self._stage.platform.connection())

    def _serve_in_thread(self, peer: Peer, asked: bool = False) -> None:
        threading.Thread(target=self._serve, args=(peer, asked), daemon=True).start()

    def _serve(self, peer: Peer, asked: bool) -> None:
        try:
            while asked or has_data(peer.socket):
                request = None if asked else peer.head()
                asked = False
                if request is None or request.call == NEXT:
                    if request is not None:
                        peer.chunk(request)
                    goes_on = self._deliver(peer)
                else:
                    goes_on = self._take(peer, request)
                if not goes_on:
                    return
            peer.close()
        except Exception as error:
            self.wrong.append(f"The platform itself failed: {error!r}")

    def _deliver(self, peer: Peer) -> bool:
        with self._lock:
            number = next(self._jobs, None)
        if number is None:
            self._idle.put(peer)
            return False
        now = job(number, self._seed)
        if now.fault == "no event":
            self.outcomes[number].append("no event")
            peer.reset()
            return False
        peer.event(now.event, f"id-{number}", now.seconds)
        return True

    def _take(self, peer: Peer, request: Request) -> bool:
        """Take the outcome of an invocation; return whether the connection goes on."""
        now = job(int(request.path.split("/")[-2].removeprefix("id-")), self._seed)
        if now.fault in ("reset", "half-close", "garbage", "refused early"):
            self.outcomes[now.number].append(f"cut by the platform: {now.fault}")
            return self._cut(peer, request, now)
        while peer.chunk(request):
            time.sleep(0.002 if now.fault == "slow" else 0)
        self.outcomes[now.number].append(" / ".join(self._check(request, now)))
        if now.fault == "reset after":
            peer.reset()
            return False
        peer.refuse(now.status) if now.fault == "refused" else peer.accept()
        return True

    def _cut(self, peer: Peer, request: Request, now: Job) -> bool:
        peer.chunk(request)
        if now.fault == "reset":
            peer.reset()
            return False
        if now.fault == "half-close":
            peer.half_close()
        elif now.fault == "garbage":
            peer.send(b"\0\0\r\n\r\n")
        else:
            peer.refuse(now.status, Connection="close")
        peer.wait_closed()
        peer.close()
        return False

    def _check(self, request: Request, now: Job) -> Seen:
        outcome = seen(request)
        if outcome != EXPECTED[now.ends]:
            self.wrong.append(f"{now} was {outcome}")
        elif now.ends == "well" and sha256(request.content).digest() != sha256(now.body).digest():
            self.wrong.append(f"{now} had another body")
        return outcome


def soak(root: Path, count: int, seed: int) -> Counter[str]:
    """Run a soak; return how often there was each outcome.

    Raises:
        AssertionError: something was lost, wrong, or left behind.
    """
    environ = {
        "AWS_LAMBDA_MAX_CONCURRENCY": str(CONCURRENCY),
        "PYTHONASYNCIODEBUG": "",
        "PYTHONTRACEMALLOC": "1",
    }
    stage = Stage(root, "native", environ)
    platform = stage.platform
    with contextlib.closing(platform):
        run = Soak(stage, seed)
        warm = int(count * WARM)
        run.run(range(warm))
        before = run.footprint()
        run.run(range(warm, count))
        after = run.footprint()
        assert run.wrong == []
        assert sorted(run.outcomes) == list(range(count)), "every invocation has an outcome"
        assert {len(outcome) for outcome in run.outcomes.values()} == {1}, "and only one"
        assert after[:4] == before[:4], "nothing is left behind"
        assert after.allocated <= before.allocated + MORE_ALLOCATED, (before, after)
        assert after.resident <= before.resident + MORE_RESIDENT, (before, after)
        platform.terminate()
        assert platform.exit_code() == 0
        assert not [word for word in SLOPPY if word in platform.output]
    return Counter(outcome for [outcome] in run.outcomes.values())


def main() -> None:
    """Run the long soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with TemporaryDirectory() as root:
        outcomes = soak(Path(root), arguments.count, arguments.seed)
    for outcome, times in outcomes.most_common():
        print(f"{times:6} × {outcome}")  # noqa: T201  # a report for a person


if __name__ == "__main__":
    main()
