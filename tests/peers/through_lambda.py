"""A pytest plugin: Starlette's ``TestClient`` sends its HTTP requests through `LambdaTransport`.

It runs inside other projects' test suites, so it imports nothing else of our tests. The client
keeps what is its own: the lifespan that it runs, the state of that, and the errors that it raises.
WebSockets, which Lambda does not have, go their usual way. The Content-Length of a response, which
Lambda drops from a stream, is put back: many tests assert on it first, and on other things then.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
from starlette import testclient

from adapter import LambdaHandler
from adapter.testing import LambdaTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import pytest
    from anyio.from_thread import BlockingPortal

    from adapter.types import ASGIApp, Message, Receive, Scope, Send

ClientTransport = testclient._TestClientTransport
_handle_request = ClientTransport.handle_request


class Recorder:
    """An app that the client wants run: with its state, and with a note of what it raised."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.error: BaseException | None = None
        self.length: list[tuple[bytes, bytes]] = []  #: the Content-Length that the app sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                self.length = [(n, v) for n, v in headers if n.lower() == b"content-length"]
            await send(message)

        scope["state"] = self._transport.app_state.copy()
        scope["root_path"] = self._transport.root_path
        try:
            await self._transport.app(scope, receive, noting)
        except BaseException as error:
            self.error = error
            raise


class Body(httpx.SyncByteStream):
    """The body of a response as it comes, read from another thread."""

    def __init__(self, response: Any, exchange: Exchange) -> None:
        self._response = response
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        chunks = aiter(self._response.stream)
        try:
            while (chunk := self._exchange.portal.call(_next, chunks)) is not None:
                yield chunk
        except httpx.ReadError:
            if not self._exchange.failed:
                raise
        self._exchange.end()

    def close(self) -> None:
        self._exchange.end()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


class Exchange:
    """One request and its response."""

    def __init__(self, transport: Any, portal: BlockingPortal, stack: ExitStack) -> None:
        self.portal = portal
        self._raises = transport.raise_server_exceptions
        self._stack = stack
        self._ended = False
        self._recorder = Recorder(transport)
        app: ASGIApp = self._recorder
        self._lambda = LambdaTransport(LambdaHandler(app, lifespan="off"))

    @property
    def failed(self) -> bool:
        """Whether the app has raised."""
        return self._recorder.error is not None

    def send(self, request: httpx.Request) -> httpx.Response:
        request.read()
        send: Any = self._lambda.handle_async_request
        response: Any = self.portal.call(send, request)
        headers = response.headers.raw
        if "content-length" not in response.headers:
            headers += self._recorder.length
        return httpx.Response(response.status_code, headers=headers, stream=Body(response, self))

    def end(self) -> None:
        """Wait for the app, once, and raise what it raised."""
        if self._ended:
            return
        self._ended = True
        with self._stack:
            self.portal.call(self._lambda.aclose)
        error, self._recorder.error = self._recorder.error, None
        if error is not None and self._raises:
            raise error


def handle_request(self: Any, request: Any) -> Any:
    if request.url.scheme in ("ws", "wss"):
        return _handle_request(self, request)
    stack = ExitStack()
    portal = stack.enter_context(self.portal_factory())
    return Exchange(self, portal, stack).send(request)


class Results:
    """Counts the tests that pass, names those that fail, and writes both into a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed = 0
        self._failed: set[str] = set()
        self._left_out: list[str] = []

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._left_out += [item.nodeid for item in items if "trio" not in item.name]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self._passed += 1

    def pytest_sessionfinish(self) -> None:
        results = {
            "passed": self._passed,
            "failed": sorted(self._failed),
            "left_out": self._left_out,
        }
        self._path.write_text(json.dumps(results))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("peers")
    group.addoption("--results", type=Path, required=True, help="the file to write results into")
    group.addoption("--leave-out", action="append", default=[], help="ids of tests, a pattern")
    group.addoption("--without-lambda", action="store_true", help="leave the client as it is")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Results(config.getoption("results")))
    if not config.getoption("without_lambda"):
        ClientTransport.handle_request = handle_request  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is to be left out, and trio: on Lambda the event loop is asyncio's."""
    patterns = config.getoption("leave_out")
    left_out = [item for item in items if "trio" in item.name or is_any_of(patterns, item.nodeid)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def is_any_of(patterns: list[str], test: str) -> bool:
    return any(fnmatchcase(test.partition("[")[0], pattern) for pattern in patterns)
