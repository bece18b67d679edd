from __future__ import annotations

import json

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from adapter.emulator.local_invocation import (
    EndOfResponse,
    InvocationFailure,
    LocalInvocation,
    ResponseEnd,
    ResponseStart,
    exit_error,
    known_error_type,
    timeout_error,
)

from .fidelity import Source, behaviour

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


@pytest.mark.parametrize(
    ("returncode", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-40, "Runtime exited with error: signal: signal 40"),
    ],
)
@behaviour("The exit of a runtime is `Runtime.ExitError` with its status or signal", Source.SERVER)
async def test_the_exit_of_a_runtime_is_reported_in_the_words_of_lambda(
    returncode: int, reason: str
) -> None:
    failure = exit_error("id", returncode)
    assert json.loads(failure.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: id Error: {reason}",
    }


async def test_a_timeout_is_logged() -> None:
    message = json.loads(timeout_error("id", 3).payload)["errorMessage"]
    assert message == "RequestId: id Error: Task timed out after 3.00 seconds"


@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ("Function.Boom", "Function.Boom"),
        ("xRuntime.Ab", "xRuntime.Ab"),
        ("Function.OAuth2Error", "Function.OAuth2Error"),
        ("Function.Err404", "Function.Err404"),
        ("Function.boom", "Function.Unknown"),
        ("Function.B", "Function.Unknown"),
        ("TypeError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
@behaviour(
    "Error types like `Function.Err404` are kept whole, others become `Unknown`", Source.SERVER
)
async def test_error_types_are_reduced_to_what_the_platform_knows(reported: str, kept: str) -> None:
    assert known_error_type(reported) == kept
