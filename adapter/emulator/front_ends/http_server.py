"""The HTTP server of both front ends: an ASGI app under uvicorn, as a task that can be stopped."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import anyio
import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import ASGIApp

MAX_HEAD_BYTES = 1024 * 1024

# uvicorn logs this as an error of the app; a front end cuts a stream on purpose.
INCOMPLETE = "ASGI callable returned without completing response."


class StrictConnection(h11.Connection):
    """An `h11.Connection` that refuses a request with two lengths; h11 ignores one of them."""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event.

        Raises:
            RemoteProtocolError: a head has ``Content-Length`` and ``Transfer-Encoding``, which is
                how a request is smuggled past a proxy (RFC 9112, 6.3).
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:
                raise h11.RemoteProtocolError("Content-Length beside Transfer-Encoding")
        return event


class LocalProtocol(H11Protocol):
    """uvicorn's protocol, changed for requests with two lengths or a bad body and for upgrades."""

    def __init__(self, config: uvicorn.Config, *arguments: Any, **options: Any) -> None:
        super().__init__(config, *arguments, **options)
        self.conn = StrictConnection(h11.SERVER, MAX_HEAD_BYTES)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        self.writer = CollectingTransport(transport)
        super().connection_made(cast("asyncio.Transport", self.writer))

    def on_response_complete(self) -> None:
        """Write the response now, before the other work of this turn of the event loop."""
        self.writer.flush()
        super().on_response_complete()

    def _should_upgrade(self) -> bool:
        """Treat an upgrade as any other request, as Lambda does, and log no advice."""
        return False

    def send_400_response(self, msg: str) -> None:
        """Refuse bad HTTP, unless a response has begun: then only close the connection.

        uvicorn would send a second response, fail, and log that as an error of the app.
        """
        before = self.conn.our_state
        if before in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if before is not h11.IDLE and self.cycle is not None:  # the app serves this request
            self.cycle.disconnected = True
            self.cycle.message_event.set()


class CollectingTransport:
    """A transport that collects the writes of one turn of the event loop into one write.

    uvicorn writes the head, the body and the end of a response one by one. Each write is a system
    call, and wakes up the client.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        """Return all other methods of the transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write data at the end of this turn."""
        if not self._pieces:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pieces.append(data)

    def close(self) -> None:
        """Write the collected data, and close the connection."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write the collected data now."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        if data:
            self._transport.write(data)


class LocalServer(uvicorn.Server):
    """uvicorn's server without signal handlers: `serve` sets ``should_exit`` instead."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Install no signal handlers."""
        return nullcontext()


@asynccontextmanager
async def serve(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve while the block runs."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.getMessage() != INCOMPLETE)
    server = LocalServer(
        uvicorn.Config(
            app,
            http=LocalProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        try:
            yield
        finally:
            server.should_exit = True


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Read the body of a request, and stop once it has more than ``max_bytes``."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            break
    return b"".join(chunks)
