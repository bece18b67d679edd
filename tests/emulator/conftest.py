from __future__ import annotations

import io
import sys
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import h11
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from adapter.emulator.console import Console
from adapter.emulator.environments.pool import Pool, open_pool
from adapter.emulator.environments.sandbox import find_sandbox
from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.http_front_end import HttpFrontEnd
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.function_config import FunctionConfig
from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.runtime_api.on_demand_api import OnDemandApi

from .clock import AdjustableLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from adapter.emulator.front_ends.event_source import EventSource
    from adapter.emulator.runtime_api.server import RuntimeApi

RAW_RUNTIME = Path(__file__).with_name("raw_runtime.py")
DEFAULTS = FrontEndSettings()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": AdjustableLoop}


class Log(io.StringIO):
    """Collects what the console writes."""

    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@dataclass
class Local:
    """A running pool, with a function URL in front of it."""

    pool: Pool
    log: Log
    console: Console
    url: str
    client: httpx.AsyncClient

    def submit(self, event: bytes = b"{}", **options: Any) -> LocalInvocation:
        request_id = options.pop("request_id", "id-1")
        invocation = LocalInvocation(event, request_id=request_id, trace_id="Root=1", **options)
        self.pool.submit(invocation)
        return invocation


class LocalFactory(Protocol):
    def __call__(
        self,
        script: str,
        settings: FrontEndSettings = ...,
        limit: int = ...,
        source: EventSource | None = ...,
        **function: Any,
    ) -> AbstractAsyncContextManager[Local]: ...


@pytest.fixture
def local(tmp_path: Path) -> LocalFactory:
    """Run a script as the runtime (see raw_runtime.py), behind a pool and a function URL."""

    @asynccontextmanager
    async def open_local(
        script: str,
        settings: FrontEndSettings = DEFAULTS,
        limit: int = 10,
        source: EventSource | None = None,
        **options: Any,
    ) -> AsyncIterator[Local]:
        file = tmp_path / "script.py"
        file.write_text(script)
        root = tmp_path / "task"
        root.mkdir(exist_ok=True)
        options.setdefault("command", (sys.executable, "-S", str(RAW_RUNTIME), str(file)))
        function = FunctionConfig("main:app", root, **options)
        log = Log()
        console = Console(log)
        listening = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        sandbox = find_sandbox(root)
        with listening:
            async with (
                open_pool(function, sandbox, console, limit) as pool,
                serve(HttpFrontEnd(pool, settings, console, source), listening),
                httpx.AsyncClient(base_url=url, timeout=30) as client,
            ):
                yield Local(pool, log, console, url, client)
                await pool.close()

    return open_local


@dataclass
class RawReply:
    status: int
    headers: dict[str, str]
    body: bytes


class RawConnection:
    """A client's connection to the Runtime API, where every byte can be chosen."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._parser = h11.Connection(h11.CLIENT)

    async def send(self, *lines: str, body: bytes = b"") -> None:
        """Send a head, line by line, and what follows it."""
        host = [] if any(line.startswith("Host:") for line in lines) else ["Host: 127.0.0.1:9001"]
        await self._stream.send("\r\n".join([*lines, *host, "", ""]).encode() + body)

    async def more(self, data: bytes) -> None:
        await self._stream.send(data)

    async def half_close(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def reply(self) -> RawReply:
        if self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
        if self._parser.our_state is h11.IDLE:
            # The parser has to believe that it sent a request itself.
            self._parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
            self._parser.send(h11.EndOfMessage())
        head: h11.Response | None = None
        body = b""
        while True:
            event = self._parser.next_event()
            if event is h11.NEED_DATA:
                try:
                    self._parser.receive_data(await self._stream.receive())
                except anyio.EndOfStream:
                    self._parser.receive_data(b"")
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return RawReply(head.status_code, headers, body)
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError

    async def call(self, *lines: str, body: bytes = b"") -> RawReply:
        length = [f"Content-Length: {len(body)}"] if body or lines[0].startswith("POST") else []
        await self.send(*lines, *length, body=body)
        return await self.reply()


@dataclass
class Api:
    """A Runtime API without a process, and ways to call it."""

    api: RuntimeApi
    port: int
    connect: Callable[[], AbstractAsyncContextManager[RawConnection]]


class ApiFactory(Protocol):
    def __call__(
        self, kind: type[RuntimeApi] = ..., *, throttle: bool = ..., snapstart: bool = ...
    ) -> AbstractAsyncContextManager[Api]: ...


@pytest.fixture
def serve_api() -> ApiFactory:
    @asynccontextmanager
    async def open_api(
        kind: type[RuntimeApi] = OnDemandApi, *, throttle: bool = True, snapstart: bool = False
    ) -> AsyncIterator[Api]:
        function = FunctionConfig(
            "main:app", Path(), timeout_seconds=30.0, throttle=throttle, snapstart=snapstart
        )
        api = kind(function, "eu-west-1")
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)

        @asynccontextmanager
        async def connect() -> AsyncIterator[RawConnection]:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                yield RawConnection(stream)

        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, api.serve)
            yield Api(api, port, connect)
            tasks.cancel_scope.cancel()

    return open_api
