from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import pytest

from adapter.invocation.current import Current, current
from adapter.invocation.timers import Timers, timers_of

pytestmark = pytest.mark.anyio


async def called(timers: Timers, *seconds: float) -> list[float]:
    """Set a callback for each time; return the times in the order of the calls."""
    calls: list[float] = []
    last = asyncio.Event()
    for each in seconds:
        timers.set(partial(calls.append, each), each)
    timers.set(last.set, max(seconds))
    await last.wait()
    return calls


class SlowLoop(asyncio.SelectorEventLoop):
    """An event loop that is so slow that all callbacks are due before the first call."""

    def __init__(self) -> None:
        self.clock_stopped = False
        super().__init__()

    def time(self) -> float:
        return 0.0 if self.clock_stopped else super().time()


def test_callbacks_are_called_in_the_order_of_their_times() -> None:
    loop = SlowLoop()
    timers = Timers(loop)
    calls: list[float] = []
    loop.clock_stopped = True
    for seconds in (0.03, 0.0, 0.02, 0.01):
        timers.set(partial(calls.append, seconds), seconds)
    timers.set(loop.stop, 0.04)
    loop.clock_stopped = False
    with contextlib.closing(loop):
        loop.run_forever()
    assert calls == [0.0, 0.01, 0.02, 0.03]


async def test_a_removed_callback_is_not_called_and_the_others_are() -> None:
    timers = timers_of(asyncio.get_running_loop())
    calls: list[str] = []

    def removed() -> None:
        calls.append("removed")

    timers.set(removed, 0.0)
    timers.remove(removed)
    assert await called(timers, 0.01) == [0.01]
    timers.set(removed, 0.01)
    timers.remove(removed)
    assert await called(timers, 0.02, 0.02) == [0.02, 0.02]
    assert calls == []


async def test_a_callback_that_raises_does_not_stop_the_next_one() -> None:
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda loop, context: errors.append(context["exception"]))
    timers = Timers(loop)

    def fail() -> None:
        raise ValueError("boom")

    timers.set(fail, 0.0)
    assert await called(timers, 0.0) == [0.0]
    assert [str(error) for error in errors] == ["boom"]


async def test_a_callback_is_called_in_the_context_in_which_it_was_set() -> None:
    timers = timers_of(asyncio.get_running_loop())
    seen: list[str] = []

    def look() -> None:
        seen.append(current.get().request_id)

    for request_id in ("first", "second"):
        current.set(Current(request_id))
        timers.set(partial(look), 0.0)
    current.set(Current("third"))
    await called(timers, 0.01)
    assert seen == ["first", "second"]


def test_each_event_loop_has_its_own_timers() -> None:
    async def use() -> Timers:
        timers = timers_of(asyncio.get_running_loop())
        assert await called(timers, 0.0) == [0.0]
        return timers

    assert asyncio.run(use()) is not asyncio.run(use())
