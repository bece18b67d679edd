from __future__ import annotations

import asyncio

import pytest

from adapter.invocation.tasks import list_current_task, unlisted

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
