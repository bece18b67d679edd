from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from adapter.emulator.environments import pool
from adapter.emulator.outcome import InvocationFailure
from adapter.emulator.runtime_api.concurrent_api import ConcurrentApi

from ..clock import pass_time
from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from adapter.emulator.local_invocation import LocalInvocation

    from ..conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio

# Responds with its process id: at once, or after the client has begun to read and said "go".
PID = """
c = Client()
while True:
    request_id, event = c.next()
    c.stream(request_id, "Content-Type: text/plain")
    c.chunk(str(os.getpid()))
    if event != b"{}":
        while not os.path.exists(event.decode()):
            pass
    c.end()
    assert c.reply()[0] == 202
"""


async def pid_of(invocation: LocalInvocation) -> bytes:
    async with invocation.body:
        pid = b"".join([chunk async for chunk in invocation.body])
        await invocation.done.wait()
    return pid


@behaviour("A warm environment is reused", Source.DOCS)
async def test_a_warm_environment_is_reused(local: LocalFactory) -> None:
    async with local(PID) as running:
        first = await pid_of(running.submit(request_id="1"))
        second = await pid_of(running.submit(request_id="2"))
        assert first == second


# Goes on after its response until there is a file of the name that the event tells.
LINGERS = """
c = Client()
while True:
    request_id, event = c.next()
    c.stream(request_id, "Content-Type: text/plain")
    c.chunk(str(os.getpid()))
    c.end()
    assert c.reply()[0] == 202
    while event != b"{}" and not os.path.exists(event.decode()):
        pass
"""


async def test_a_request_waits_a_moment_for_an_environment_that_has_just_responded(
    local: LocalFactory, tmp_path: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "REUSE_SECONDS", 20.0)  # a busy machine may need more than usual
    go = anyio.Path(tmp_path) / "go"
    async with local(LINGERS) as running:
        first = running.submit(str(go).encode(), request_id="1")
        async with first.body:
            pid = b"".join([chunk async for chunk in first.body])
        second = running.submit(request_id="2")
        await go.touch()
        assert await pid_of(second) == pid
        assert running.pool.environments == 1


async def test_a_request_does_not_wait_for_an_app_that_works_on_after_its_response(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    never = anyio.Path(tmp_path) / "never"
    async with local(LINGERS) as running:
        first = running.submit(str(never).encode(), request_id="1")
        async with first.body:
            pid = b"".join([chunk async for chunk in first.body])
        assert await pid_of(running.submit(request_id="2")) != pid


async def test_of_two_requests_one_waits_for_the_environment_that_has_just_responded(
    local: LocalFactory, tmp_path: anyio.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "REUSE_SECONDS", 20.0)  # a busy machine may need more than usual
    go = anyio.Path(tmp_path) / "go"
    async with local(LINGERS) as running:
        first = running.submit(str(go).encode(), request_id="1")
        async with first.body:
            pid = b"".join([chunk async for chunk in first.body])
        second, third = running.submit(request_id="2"), running.submit(request_id="3")
        await go.touch()
        pids = {await pid_of(second), await pid_of(third)}
        assert pid in pids
        assert len(pids) == running.pool.environments == 2


@behaviour("Concurrent requests have separate environments", Source.DOCS)
async def test_concurrent_requests_have_separate_processes(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    event = str(go).encode()
    async with local(PID) as running:
        first = running.submit(event, request_id="1")
        second = running.submit(event, request_id="2")
        async with first.body, second.body:
            assert await anext(first.body) != await anext(second.body)
            assert running.pool.environments == 2
            await go.touch()
            await first.done.wait()
            await second.done.wait()


async def test_more_requests_than_environments_wait_in_order(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    async with local(PID, limit=1) as running:
        first = running.submit(str(go).encode(), request_id="1")
        waiting = [running.submit(request_id=f"{n}") for n in (2, 3, 4)]
        async with first.body:
            pid = await anext(first.body)
            await go.touch()
            await first.done.wait()
        assert [await pid_of(invocation) for invocation in waiting] == [pid] * 3
        started = [line for line in running.log.lines if line.startswith("START")]
        assert [line.split()[2] for line in started] == ["1", "2", "3", "4"]


async def test_new_code_starts_new_environments_and_running_requests_are_completed(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    async with local(PID) as running:
        idle = await pid_of(running.submit(request_id="0"))
        busy = running.submit(str(go).encode(), request_id="1")
        async with busy.body:
            assert await anext(busy.body) == idle
            running.pool.replace()
            assert await pid_of(running.submit(request_id="2")) != idle
            await go.touch()
            await busy.done.wait()
        assert busy.end is not None
        assert busy.end.clean
        assert await pid_of(running.submit(request_id="3")) != idle


async def test_an_environment_that_is_replaced_while_it_starts_ends(local: LocalFactory) -> None:
    async with local(PID) as running, anyio.create_task_group() as tasks:
        tasks.start_soon(running.pool.warm)
        while not running.pool.environments:
            await anyio.lowlevel.checkpoint()
        running.pool.replace()
        first = await pid_of(running.submit(request_id="1"))
        assert await pid_of(running.submit(request_id="2")) == first


async def test_an_init_that_timed_out_before_the_first_request_counts_as_its_first_try(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    tries = anyio.Path(tmp_path) / "tries"
    script = f"""
import signal
with open({str(tries)!r}, "a") as file: file.write("x")
if os.path.getsize({str(tries)!r}) == 1: signal.pause()
"""
    async with local(script + PID, init_timeout_seconds=20) as running:
        environment = await running.pool.start()
        while not await tries.exists() or not await tries.read_text():
            await anyio.lowlevel.checkpoint()
        pass_time(20)
        await environment.api.initialised.wait()
        assert environment.init_timed_out
        assert await pid_of(running.submit(request_id="1"))
        assert await tries.read_text() == "xx"


async def test_closing_fails_waiting_invocations(local: LocalFactory, tmp_path: anyio.Path) -> None:
    async with local(PID, limit=1) as running:
        busy = running.submit(str(anyio.Path(tmp_path) / "never").encode(), request_id="1")
        waiting = running.submit(request_id="2")
        async with busy.body, waiting.body:
            await anext(busy.body)
            await running.pool.close()
            start = await waiting.wait_for_start()
            assert isinstance(start, InvocationFailure)
            assert start.error_type == "Sandbox.Failure"
            assert running.pool.environments == 0


# One request after the other on each of two connections, all in one process.
TWO = PID.replace("c = Client()", "os.fork()\nc = Client()").replace(
    "str(os.getpid())", "str(os.getpgrp())"
)


async def waits(running: Local) -> None:
    environment = await running.pool.warm()
    assert isinstance(environment.api, ConcurrentApi)
    while environment.api.state.waiting < 2:
        await anyio.lowlevel.checkpoint()


async def test_a_managed_instance_serves_many_and_refuses_more_than_its_limit(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    async with local(TWO, concurrency=2) as running:
        await waits(running)
        invocations = [running.submit(str(go).encode(), request_id=f"{n}") for n in range(2)]
        async with invocations[0].body, invocations[1].body:
            pids = {await anext(invocation.body) for invocation in invocations}
            assert len(pids) == running.pool.environments == 1
            refused = await running.client.get("/")
            assert (refused.status_code, refused.json()) == (429, {"Message": "Rate Exceeded."})
            await go.touch()
            for invocation in invocations:
                await invocation.done.wait()
        await waits(running)
        assert await pid_of(running.submit(request_id="3")) in pids


@behaviour(
    "A request below the limit of a managed instance that still opens its connections",
    Source.OPEN,
    "waits up to 1 s",
)
async def test_a_managed_instance_serves_as_many_as_it_may_while_it_still_opens_its_connections(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    late = TWO.replace("os.fork()", "import time; os.fork() or time.sleep(0.3)")
    async with local(late, concurrency=2) as running:
        invocations = [running.submit(str(go).encode(), request_id=f"{n}") for n in range(2)]
        async with invocations[0].body, invocations[1].body:
            for invocation in invocations:
                assert await anext(invocation.body)
            await go.touch()
            for invocation in invocations:
                await invocation.done.wait()


async def test_a_managed_instance_whose_runtime_opens_too_few_connections_refuses_in_the_end(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    async with local(PID, concurrency=2) as running:
        busy = running.submit(str(go).encode(), request_id="1")
        async with busy.body:
            assert await anext(busy.body)
            assert (await running.client.get("/")).status_code == 429
            await go.touch()
            await busy.done.wait()


async def test_new_code_starts_a_new_instance_and_running_requests_are_completed(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    go = anyio.Path(tmp_path) / "go"
    async with local(TWO, concurrency=2) as running:
        await waits(running)
        busy = running.submit(str(go).encode(), request_id="1")
        async with busy.body:
            old = await anext(busy.body)
            running.pool.replace()
            assert await pid_of(running.submit(request_id="2")) != old
            assert running.pool.environments == 2
            await go.touch()
            await busy.done.wait()
        while running.pool.environments > 1:
            await anyio.lowlevel.checkpoint()
        assert busy.end is not None
        assert busy.end.clean
