"""The clock of the event loop, which a test puts forward: a timeout is over when the test says so.

A timeout that is short enough to wait for is too short for a process on a busy machine.
"""

from __future__ import annotations

import asyncio


class AdjustableLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    passed_seconds = 0.0

    def time(self) -> float:
        """Return the time of the loop, in seconds."""
        return super().time() + self.passed_seconds


def pass_time(seconds: float) -> None:
    """Put the clock of the running loop forward, which ends its timeouts."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, AdjustableLoop)
    loop.passed_seconds += seconds
