"""The journal keeps the latest invocations and wakes those who wait for changes."""

from __future__ import annotations

import anyio
import pytest

from adapter.emulator.inspector.journal import Journal
from adapter.emulator.invocation_steps import Logged

from .invocations import untold

pytestmark = pytest.mark.anyio


async def test_only_the_latest_invocations_are_kept() -> None:
    journal = Journal(keep=3)
    for number in range(5):
        journal.record(untold(request_id=f"id-{number}"))
    assert [record.request_id for record in journal] == ["id-2", "id-3", "id-4"]
    assert [record.number for record in journal] == [3, 4, 5]
    assert journal.find(1) is None
    assert journal.find(5) is not None


async def test_each_reader_hears_of_a_change_also_if_it_was_busy() -> None:
    journal = Journal()
    listen = journal.record(untold())
    seen = await journal.wait_changed(0)
    heard = []

    async def read() -> None:
        heard.append(await journal.wait_changed(seen))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert heard == []
        listen(Logged(1.0, "line"))
    assert heard == [seen + 1] * 2
    assert await journal.wait_changed(seen) == seen + 1  # at once
