from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from adapter.invocation.context import LambdaContext
from adapter.invocation.current import Current, current
from adapter.invocation.deadline import THREAD_POLL_SECONDS, Deadline, seconds_until_deadline
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


async def test_a_task_has_its_grace_again_when_its_thread_is_done() -> None:
    watch_threads(asyncio.get_running_loop())
    current.set(Current("id-1"))
    gate = threading.Event()

    async def open_gate() -> None:
        for _ in range(40):  # not one sleep: after a pause of the process the deadline comes first
            await asyncio.sleep(0.01)
        gate.set()

    opening = asyncio.create_task(open_gate())
    deadline = Deadline(0, lambda seconds: None, grace_seconds=0.2)
    await asyncio.to_thread(gate.wait)
    await asyncio.sleep(2 * THREAD_POLL_SECONDS)
    assert cancelling() == 0
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    deadline.end()
    await opening


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
