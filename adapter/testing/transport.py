"""An HTTP transport that sends each request through a handler as Lambda does."""

from __future__ import annotations

import asyncio
import atexit
import functools
import json
import sys
import threading
import warnings
import weakref
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from ..entry import EntryPoint
from ..errors import EventError, StreamClosed
from ..events.prelude import CONTENT_TYPE, DELIMITER, decode
from ..function import FunctionHandler
from ..handler import LambdaHandler
from ..invocation.loggers import get_logger
from ..samples.url_event import function_url_event
from ..streams.metadata import field
from ..streams.streaming_handler import StreamingHandler
from ..types import Head
from .context import lambda_context
from .loop_thread import LoopThread
from .memory import MemoryStream

if TYPE_CHECKING:
    import httpx
else:
    try:
        import httpx
    except ModuleNotFoundError as missing:
        try:
            import httpx2 as httpx
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "LambdaTransport needs httpx or httpx2: pip install httpx", name="httpx"
            ) from missing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
    from types import ModuleType

    from ..types import JSON, ASGIApp, Event

    _Response = tuple[Head, bytes]

logger = get_logger("adapter.testing")

EXIT_SECONDS = 2
"""How long the end of the process waits for the app of a transport that was not closed."""


class LambdaTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends requests through event, handler and stream, and streams the responses back.

    In an existing test suite only the client changes: an ``httpx`` client, or the ``TestClient`` of
    Starlette and FastAPI, which is an ``httpx`` client too::

        client = httpx.Client(transport=LambdaTransport(app), base_url="http://testserver")

    ``httpx.AsyncClient`` and the clients of ``httpx2`` accept it, too. The app's lifespan starts
    with the first request and ends when the client is closed, or with the process. A failure
    of the function is a 502, as with a function URL. A failure after the head raises
    ``httpx.ReadError`` after the part of the body that was sent. Closing a response early is a
    disconnect of the client. A client that is dropped and was not closed is a ResourceWarning: its
    app is not shut down.

    Args:
        app: an ASGI app, or a handler.
        seconds: the timeout of the function.
    """

    def __init__(self, app: ASGIApp | StreamingHandler, *, seconds: float = 900) -> None:
        self._is_open = False  #: has sent a request, and was not closed after that
        self._handler: StreamingHandler
        if isinstance(app, EntryPoint) and app.is_wrapper:
            self._handler = FunctionHandler(app)
        else:
            self._handler = app if isinstance(app, StreamingHandler) else LambdaHandler(app)
        self._seconds = seconds
        self._running: dict[asyncio.Task[_Response | None], MemoryStream] = {}
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None

    def __del__(self) -> None:
        if self._is_open:
            warnings.warn(
                "A LambdaTransport was not closed, so the lifespan of its app was not shut down."
                " Use its client in a with statement.",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Serve a request on the running event loop."""
        head, chunks = await self._exchange(_event(request, await request.aread()))
        return _response(request, head, chunks, None)

    async def aclose(self) -> None:
        """Disconnect from open responses, wait for their end, and end the app's lifespan."""
        self._is_open = False
        for stream in self._running.values():
            stream.disconnect("The client has been closed.")
        await asyncio.gather(*self._running)
        await self._handler.shutdown()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Serve a request on an event loop in a thread."""
        event = _event(request, request.read())
        thread = self._start_thread()
        head, chunks = thread.run(self._exchange(event))
        return _response(request, head, chunks, thread)

    def close(self) -> None:
        """Close the transport as `aclose` does, and end the thread."""
        self._close(None)

    def _start_thread(self) -> LoopThread:
        with self._lock:
            if self._thread is None:
                self._thread = LoopThread()
                weakref.finalize(self, self._thread.stop).atexit = False
                _open.add(self)
            return self._thread

    def _close(self, timeout: float | None) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
        _open.discard(self)
        if thread is None or not thread.is_alive():
            return
        try:
            thread.run(self.aclose(), timeout)
        finally:
            thread.stop()
            thread.join(timeout)

    async def _exchange(self, event: Event) -> tuple[Head, _Chunks]:
        """Invoke the handler; return the head and an iterator of the body."""
        self._is_open = True
        stream = MemoryStream()
        task = asyncio.create_task(self._invoke(event, stream))
        self._running[task] = stream
        task.add_done_callback(self._running.pop)
        chunks = aiter(stream)
        try:
            begun = await _begin(stream, chunks)
        except asyncio.CancelledError:
            stream.disconnect("The request has been cancelled.")
            raise
        except EventError as error:
            logger.error("The head of the response is malformed: %s", error)
            stream.disconnect("The head of the response is malformed.")
            begun = None
        if begun is not None:
            head, first = begun
            return head, _Chunks(_streamed(first, chunks, stream), stream)
        head, body = await task or _BAD_GATEWAY
        return head, _Chunks(_once(body), stream)

    async def _invoke(self, event: Event, stream: MemoryStream) -> _Response | None:
        """Call the handler as a runtime does, and always end the stream.

        Return the buffered response, or None if the response was streamed or the handler failed.
        """
        buffered = None
        try:
            context = lambda_context(seconds=self._seconds)
            response = await self._handler.respond(event, context, stream)
            if stream.started and not stream.closed:
                raise StreamClosed("The handler returned, but it had not ended its stream.")
            if not stream.closed:
                buffered = _read(response)
        except BaseException as error:
            logger.error("The invocation failed.", exc_info=error)
            stream.fail(error)
        stream.disconnect("The response is not streamed.")
        return buffered


_open: weakref.WeakSet[LambdaTransport] = weakref.WeakSet()


def _close_at_exit() -> None:
    """Close the transports that are still open: the threads of an app may end only then."""
    for transport in [*_open]:
        try:
            transport._close(EXIT_SECONDS)
        except Exception as error:
            logger.warning("Closing a LambdaTransport at the end of the process failed: %r", error)


# atexit would be too late: the interpreter joins its threads before, also those of an app.
getattr(threading, "_register_atexit", atexit.register)(_close_at_exit)


class _Chunks:
    """The body of a response: an iterator that can be stopped."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], stream: MemoryStream) -> None:
        self._chunks = chunks
        self._stream = stream

    async def next(self) -> bytes | None:
        return await anext(self._chunks, None)

    async def aclose(self) -> None:
        self._stream.disconnect("The client has closed the response.")
        await self._chunks.aclose()


class _Body:
    """The body as httpx reads it: with ``await``, or from another thread."""

    def __init__(self, chunks: _Chunks, thread: LoopThread | None, library: ModuleType) -> None:
        self._chunks = chunks
        self._thread = thread
        self._library = library

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._next()) is not None:
            yield chunk

    async def aclose(self) -> None:
        await self._chunks.aclose()

    def __iter__(self) -> Iterator[bytes]:
        assert self._thread is not None
        while self._thread.is_alive():
            chunk = self._thread.run(self._next())
            if chunk is None:
                return
            yield chunk
        raise self._library.ReadError(_CLOSED)

    def close(self) -> None:
        assert self._thread is not None
        if self._thread.is_alive():
            self._thread.run(self.aclose())

    async def _next(self) -> bytes | None:
        try:
            return await self._chunks.next()
        except _BrokenOffError as error:
            raise self._library.ReadError(str(error)) from error.__cause__


_CLOSED = "The client has been closed before the end of the response."


class _BrokenOffError(Exception):
    """The response has ended in the middle of its body."""


async def _streamed(
    first: bytes, chunks: AsyncIterator[bytes], stream: MemoryStream
) -> AsyncGenerator[bytes, None]:
    if first:
        yield first
    async for chunk in chunks:
        yield chunk
    if stream.error is not None:
        raise _BrokenOffError(f"The function failed: {stream.error!r}") from stream.error
    if stream.disconnected:
        raise _BrokenOffError(_CLOSED)


async def _begin(stream: MemoryStream, chunks: AsyncIterator[bytes]) -> _Response | None:
    """Read the head and the start of the body as a function URL does; None without a stream.

    Raises:
        EventError: the function URL could not read the head.
    """
    first = await anext(chunks, None)
    if first is None and (stream.error is not None or not stream.started):
        return None
    data = first or b""
    if stream.content_type != CONTENT_TYPE:
        return Head(200, [(b"content-type", stream.content_type.encode("latin-1"))]), data
    while DELIMITER not in data and (more := await anext(chunks, None)) is not None:
        data += more
    prelude, body = decode(data)
    return _described(prelude), body


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


_BAD_GATEWAY = Head(502, [(b"content-type", b"text/plain")]), b"Internal Server Error"


def _read(response: JSON) -> _Response:
    """Read a buffered response as a function URL does.

    An object with ``statusCode`` describes the response; any other JSON is the body.

    Raises:
        EventError: a value of the description cannot be sent.
        TypeError: the response is not JSON.
    """
    if not isinstance(response, dict) or "statusCode" not in response:
        return Head(200, [(b"content-type", b"application/json")]), json.dumps(response).encode()
    body = "" if response.get("body") is None else response["body"]
    if not isinstance(body, str):
        raise EventError(f"The body of a response is of type {type(body).__name__}, not a string.")
    data = b64decode(body) if response.get("isBase64Encoded") else body.encode()
    return _described(response), data


def _described(response: Mapping[str, Any]) -> Head:
    """Return the head that a prelude or a buffered response describes.

    Raises:
        EventError: a value cannot be sent.
    """
    status = response.get("statusCode", 200)
    headers = [*(response.get("headers") or {}).items()]
    headers += [("set-cookie", cookie) for cookie in response.get("cookies") or ()]
    if not isinstance(status, int) or not all(isinstance(value, str) for _, value in headers):
        raise EventError("A function URL needs a number as the status, and strings as headers.")
    return Head(status, [field(name, value) for name, value in headers])


def _event(request: httpx.Request, body: bytes) -> Event:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
    ]
    port = request.url.port or (443 if request.url.scheme == "https" else 80)
    headers += [("x-forwarded-proto", request.url.scheme), ("x-forwarded-port", str(port))]
    return function_url_event(path, method=request.method, query=query, headers=headers, body=body)


def _response(
    request: httpx.Request, head: Head, chunks: _Chunks, thread: LoopThread | None
) -> httpx.Response:
    # httpx and httpx2 do not accept each other's classes.
    library = sys.modules[type(request).__module__.partition(".")[0]]
    response: httpx.Response = library.Response(
        head.status,
        headers=head.headers,
        stream=_body_type(library)(chunks, thread, library),
    )
    return response


@functools.cache
def _body_type(library: ModuleType) -> type[_Body]:
    return type("Body", (_Body, library.SyncByteStream, library.AsyncByteStream), {})
