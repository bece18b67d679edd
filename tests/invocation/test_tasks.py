from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapter.invocation.current import Current, current
from adapter.invocation.tasks import generators_closed, list_current_task, unlisted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


async def ask() -> bool:
    return asyncio.current_task() in asyncio.all_tasks()


async def ask_again() -> tuple[bool, bool]:
    before = await ask()
    list_current_task()
    return before, await ask()


async def test_an_app_that_cancels_all_tasks_leaves_an_unlisted_one_alone() -> None:
    task = unlisted(asyncio.create_task(asyncio.sleep(0.01, "done")))
    assert task not in asyncio.all_tasks()
    assert await task == "done"


async def test_a_task_that_has_begun_may_be_listed_again() -> None:
    assert await unlisted(asyncio.create_task(ask_again())) == (False, True)
    assert await asyncio.create_task(ask_again()) == (True, True)


async def test_an_invocation_waits_for_its_own_generators_alone() -> None:
    gate = asyncio.Event()
    closed = []

    async def parts(name: str) -> AsyncIterator[str]:
        try:
            yield name
        finally:
            if name == "first":
                await gate.wait()
            closed.append(name)

    async def invocation(name: str) -> None:
        current.set(Current(name))
        async for _ in parts(name):
            break  # the generator stays unfinished
        await generators_closed()

    first = asyncio.create_task(invocation("first"))
    await asyncio.wait_for(invocation("second"), 10)
    assert closed == ["second"]
    assert not first.done()
    gate.set()
    await first
    assert closed == ["second", "first"]
