from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.outcome import (
    EndOfResponse,
    InvocationFailure,
    ResponseEnd,
    ResponseStart,
)

pytestmark = pytest.mark.anyio
COMPLETE = ResponseEnd(EndOfResponse.COMPLETE)


def make() -> LocalInvocation:
    return LocalInvocation(b"{}", request_id="id", trace_id="Root=1")


async def test_the_start_is_known_at_the_first_byte_and_not_before() -> None:
    invocation = make()
    starts = []

    async def wait() -> None:
        starts.append(await invocation.wait_for_start())

    async with invocation.body, anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        invocation.begin("text/plain")
        await wait_all_tasks_blocked()
        assert starts == []
        await invocation.write(b"x")
        await wait_all_tasks_blocked()
        assert starts == [ResponseStart("text/plain")]
        assert await anext(invocation.body) == b"x"
        invocation.finish(COMPLETE)


async def test_a_failure_before_the_first_byte_is_the_start() -> None:
    invocation = make()
    async with invocation.body:
        invocation.begin("text/plain")
        failure = InvocationFailure("Runtime.ExitError", b"{}")
        invocation.fail(failure)
        assert await invocation.wait_for_start() is failure
        assert [chunk async for chunk in invocation.body] == []


async def test_a_failure_after_the_first_byte_truncates_the_response() -> None:
    invocation = make()
    async with invocation.body:
        invocation.begin("text/plain")
        await invocation.write(b"x")
        assert await anext(invocation.body) == b"x"
        invocation.fail(InvocationFailure("Sandbox.Timedout"))
        assert [chunk async for chunk in invocation.body] == []
        assert invocation.end == (EndOfResponse.TRUNCATED, "Sandbox.Timedout", "")


async def test_the_first_end_counts() -> None:
    invocation = make()
    async with invocation.body:
        invocation.begin("text/plain")
        invocation.finish(COMPLETE)
        invocation.fail(InvocationFailure("Sandbox.Timedout"))
        invocation.begin("text/html")
        await invocation.write(b"late")
        assert await invocation.wait_for_start() == ResponseStart("text/plain")
        assert invocation.end is COMPLETE
        assert invocation.bytes == 0


async def test_a_client_that_disconnects_does_not_stop_the_function() -> None:
    invocation = make()
    invocation.begin("text/plain")
    invocation.body.close()
    await invocation.write(b"no reader!")
    assert invocation.bytes == 10
    invocation.finish(COMPLETE)
