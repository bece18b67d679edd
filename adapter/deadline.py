"""The end of the time that an invocation has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .threads import working, works_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.05
"""Seconds between two looks at whether a task still waits for a thread."""


class Deadline:
    """Cancels the current task when its time is up.

    Not while it waits for a thread that it gives work to from now on: that cannot be stopped, and
    must neither be lost sight of nor meet the next invocation.

    Args:
        seconds: the time that it has, or None for as long as it wants.
        expire: called when that is over, to end the response.
        grace: seconds after that in which the task may come to an end by itself.
    """

    def __init__(
        self, seconds: float | None, expire: Callable[[float], None], grace: float = 0.0
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        working.set(set())
        self.expired = False
        self._task = task
        self._before = task.cancelling()
        self._cancelled = False
        self._expire = expire
        self._grace = grace
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        if seconds is not None:
            self._timer = task.get_loop().call_later(seconds, self._over, seconds)

    @property
    def interrupted(self) -> bool:
        """Whether the task has been cancelled from outside."""
        return self._task.cancelling() - self._cancelled > self._before

    def end(self) -> None:
        """Stop the clock.

        Raises:
            CancelledError: the task was cancelled from outside.
        """
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._cancelled:
            self._task.uncancel()
        if self._task.cancelling() > self._before:
            raise asyncio.CancelledError

    def _over(self, seconds: float) -> None:
        self.expired = True
        self._expire(seconds)
        self._wait(self._grace)

    def _wait(self, seconds: float) -> None:
        loop = self._task.get_loop()
        self._timer = loop.call_later(seconds, lambda: loop.create_task(self._cancel()))

    async def _cancel(self) -> None:
        if self._ended:
            return
        if works_in_thread(self._task):
            self._wait(PATIENCE)
        else:
            self._cancelled = True
            self._task.cancel()
