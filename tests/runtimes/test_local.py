"""The native runtime in the local Lambda: the whole path, with a client at its end."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.runtimes.apps import HELLO, LIFESPAN

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import Any

    from tests.emulator.conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio

RUN = (sys.executable, "-m", "adapter", "run")


class Serve:
    def __init__(self, local: LocalFactory, root: Path) -> None:
        self._local = local
        self._root = root

    def __call__(self, source: str, **options: Any) -> AbstractAsyncContextManager[Local]:
        self._root.mkdir()
        (self._root / "main.py").write_text(dedent(source))
        return self._local("", command=RUN, **options)


@pytest.fixture
def serve(local: LocalFactory, tmp_path: Path) -> Serve:
    return Serve(local, tmp_path / "task")


async def get(local: Local, path: str = "/") -> httpx.Response:
    """Make a request, and wait until its environment is free again."""
    reports = local.log.getvalue().count("REPORT")
    response = await local.client.get(path)
    while local.log.getvalue().count("REPORT") == reports:  # noqa: ASYNC110 - it is a log
        await anyio.sleep(0.005)
    return response


async def test_three_requests_share_one_lifespan_and_the_app_is_told_of_the_end(
    serve: Serve,
) -> None:
    async with serve(LIFESPAN) as local:
        responses = [(await get(local)).text for _ in range(3)]
        assert responses == ["1", "2", "3"]
        assert local.pool.environments == 1
        assert local.log.getvalue().count("startup") == 1
        assert "shutdown" not in local.log.getvalue()
    assert "shutdown" in local.log.getvalue()  # so there was a SIGTERM, so there was an extension


async def test_the_first_chunk_arrives_before_the_app_has_made_the_second(serve: Serve) -> None:
    source = """
    import asyncio, os

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while not os.path.exists(scope["query_string"]):
            await asyncio.sleep(0.005)
        await send({"type": "http.response.body", "body": b"second"})
    """
    async with serve(source) as local:
        go = anyio.Path(str(local.pool.function.task_root / "go"))
        async with local.client.stream("GET", f"/?{go}") as response:
            chunks = response.aiter_bytes()
            assert await anext(chunks) == b"first"
            await go.touch()
            assert await anext(chunks) == b"second"


@pytest.mark.parametrize("errors", ["respond", "raise"])
async def test_a_failure_before_the_first_byte_is_a_500_or_a_502(
    serve: Serve, errors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_ERRORS", errors)
    async with serve("async def app(scope, receive, send): 1 / 0") as local:
        statuses = [(await get(local)).status_code for _ in range(2)]
        assert statuses == [500 if errors == "respond" else 502] * 2
        assert local.pool.environments == 1


async def test_a_failure_in_mid_stream_is_reported_and_the_environment_serves_on(
    serve: Serve,
) -> None:
    source = """
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"so far", "more_body": True})
        raise ValueError("then")
    """
    async with serve(source) as local:
        for _ in range(2):
            assert (await get(local)).text == "so far"
        assert "\r" not in local.log.getvalue()  # a traceback is one event of many lines
        assert local.pool.environments == 1
        assert local.log.getvalue().count("Function.ValueError") == 2


async def test_at_the_deadline_the_client_is_told_and_the_environment_serves_on(
    serve: Serve,
) -> None:
    source = """
    import asyncio

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        if scope["path"] == "/hang":
            await asyncio.sleep(60)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})
    """
    async with serve(source, timeout_seconds=1.0) as local:
        assert (await get(local, "/hang")).status_code == 504
        assert (await get(local)).text == "fine"
        assert local.pool.environments == 1


async def test_a_crash_costs_its_request_and_no_other(serve: Serve) -> None:
    source = HELLO.replace(
        '    assert scope["type"] == "http"\n',
        '    assert scope["type"] == "http"\n'
        '    if scope["path"] == "/crash": __import__("os")._exit(3)\n',
    )
    async with serve(source) as local:
        assert (await get(local)).text == "hello"
        assert (await get(local, "/crash")).status_code == 502
        assert (await get(local)).text == "hello"
        assert local.pool.environments == 1


async def test_a_handler_that_cannot_be_loaded_is_the_response_to_the_request(serve: Serve) -> None:
    async with serve("import nowhere") as local:
        assert (await get(local)).status_code == 502
        assert "Runtime.ImportModuleError" in local.log.getvalue()


async def test_a_client_that_leaves_does_not_stop_the_function_as_on_AWS(serve: Serve) -> None:
    source = """
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": bytes(1000), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        print("complete", flush=True)
    """
    async with serve(source) as local:
        async with httpx.AsyncClient() as client, client.stream("GET", local.url) as response:
            assert response.status_code == 200
        assert (await get(local)).status_code == 200
        assert "complete" in local.log.getvalue()
