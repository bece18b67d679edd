"""Requests that show how a URL behaves, and what was seen."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

import httpx

TIMEOUT_SECONDS = 60
#: The chunks of a slow response that was not sent in one go are at least so far apart.
STREAMED_SECONDS = 0.6


class Probe(NamedTuple):
    """A request that both examples respond to; whether it streams shows if the app is slow."""

    name: str
    path: str
    method: str = "GET"
    is_slow: bool = False


STREAM_PATH = "/sse?steps=4&delay=0.3"
PROBES = (
    Probe("page", "/?delay=0"),
    Probe("events", STREAM_PATH, is_slow=True),
    Probe("big file", "/download?mb=8"),
    Probe("many rows", "/report.csv"),
    Probe("head", "/?delay=0", "HEAD"),
    Probe("missing", "/missing"),
    Probe("failure before the response", "/fail/before"),
    Probe("failure in mid-stream", "/fail/after"),
)


class Seen(NamedTuple):
    """A response as a client sees it; ``times`` are those of its chunks, in seconds."""

    probe: Probe
    status: int
    body_bytes: int
    end: str
    times: tuple[float, ...] = ()

    @property
    def outcome(self) -> str:
        """All but the times, which differ from run to run."""
        outcome = f"{self.status or 'no response'}, {self.body_bytes} bytes, {self.end}"
        if not self.probe.is_slow or not self.times:
            return outcome
        is_streamed = self.times[-1] - self.times[0] > STREAMED_SECONDS
        return f"{outcome}, {'streamed' if is_streamed else 'in one go'}"

    @property
    def timing(self) -> str:
        """When the first and the last chunk came."""
        if not self.times:
            return ""
        return f"{len(self.times)} chunks, {self.times[0]:.2f} s to {self.times[-1]:.2f} s"


def look(url: str, probe: Probe) -> Seen:
    """Send a request and read the response to its end, however it ends."""
    start = monotonic()
    status, size, times = 0, 0, []
    end = "complete"
    try:
        with httpx.stream(probe.method, url.rstrip("/") + probe.path, timeout=TIMEOUT_SECONDS) as r:
            status = r.status_code
            for chunk in r.iter_raw():
                size += len(chunk)
                times.append(monotonic() - start)
    except httpx.HTTPError as error:
        end = type(error).__name__
    return Seen(probe, status, size, end, tuple(times))
