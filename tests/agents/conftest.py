from __future__ import annotations

import io
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapter.emulator.console import Console
from adapter.emulator.environments.pool import open_pool
from adapter.emulator.environments.sandbox import find_sandbox
from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.http_front_end import HttpFrontEnd
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.function_config import FunctionConfig
from tests.support.adapter_dev import adapter_dev
from tests.support.prepared import prepared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

EXAMPLES = Path(__file__).parents[2] / "examples"
RUNTIMES = ["adapter dev", "managed 3", "managed 4"]


@asynccontextmanager
async def serve_managed(
    folder: Path, runtime: str, environ: Mapping[str, str]
) -> AsyncIterator[str]:
    """Serve an example as `adapter dev` does, but from AWS's runtime."""
    command = (sys.executable, "-m", "awslambdaric", "handler.handler")
    path = {"PYTHONPATH": str(prepared("awslambdaric-3"))} if runtime == "managed 3" else {}
    function = FunctionConfig(
        "handler.handler", folder, command, throttle=False, environ={**path, **environ}
    )
    console = Console(io.StringIO())
    listening = listen("127.0.0.1", 0)
    with listening:
        async with (
            open_pool(function, find_sandbox(folder), console, 1) as pool,
            serve(HttpFrontEnd(pool, FrontEndSettings(), console), listening),
        ):
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            await pool.close()


@asynccontextmanager
async def serve_example(
    name: str, runtime: str, *options: str, **environ: str
) -> AsyncIterator[str]:
    """Serve an example under a runtime; the target of `adapter dev` is its handler."""
    folder = EXAMPLES / name
    if runtime != "adapter dev":
        async with serve_managed(folder, runtime, environ) as url:
            yield url
        return
    target = f"{folder / 'handler.py'}:handler"
    with adapter_dev(target, "--max-environments", "1", *options, **environ) as running:
        yield running.url


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)
