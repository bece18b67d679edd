"""How fast a streamed response may leave Lambda: a token bucket, without the waiting.

The first 6 MiB pass at once, then 2 MiB/s in steps of an eighth of a second.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

from __future__ import annotations

from math import ceil

BURST = 6 * 1024 * 1024
STEP_SECONDS = 0.125
STEP_BYTES = 2 * 1024 * 1024 // 8


class Bucket:
    """The bytes that one response may still send."""

    def __init__(self, burst: int = BURST, step_bytes: int = STEP_BYTES) -> None:
        self._burst = burst
        self._step_bytes = step_bytes
        self._tokens = burst
        self._steps = 0
        self._start: float | None = None

    def take(self, size: int, now: float) -> float:
        """Take ``size`` bytes out and return 0, or return for how many seconds to wait.

        ``now`` is a monotonic clock's. More than the bucket holds is taken as if it were full.
        """
        if self._start is None:
            self._start = now
        steps = int((now - self._start) / STEP_SECONDS)
        self._tokens = min(self._burst, self._tokens + (steps - self._steps) * self._step_bytes)
        self._steps = steps
        size = min(size, self._burst)
        if size <= self._tokens:
            self._tokens -= size
            return 0.0
        missing = ceil((size - self._tokens) / self._step_bytes)
        # Never 0: rounding must not turn a wait into a loop that spins.
        return max(self._start + (steps + missing) * STEP_SECONDS - now, 0.001)
