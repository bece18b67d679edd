"""What is sent once more because its reply was lost, to the local Lambda's Runtime API."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.abc import SocketAttribute

from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.outcome import EndOfResponse
from adapter.runtime_api.client import RuntimeClient
from tests.emulator.conftest import serve_api as serve_api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import SocketStream

    from tests.emulator.conftest import Api, ApiFactory

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def losing_a_reply(api: Api) -> AsyncIterator[str]:
    """Open a way to the Runtime API that breaks with the first 202; give its address."""
    lost = False

    async def pass_on(source: SocketStream, target: SocketStream, both: anyio.CancelScope) -> None:
        nonlocal lost
        async for data in source:
            if data.startswith(b"HTTP/1.1 202") and not lost:
                lost = True
                break
            await target.send(data)
        both.cancel()

    async def relay(near: SocketStream) -> None:
        far = await anyio.connect_tcp("127.0.0.1", api.port)
        async with near, far, anyio.create_task_group() as both:
            both.start_soon(pass_on, near, far, both.cancel_scope)
            both.start_soon(pass_on, far, near, both.cancel_scope)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, relay)
        yield f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("fails", [False, True], ids=["reply", "error"])
async def test_a_repeated_outcome_that_is_refused_was_taken_before_so_the_next_may_come(
    serve_api: ApiFactory, fails: bool
) -> None:
    async with serve_api() as api, losing_a_reply(api) as address:
        client = RuntimeClient(address)
        asking = asyncio.create_task(client.next())
        await api.api.next_called.wait()
        served = LocalInvocation(b"{}", request_id="id-1", trace_id="Root=1")
        api.api.deliver(served)
        taken = await asking
        posting = asyncio.create_task(
            client.error(taken, ValueError("no"))
            if fails
            else client.respond(taken, b'"fine"', "application/json")
        )
        async with served.body:
            assert b"".join([chunk async for chunk in served.body]) == (b"" if fails else b'"fine"')
        assert (await posting).status == 202
        assert served.end is not None
        assert served.end == (EndOfResponse.COMPLETE, "Function.ValueError" if fails else "", "")
        asking = asyncio.create_task(client.next())
        await served.done.wait()
        asking.cancel()
        client.close()
