"""The bandwidth of a streamed response: a token bucket, without the waiting.

The first 6 MiB pass at once, then 2 MiB/s in steps of an eighth of a second.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

from __future__ import annotations

from math import ceil

BURST_BYTES = 6 * 1024 * 1024
STEP_SECONDS = 0.125
STEP_BYTES = 2 * 1024 * 1024 // 8


class TokenBucket:
    """The bytes that one response may send now."""

    def __init__(self, burst_bytes: int = BURST_BYTES, step_bytes: int = STEP_BYTES) -> None:
        self._burst_bytes = burst_bytes
        self._step_bytes = step_bytes
        self._tokens = burst_bytes
        self._steps = 0
        self._start: float | None = None

    def take(self, size: int, now: float) -> float:
        """Take ``size`` bytes and return 0, or return the seconds to wait before the next try.

        ``now`` is the time of a monotonic clock. A size above the burst is taken as the burst.
        """
        if self._start is None:
            self._start = now
        steps = int((now - self._start) / STEP_SECONDS)
        refill = (steps - self._steps) * self._step_bytes
        self._tokens = min(self._burst_bytes, self._tokens + refill)
        self._steps = steps
        size = min(size, self._burst_bytes)
        if size <= self._tokens:
            self._tokens -= size
            return 0.0
        missing = ceil((size - self._tokens) / self._step_bytes)
        # Never 0, or rounding would make the caller's loop spin.
        return max(self._start + (steps + missing) * STEP_SECONDS - now, 0.001)
