"""Replays of functions that respond in other ways than an HTTP stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.inspector.journal import Journal
from adapter.emulator.inspector.replay import read_response, submit_again

from ..scripts import ECHO, for_each_event

if TYPE_CHECKING:
    from adapter.emulator.inspector.recorded import RecordedInvocation

    from ..conftest import LocalFactory

pytestmark = pytest.mark.anyio

NO_PRELUDE = for_each_event("c.stream(request_id)", "c.chunk('not a prelude' + NULS)", "c.end()")
FAILS = for_each_event(
    """c.call("POST", f"{API}/invocation/{request_id}/error", body=b'{"errorMessage":"no"}')""",
    "continue",
)


async def replayed(
    local: LocalFactory, script: str, *, streaming: bool, tenant_id: str = ""
) -> RecordedInvocation:
    """Invoke the script with an event, and again; return the record of the second time."""
    async with local(script) as running:
        journal = Journal()
        running.pool.listener_of = journal.record
        invocation = running.submit(b'{"key": 1}', streaming=streaming, tenant_id=tenant_id)
        await read_response(invocation)
        await invocation.done.wait()
        first = journal.find(1)
        assert first is not None
        again = submit_again(first, running.pool)
        await read_response(again)
        await again.done.wait()
    second = journal.find(2)
    assert second is not None
    return second


async def test_a_buffered_response_is_read_without_a_head(local: LocalFactory) -> None:
    kept = await replayed(local, ECHO, streaming=False)
    assert (kept.status, kept.body_start) == (None, b'{"key": 1}')


async def test_a_stream_without_a_prelude_has_the_status_that_a_url_gives_it(
    local: LocalFactory,
) -> None:
    kept = await replayed(local, ECHO, streaming=True)
    assert (kept.status, kept.body_start) == (200, b'{"key": 1}')
    assert dict(kept.headers)[b"X-Amzn-Trace-Id"].startswith(b"Root=1-")


async def test_a_broken_prelude_ends_the_reading_and_not_the_inspector(
    local: LocalFactory,
) -> None:
    kept = await replayed(local, NO_PRELUDE, streaming=True)
    assert (kept.status, kept.sent.count) == (None, 0)


async def test_a_replay_is_for_the_same_tenant_and_so_in_its_environment(
    local: LocalFactory,
) -> None:
    kept = await replayed(local, ECHO, streaming=True, tenant_id="blue")
    assert (kept.tenant_id, kept.cold) == ("blue", False)


async def test_a_failure_is_recorded(local: LocalFactory) -> None:
    kept = await replayed(local, FAILS, streaming=True)
    assert kept.explanation == '{"errorMessage":"no"}'
