from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest

from adapter.invocation import current as module
from adapter.invocation.current import (
    Current,
    current,
    current_or_fallback,
    fallback,
    xray_trace_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRACE = "Root=1-68f0c1d2-3a4b5c6d7e8f901234567890;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture(autouse=True)
def no_fallback() -> Iterator[None]:
    """Each test begins and ends without an invocation."""
    yield
    fallback.record = Current()


def in_thread(function: Callable[[], object]) -> object:
    """Call a function in a thread without a context."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def in_context(record: Current, function: Callable[[], object]) -> object:
    """Call a function in the context of an invocation."""
    variables = copy_context()
    variables.run(current.set, record)
    return variables.run(function)


def test_a_record_says_what_is_known_of_an_invocation_and_nothing_more() -> None:
    record = Current("id-1")
    assert (record.request_id, record.trace_id, record.tenant_id) == ("id-1", "", None)
    assert (record.unfinished, record.cancelled) == (set(), False)


def test_two_records_share_nothing() -> None:
    one, two = Current(), Current()
    one.unfinished.add(object())
    assert two.unfinished == set()


def test_code_that_serves_no_invocation_finds_an_empty_record() -> None:
    assert current_or_fallback().request_id == ""
    assert current.get(None) is None


def test_code_of_an_invocation_finds_its_own_record_and_not_the_latest() -> None:
    record = Current("id-1")
    fallback.record = Current("id-2")
    assert in_context(record, current_or_fallback) is record


def test_a_thread_without_a_context_finds_the_latest_record() -> None:
    record = Current("id-1")
    fallback.record = record
    assert in_context(Current("id-0"), lambda: in_thread(current_or_fallback)) is record


def test_tasks_and_their_threads_find_the_record_of_their_invocation() -> None:
    async def serve(record: Current) -> bool:
        current.set(record)
        task = asyncio.create_task(asyncio.to_thread(current_or_fallback))
        return await task is record

    async def at_once() -> list[bool]:
        return await asyncio.gather(*(serve(Current(str(number))) for number in range(5)))

    assert all(asyncio.run(at_once()))


class TestTraceId:
    def test_is_that_of_the_invocation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "of the process")
        assert in_context(Current(trace_id=TRACE), xray_trace_id) == TRACE

    def test_is_that_of_the_latest_invocation_in_a_thread_without_a_context(self) -> None:
        fallback.record = Current(trace_id=TRACE)
        assert in_thread(xray_trace_id) == TRACE

    def test_or_that_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
        assert in_context(Current("id-1"), xray_trace_id) == TRACE

    def test_or_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
        assert xray_trace_id() is None


def test_the_module_keeps_one_record_for_the_process_and_one_context_variable() -> None:
    variables = [n for n, value in vars(module).items() if type(value).__name__ == "ContextVar"]
    assert variables == ["current"]
