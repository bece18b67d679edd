"""The deadline of an invocation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .current import current
from .tasks import unlisted
from .threads import works_in_thread
from .timers import timers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .current import Current

THREAD_POLL_SECONDS = 0.05
"""How often the deadline checks whether a task still waits for a thread."""


class Deadline:
    """Cancels the current task at the deadline of its invocation.

    The task is not cancelled while a thread runs work that the invocation has submitted: a thread
    cannot be stopped, and must not overlap the next invocation.

    Args:
        seconds: the time until the deadline, or None for no deadline.
        expire: called with ``seconds`` at the deadline, to end the response.
        grace_seconds: the time in which the task may end by itself, after the deadline and once
            after the end of a thread.
    """

    def __init__(
        self, seconds: float | None, expire: Callable[[float], None], grace_seconds: float = 0.0
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.ended_response = False
        self._task = task
        self._record: Current | None = current.get(None)
        self._cancelling_before = task.cancelling()
        self._cancelled = False
        self._expire = expire
        self._grace_seconds = grace_seconds
        self._waited_for_thread = False
        self._seconds = 0.0 if seconds is None else seconds
        self._ended = False
        self.timers = timers_of(task.get_loop())
        if seconds is not None:
            self.timers.set(self._on_deadline, seconds)

    @property
    def interrupted(self) -> bool:
        """Whether the task has been cancelled from outside.

        The record of the invocation says so: the code that cancels an invocation from outside sets
        ``cancelled`` there. Without a record, the task's count of cancellations is used, although
        it includes cancellations by the app (a task group, or the timeout of a client).
        """
        if self._record is not None:
            return self._record.cancelled
        return self._task.cancelling() - int(self._cancelled) > self._cancelling_before

    def start_grace(self) -> None:
        """Cancel the task after the grace time from now: its response has been ended."""
        self.ended_response = True
        self.timers.remove(self._on_deadline)
        self.timers.set(self._cancel_soon, self._grace_seconds)

    def end(self) -> None:
        """Do not cancel the task any more, and undo the cancellation of this deadline.

        Raises:
            CancelledError: the task was cancelled from outside.
        """
        self._ended = True
        self.timers.remove(self._cancel_soon if self.ended_response else self._on_deadline)
        record = self._record
        # As `interrupted`, without its call for nearly every invocation.
        interrupted = self.interrupted if record is None else record.cancelled
        floor = self._cancelling_before + interrupted  # a cancellation from outside stays counted
        while self._task.cancelling() > floor:
            self._task.uncancel()
        if interrupted:
            raise asyncio.CancelledError

    def _on_deadline(self) -> None:
        self.ended_response = True
        try:
            self._expire(self._seconds)
        finally:
            self.timers.set(self._cancel_soon, self._grace_seconds)

    def _cancel_soon(self) -> None:
        unlisted(self._task.get_loop().create_task(self._cancel()))

    async def _cancel(self) -> None:
        if self._ended:
            return
        if works_in_thread(self._task):
            self._waited_for_thread = True
            self.timers.set(self._cancel_soon, THREAD_POLL_SECONDS)
        elif self._waited_for_thread and self._grace_seconds:
            # Once more: the task could not end while the thread worked.
            self.timers.set(self._cancel_soon, self._grace_seconds)
            self._grace_seconds = 0.0
        else:
            self._cancelled = True
            self._task.cancel()


def seconds_until_deadline(context: object, margin: float) -> float | None:
    """Return the seconds until the deadline, which is ``margin`` seconds before Lambda's timeout.

    Return None for no deadline: the margin is 0, or ``context`` does not say how much time is left.
    Outside a runtime, ``context`` may be any object: tests pass None, ``{}`` or their own class.
    """
    ask = getattr(context, "get_remaining_time_in_millis", None) if margin else None
    left = ask() if callable(ask) else None
    return max(0.0, left / 1000 - margin) if isinstance(left, int | float) else None
