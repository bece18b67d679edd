"""What a listener hears of an invocation, from a runtime process to a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.invocation_steps import (
    Ended,
    InvocationStep,
    Logged,
    Responded,
    Sent,
    Started,
    Written,
)

from .scripts import for_each_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.emulator.local_invocation import LocalInvocation

    from .conftest import LocalFactory

pytestmark = pytest.mark.anyio

TWO_CHUNKS = for_each_event(
    "print('working', flush=True)",
    "c.stream(request_id)",
    """c.chunk('{"statusCode":201}' + NULS)""",
    "c.chunk('one')",
    "c.chunk('two')",
    "c.end()",
)
FAILS = for_each_event(
    """c.call("POST", f"{API}/invocation/{request_id}/error", body=b'{"errorType":"Boom",'
        b'"errorMessage":"no luck"}')""",
    "continue",
)


def hear(heard: list[InvocationStep]) -> Callable[[LocalInvocation], Callable[..., None]]:
    return lambda _: heard.append


async def test_a_listener_hears_each_step_of_a_stream_in_the_order_of_time(
    local: LocalFactory,
) -> None:
    heard: list[InvocationStep] = []
    async with local(TWO_CHUNKS) as running:
        running.pool.listener_of = hear(heard)
        assert (await running.client.get("/")).text == "onetwo"
        await running.client.get("/")
    times = [step.at for step in heard if not isinstance(step, Logged)]
    assert times == sorted(times)
    assert [step.cold for step in heard if isinstance(step, Started)] == [True, False]
    written = b"".join(step.data for step in heard if isinstance(step, Written))
    assert written == (b'{"statusCode":201}' + bytes(8) + b"onetwo") * 2
    assert b"".join(step.data for step in heard if isinstance(step, Sent)) == b"onetwo" * 2
    assert [step.status for step in heard if isinstance(step, Responded)] == [201, 201]
    lines = [step.line for step in heard if isinstance(step, Logged)]
    assert lines.count("working") == 2
    assert sum(line.startswith("REPORT") for line in lines) == 2
    assert [step.end.clean for step in heard if isinstance(step, Ended)] == [True, True]


async def test_a_listener_hears_why_a_function_failed_and_what_its_client_got(
    local: LocalFactory,
) -> None:
    heard: list[InvocationStep] = []
    async with local(FAILS) as running:
        running.pool.listener_of = hear(heard)
        await running.client.get("/")
    assert [step.explanation for step in heard if isinstance(step, Ended)] == ["Boom: no luck"]
    assert [step.status for step in heard if isinstance(step, Responded)] == [502]
    assert [step.data for step in heard if isinstance(step, Sent)] == [b"Internal Server Error"]
