"""An HTTP transport that takes every request the way it takes through Lambda."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx

from ..events.build import function_url_event
from ..handler import LambdaHandler
from ..prelude import decode
from ..types import StreamingHandler
from . import MemoryStream, lambda_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ..types import JSON, ASGIApp, Event, Prelude


class LambdaTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends requests through event, handler and stream, and streams the answers back.

    An existing test suite runs through it unchanged::

        client = httpx.Client(transport=LambdaTransport(app), base_url="http://testserver")

    and with ``httpx.AsyncClient`` likewise. The app's lifespan starts with the first request and
    ends when the client is closed. A function that fails is a 502, as behind a function URL; one
    that fails after the head raises ``httpx.ReadError`` where the body breaks off.

    Args:
        app: an ASGI app, or a handler.
        seconds: the time-out of the function.
    """

    def __init__(self, app: ASGIApp | StreamingHandler, *, seconds: float = 900) -> None:
        self._handler = app if isinstance(app, StreamingHandler) else LambdaHandler(app)
        self._seconds = seconds
        self._tasks: set[asyncio.Task[JSON]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Serve a request on the running event loop."""
        head, body = await self._exchange(_event(request, await request.aread()))
        return _response(head, _AsyncBody(body))

    async def aclose(self) -> None:
        """Wait for what still runs and end the app's lifespan."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._handler.shutdown()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Serve a request on an event loop in a thread."""
        event = _event(request, request.read())
        head, body = self._wait(self._exchange(event))
        return _response(head, _SyncBody(self, body))

    def close(self) -> None:
        """Do what `aclose` does, and stop the thread."""
        if self._loop is not None:
            self._wait(self.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    async def _exchange(self, event: Event) -> tuple[Prelude, AsyncIterator[bytes]]:
        """Invoke the handler; return the head, and the body as it comes."""
        stream = MemoryStream()
        task = asyncio.create_task(
            self._handler.respond(event, lambda_context(seconds=self._seconds), stream)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: stream.disconnect("The handler has ended."))
        chunks = aiter(stream)
        first = await anext(chunks, None)
        if first is not None:
            head, rest = decode(first)
            return head, _streamed(rest, chunks, stream)
        with suppress(Exception):
            return _buffered(await task)
        failed: Prelude = {"statusCode": 502, "headers": {"content-type": "text/plain"}}
        return failed, _once(b"Internal Server Error")

    def _wait(self, awaitable: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run_loop, args=(self._loop,), daemon=True).start()
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, transport: LambdaTransport, body: AsyncIterator[bytes]) -> None:
        self._transport = transport
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._transport._wait(_next(self._body))) is not None:
            yield chunk


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _streamed(
    first: bytes, chunks: AsyncIterator[bytes], stream: MemoryStream
) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        yield chunk
    if stream.error is not None:
        raise httpx.ReadError(f"The response failed: {stream.error!r}") from stream.error


def _buffered(answer: JSON) -> tuple[Prelude, AsyncIterator[bytes]]:
    """Read a buffered answer as a function URL does."""
    assert isinstance(answer, dict)
    body = str(answer.get("body", ""))
    data = b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    head: Any = answer
    return head, _once(data)


def _event(request: httpx.Request, body: bytes) -> Event:
    target = request.url.raw_path.decode("ascii")
    path, _, query = target.partition("?")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    headers.append(("x-forwarded-proto", request.url.scheme))
    headers.append(("x-forwarded-port", str(request.url.port or (80, 443)[request.url.scheme == "https"])))
    return function_url_event(path, method=request.method, query=query, headers=headers, body=body)


def _response(head: Prelude, body: httpx.AsyncByteStream | httpx.SyncByteStream) -> httpx.Response:
    headers = [*head.get("headers", {}).items()]
    headers += [("set-cookie", cookie) for cookie in head.get("cookies", ())]
    return httpx.Response(
        head["statusCode"],
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        stream=body,
    )


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()
