"""The end of the time that an invocation has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .current import current
from .threads import works_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .current import Current

THREAD_POLL_SECONDS = 0.05
"""Between two looks at whether a task still waits for a thread."""


class Deadline:
    """Cancels the current task when its time is up.

    Never while work in a thread is running that the invocation has submitted: a thread cannot be
    stopped, and must not overlap the next invocation.

    Args:
        seconds: the time until then, or None for no deadline.
        expire: called at that time, to end the response.
        grace: seconds after that in which the task may end by itself.
    """

    def __init__(
        self, seconds: float | None, expire: Callable[[float], None], grace: float = 0.0
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.expired = False
        self._task = task
        self._record: Current | None = current.get(None)
        self._cancelling_before = task.cancelling()
        self._cancelled = False
        self._expire = expire
        self._grace = grace
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        if seconds is not None:
            self._timer = task.get_loop().call_later(seconds, self._over, seconds)

    @property
    def interrupted(self) -> bool:
        """Whether the task has been cancelled from outside.

        The count of cancellations says nothing about that: the user's code may cancel its own task,
        by a task group or a client's timeout, and handle it. The party that cancels an invocation
        says so in its record. Where there is no record, the count has to do.
        """
        if self._record is not None:
            return self._record.cancelled
        return self._task.cancelling() - int(self._cancelled) > self._cancelling_before

    def wait_for_end(self) -> None:
        """Expect the task to end by itself, as after its time: its response has been ended."""
        self.expired = True
        if self._timer is not None:
            self._timer.cancel()
        self._wait(self._grace)

    def end(self) -> None:
        """Stop the clock.

        Raises:
            CancelledError: the task was cancelled from outside.
        """
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        interrupted = self.interrupted
        floor = self._cancelling_before + interrupted  # the party that cancelled counts its own
        while self._task.cancelling() > floor:
            self._task.uncancel()
        if interrupted:
            raise asyncio.CancelledError

    def _over(self, seconds: float) -> None:
        self.expired = True
        try:
            self._expire(seconds)
        finally:
            self._wait(self._grace)

    def _wait(self, seconds: float) -> None:
        loop = self._task.get_loop()
        self._timer = loop.call_later(seconds, lambda: loop.create_task(self._cancel()))

    async def _cancel(self) -> None:
        if self._ended:
            return
        if works_in_thread(self._task):
            self._wait(THREAD_POLL_SECONDS)
        else:
            self._cancelled = True
            self._task.cancel()
