"""Ends a forked child process that returns into the adapter.

A child of ``os.fork`` shares the sockets and the selector of its parent. A child that runs its code
and exits does no harm. A child that returns into the event loop, for example after an exception,
would write into the response of its parent.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakSet

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

EXIT_FORKED = 70
"""The exit status of a child that returned: EX_SOFTWARE of sysexits.h."""

generation = 0  #: differs between a process and every child that it forks
_loops: WeakSet[AbstractEventLoop] = WeakSet()


def exit_if_forked(before: int) -> None:
    """End the process if it has been forked since `generation` was ``before``.

    Callers for which a call matters compare the two numbers first.
    """
    if before != generation:
        os._exit(EXIT_FORKED)


def end_children_on(loop: AbstractEventLoop) -> None:
    """End every forked child that returns to ``loop``."""
    _loops.add(loop)


def _exit(*args: object, **kwargs: object) -> NoReturn:
    os._exit(EXIT_FORKED)


def _in_child() -> None:
    global generation
    generation += 1
    for loop in tuple(_loops):
        # A thread of the child calls this method when its work for the loop is done.
        loop.call_soon_threadsafe = _exit  # type: ignore[method-assign]
        with suppress(RuntimeError):  # closed
            loop.call_soon(_exit)
            ready = getattr(loop, "_ready", None)  # not on every kind of loop
            if ready is not None:
                ready.rotate(1)  # before the callbacks of the parent that are due in this turn


os.register_at_fork(after_in_child=_in_child)
