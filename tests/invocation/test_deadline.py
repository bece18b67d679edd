from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from adapter.invocation.context import LambdaContext
from adapter.invocation.current import Current, current
from adapter.invocation.deadline import Deadline, Timers, seconds_until_deadline, timers_of
from adapter.invocation.threads import watch_threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio


def this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def cancelling() -> int:
    return this_task().cancelling()


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


async def test_an_alarm_that_raises_does_not_stop_the_next_one() -> None:
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda loop, context: errors.append(context["exception"]))
    timers = Timers(loop)

    def fail() -> None:
        raise ValueError("alarm")

    timers.set(fail, 0.0)
    assert await called(timers, 0.0) == [0.0]
    assert [str(error) for error in errors] == ["alarm"]


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


def test_each_event_loop_has_its_own_alarms() -> None:
    async def use() -> Timers:
        timers = timers_of(asyncio.get_running_loop())
        assert await called(timers, 0.0) == [0.0]
        return timers

    assert asyncio.run(use()) is not asyncio.run(use())


async def test_when_the_time_is_up_it_says_so_and_then_cancels_the_task() -> None:
    said: list[float] = []
    deadline = Deadline(0.01, said.append)
    assert not deadline.ended_response
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert (deadline.ended_response, said) == (True, [0.01])
    deadline.end()
    assert cancelling() == 0, "its own cancellation stayed behind"


async def test_a_task_that_ends_in_its_grace_is_not_cancelled() -> None:
    expired = asyncio.Event()
    deadline = Deadline(0, lambda seconds: expired.set(), grace_seconds=0.01)
    await expired.wait()
    deadline.end()
    await asyncio.sleep(0.02)
    assert cancelling() == 0


@pytest.mark.parametrize("seconds", [None, 10.0])
async def test_a_task_whose_response_has_been_ended_has_the_same_grace(
    seconds: float | None,
) -> None:
    deadline = Deadline(seconds, lambda seconds: pytest.fail("expired"), grace_seconds=0.01)
    deadline.start_grace()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert deadline.ended_response
    deadline.end()
    assert cancelling() == 0


@pytest.mark.parametrize("seconds", [None, 10.0])
async def test_a_task_that_is_in_time_is_left_alone(seconds: float | None) -> None:
    deadline = Deadline(seconds, lambda seconds: pytest.fail("expired"))
    await asyncio.sleep(0)
    deadline.end()
    assert not deadline.ended_response


async def test_a_task_that_waits_for_a_thread_is_cancelled_when_the_thread_is_done() -> None:
    watch_threads(asyncio.get_running_loop())
    current.set(Current())
    go_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        ended.set()

    async def serve() -> None:
        await asyncio.to_thread(work)
        assert ended.is_set()
        await asyncio.Event().wait()

    Deadline(0, lambda _: None)
    asyncio.get_running_loop().call_later(0.02, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await serve()
    assert ended.is_set()


@pytest.mark.parametrize("seconds", [None, 0.01], ids=["no deadline", "after the deadline"])
async def test_a_cancellation_from_outside_goes_on_to_whoever_waits(seconds: float | None) -> None:
    began = asyncio.Event()

    async def serve() -> None:
        deadline = Deadline(seconds, lambda _: None)
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if seconds is not None:
                await asyncio.sleep(60)
        finally:
            assert deadline.interrupted
            deadline.end()

    task = asyncio.create_task(serve())
    await began.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def group_whose_child_fails_as_it_ends() -> None:
    async def child() -> None:
        raise ValueError("no")

    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(child())


async def own_cancellation() -> None:
    this_task().cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


async def timer_that_cancels() -> None:
    asyncio.get_running_loop().call_later(0.01, this_task().cancel)
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)


@pytest.mark.parametrize(
    "app", [group_whose_child_fails_as_it_ends, own_cancellation, timer_that_cancels]
)
async def test_a_cancellation_that_the_app_gets_over_is_none_from_outside(
    app: Callable[[], Awaitable[None]],
) -> None:
    current.set(Current())
    before = cancelling()
    deadline = Deadline(10.0, lambda _: None)
    await app()
    assert not deadline.interrupted
    deadline.end()
    assert cancelling() == before, "the count is brought back"


async def test_a_cancellation_from_outside_is_told_by_the_record_though_the_app_swallows_it() -> (
    None
):
    record = Current()

    async def serve() -> None:
        current.set(record)
        deadline = Deadline(None, lambda _: None)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            this_task().uncancel()  # as asyncio.timeout() does
        deadline.end()

    task = asyncio.create_task(serve())
    await asyncio.sleep(0)
    record.cancelled = True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("margin", "at_most"), [(0.25, 59.75), (59.5, 0.5), (61, 0)])
async def test_the_deadline_is_the_timeout_of_the_context_less_the_margin(
    margin: float, at_most: float
) -> None:
    seconds = seconds_until_deadline(LambdaContext("id-1", int((time.time() + 60) * 1000)), margin)
    assert seconds is not None
    assert 0 <= seconds <= at_most


async def test_without_a_margin_there_is_no_deadline() -> None:
    context = LambdaContext("id-1", int((time.time() + 60) * 1000))
    assert seconds_until_deadline(context, 0) is None


class Odd:
    def get_remaining_time_in_millis(self) -> str:
        return "soon"


@pytest.mark.parametrize("other", [None, {}, object(), Odd()], ids=["none", "dict", "bare", "odd"])
async def test_a_context_of_a_test_that_does_not_tell_the_time_sets_no_deadline(
    other: object,
) -> None:
    assert seconds_until_deadline(other, 0.25) is None
