"""The end of the time that an invocation has."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING

from .current import current
from .threads import works_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from .current import Current

THREAD_POLL_SECONDS = 0.05
"""Between two looks at whether a task still waits for a thread."""

TICK_SECONDS = 0.25

EARLY_SECONDS = 0.001
"""How early an alarm may ring: the clocks of event loops are not more exact."""


class Alarms:
    """The alarms of one event loop, behind one timer.

    Nearly every alarm is cleared before it rings, and a timer of the loop costs more than all else
    that an alarm does. So the timer stays when an alarm is cleared. It is set again only for an
    alarm that comes before it, and when it has gone off. It goes off `TICK_SECONDS` from now at the
    latest, so that a held head, the most frequent alarm, comes after it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._alarms: dict[Callable[[], object], tuple[float, Context]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = _NEVER

    def set(self, callback: Callable[[], object], seconds: float) -> None:
        """Have ``callback`` called once, in the current context, unless it is cleared before."""
        when = self.loop.time() + seconds
        self._alarms[callback] = when, copy_context()
        if when < self._rings_at:
            self._set_timer(when)

    def clear(self, callback: Callable[[], object]) -> None:
        """Do not call ``callback`` any more."""
        self._alarms.pop(callback, None)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when = min(when, self.loop.time() + TICK_SECONDS)
        self._timer = self.loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """Call the callback that is due first, if one is due, and set the timer for the next."""
        self._timer, self._rings_at = None, _NEVER
        if not self._alarms:
            return
        first = min(self._alarms, key=lambda callback: self._alarms[callback][0])
        when, context = self._alarms[first]
        is_due = when <= self.loop.time() + EARLY_SECONDS
        if is_due:
            del self._alarms[first]
            when = min((due for due, _ in self._alarms.values()), default=_NEVER)
        if when < _NEVER:
            self._set_timer(when)
        if is_due:
            context.run(first)


_NEVER = float("inf")
_latest: Alarms | None = None


def alarms_of(loop: asyncio.AbstractEventLoop) -> Alarms:
    """Return the alarms of ``loop``. A loop that takes turns with another one may get new ones."""
    global _latest
    found = _latest
    if found is None or found.loop is not loop:
        _latest = found = Alarms(loop)
    return found


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
        self._seconds = 0.0 if seconds is None else seconds
        self._ended = False
        self.alarms = alarms_of(task.get_loop())
        if seconds is not None:
            self.alarms.set(self._over, seconds)

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
        self.alarms.clear(self._over)
        self.alarms.set(self._wake, self._grace)

    def end(self) -> None:
        """Stop the clock.

        Raises:
            CancelledError: the task was cancelled from outside.
        """
        self._ended = True
        self.alarms.clear(self._wake if self.expired else self._over)
        record = self._record
        interrupted = self.interrupted if record is None else record.cancelled
        floor = self._cancelling_before + interrupted  # the party that cancelled counts its own
        while self._task.cancelling() > floor:
            self._task.uncancel()
        if interrupted:
            raise asyncio.CancelledError

    def _over(self) -> None:
        self.expired = True
        try:
            self._expire(self._seconds)
        finally:
            self.alarms.set(self._wake, self._grace)

    def _wake(self) -> None:
        self._task.get_loop().create_task(self._cancel())

    async def _cancel(self) -> None:
        if self._ended:
            return
        if works_in_thread(self._task):
            self.alarms.set(self._wake, THREAD_POLL_SECONDS)
        else:
            self._cancelled = True
            self._task.cancel()
