"""The deadline of an invocation, and the timers of the event loop that it uses."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING

from .current import current
from .tasks import unlisted
from .threads import works_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from .current import Current

THREAD_POLL_SECONDS = 0.05
"""How often the deadline checks whether a task still waits for a thread."""

MAX_TICK_SECONDS = 0.25
"""The longest time for which `Timers` sets the timer of the event loop."""

EARLY_SECONDS = 0.001
"""How early a callback may be called: the clocks of event loops are not more exact."""


class Timers:
    """Calls functions after a time, with one timer of the event loop for all of them.

    Nearly every callback is removed before its time, and to set a timer of the loop costs more than
    everything else here. So the timer of the loop stays set when a callback is removed. It is set
    again in two cases only: for a callback that is due before it, and after it has fired. It never
    waits longer than `MAX_TICK_SECONDS`. So the most frequent callback, which sends a head that the
    cycle holds back, is usually due after it, and does not set it again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._callbacks: dict[Callable[[], object], tuple[float, Context]] = {}
        self._loop_timer: asyncio.TimerHandle | None = None
        self._fires_at = _NEVER

    def set(self, callback: Callable[[], object], seconds: float) -> None:
        """Call ``callback`` once after ``seconds``, in the current context, unless removed."""
        when = self.loop.time() + seconds
        self._callbacks[callback] = when, copy_context()
        if when < self._fires_at:
            self._set_loop_timer(when)

    def remove(self, callback: Callable[[], object]) -> None:
        """Do not call ``callback``."""
        self._callbacks.pop(callback, None)

    def _set_loop_timer(self, when: float) -> None:
        if self._loop_timer is not None:
            self._loop_timer.cancel()
        self._fires_at = when = min(when, self.loop.time() + MAX_TICK_SECONDS)
        self._loop_timer = self.loop.call_at(when, self._fire)

    def _fire(self) -> None:
        """Call the first callback if it is due, and set the timer of the loop for the next one."""
        self._loop_timer, self._fires_at = None, _NEVER
        if not self._callbacks:
            return
        first = min(self._callbacks, key=lambda callback: self._callbacks[callback][0])
        when, context = self._callbacks[first]
        is_due = when <= self.loop.time() + EARLY_SECONDS
        if is_due:
            del self._callbacks[first]
            when = min((due for due, _ in self._callbacks.values()), default=_NEVER)
        if when < _NEVER:
            self._set_loop_timer(when)
        if is_due:
            context.run(first)


_NEVER = float("inf")
_latest: Timers | None = None


def timers_of(loop: asyncio.AbstractEventLoop) -> Timers:
    """Return the timers of ``loop``; only those of the latest loop are remembered."""
    global _latest
    found = _latest
    if found is None or found.loop is not loop:
        _latest = found = Timers(loop)
    return found


class Deadline:
    """Cancels the current task at the deadline of its invocation.

    The task is not cancelled while a thread runs work that the invocation has submitted: a thread
    cannot be stopped, and must not overlap the next invocation.

    Args:
        seconds: the time until the deadline, or None for no deadline.
        expire: called with ``seconds`` at the deadline, to end the response.
        grace_seconds: the time after the deadline in which the task may end by itself.
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
            self.timers.set(self._cancel_soon, THREAD_POLL_SECONDS)
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
