"""The timers of an event loop: for deadlines, and for the exchanges with apps."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context

MAX_TICK_SECONDS = 0.25
"""The longest time for which `Timers` sets the timer of the event loop."""

EARLY_SECONDS = 0.001
"""How early a callback may be called: the clocks of event loops are not more exact."""

_NEVER = float("inf")


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


_latest: Timers | None = None


def timers_of(loop: asyncio.AbstractEventLoop) -> Timers:
    """Return the timers of ``loop``; only those of the latest loop are remembered."""
    global _latest
    found = _latest
    if found is None or found.loop is not loop:
        _latest = found = Timers(loop)
    return found
