"""Managed instances in the local Lambda: AWS's runtime, which forks, and ours, which does not."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from adapter.emulator.runtime_api.concurrent_api import ConcurrentApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.emulator.conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio

N = 3
RUNTIMES = {
    "native": (sys.executable, "-m", "adapter", "run", "main.handler"),
    "managed": (sys.executable, "-W", "default", "-m", "awslambdaric", "main.handler"),
}

# What waits, waits for a file that its query names.
SOURCE = """
import asyncio, os, time
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("startup", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
    while scope["path"] == "/late-app" and not os.path.exists(scope["query_string"]):
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            print("will not be cancelled", flush=True)
    if scope["path"] == "/die":
        os._exit(3)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d " % os.getpid(), "more_body": True})
    while scope["path"] == "/wait" and not os.path.exists(scope["query_string"]):
        await asyncio.sleep(0.01)
    for _ in range(5):
        await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b".", "more_body": True})
    await send({"type": "http.response.body", "body": b" done"})

streaming = LambdaHandler(app)

def handler(event, context):
    while event["rawPath"] == "/late-function" and not os.path.exists(event["rawQueryString"]):
        time.sleep(0.01)
    return streaming(event, context)
"""


class Instance:
    """A running one."""

    def __init__(self, local: Local, api: ConcurrentApi, folder: Path) -> None:
        self.local = local
        self.client = local.client
        self.log = local.log
        self.go = anyio.Path(folder / "go")
        self._api = api

    async def idle(self, slots: int) -> None:
        """Wait until so many events are waited for."""
        while self._api.state.waiting < slots:  # noqa: ASYNC110 - the runtime is asked nothing
            await anyio.sleep(0.005)

    async def logged(self, text: str) -> None:
        while text not in self.log.getvalue():  # noqa: ASYNC110 - it is a log
            await anyio.sleep(0.005)


@asynccontextmanager
async def instance(
    local: LocalFactory, tmp_path: Path, runtime: str, timeout: float = 30.0
) -> AsyncIterator[Instance]:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "main.py").write_text(SOURCE)
    command = RUNTIMES[runtime]
    async with local("", command=command, concurrency=N, timeout_seconds=timeout) as running:
        environment = await running.pool.warm()
        assert isinstance(environment.api, ConcurrentApi)
        started = Instance(running, environment.api, tmp_path)
        await started.idle(N)
        yield started
        assert running.pool.environments == 1


@pytest.mark.parametrize(("runtime", "processes"), [("native", 1), ("managed", N)])
async def test_as_many_stream_at_once_as_there_may_be_and_one_more_is_refused(
    local: LocalFactory, tmp_path: Path, runtime: str, processes: int
) -> None:
    async with instance(local, tmp_path, runtime) as served, AsyncExitStack() as stack:
        streams = []
        for _ in range(N):
            opened = served.client.stream("GET", f"/wait?{served.go}")
            streams.append((await stack.enter_async_context(opened)).aiter_text())
        pids = {await anext(chunks) for chunks in streams}
        assert len(pids) == processes
        assert served.log.getvalue().count("startup") == processes
        assert (await served.client.get("/")).status_code == 429
        await served.go.touch()
        for chunks in streams:
            assert "".join([chunk async for chunk in chunks]) == "..... done"
        await served.idle(N)
        assert (await served.client.get("/")).text.endswith("..... done")


async def test_a_forked_process_that_dies_costs_its_own_invocation_only(
    local: LocalFactory, tmp_path: Path
) -> None:
    async with instance(local, tmp_path, "managed", timeout=2.5) as served:
        assert (await served.client.get("/die")).status_code == 502
        for _ in range(N):
            await served.idle(N - 1)
            assert (await served.client.get("/")).text.endswith("..... done")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/late-app", 504, id="app"),  # told by the adapter, in time
        pytest.param("/late-function", 502, id="function"),  # by the platform
    ],
)
async def test_what_outlives_its_deadline_harms_nobody_beside_it_or_after_it(
    local: LocalFactory, tmp_path: Path, runtime: str, path: str, status: int
) -> None:
    async with instance(local, tmp_path, runtime, timeout=2.5) as served:
        responses: list[httpx.Response] = []

        async def be_late() -> None:
            responses.append(await served.client.get(f"{path}?{served.go}"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(be_late)
            while not responses:
                assert (await served.client.get("/")).text.endswith("..... done")
        assert responses[0].status_code == status
        assert (await served.client.get("/")).text.endswith("..... done")  # while it runs on
        await served.go.touch()
        await served.idle(N)
        if path == "/late-function":  # ours reports that in its place, in time or nearly so
            told = {"managed": "InvokeTimeout", "native": "still running at its deadline"}
            await served.logged(told[runtime])
        assert (await served.client.get("/")).text.endswith("..... done")
