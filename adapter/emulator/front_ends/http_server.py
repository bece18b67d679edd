"""Runs an ASGI app under uvicorn, as a task that can be started, awaited and stopped."""

from __future__ import annotations

import errno
import logging
import socket
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import anyio
import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp

MAX_HEAD_BYTES = 1024 * 1024

# A stream that is cut on purpose looks like a mistake of the app to uvicorn.
CUT = "ASGI callable returned without completing response."

ADVICE = {
    errno.EADDRINUSE: "Stop what uses it, or choose another with --port.",
    errno.EACCES: "Choose one above 1023 with --port.",
}
NOT_OURS = "--host has to be an address of this machine: 127.0.0.1, or 0.0.0.0 for all it has."


class StrictConnection(h11.Connection):
    """h11's, which refuses a request with two lengths: `h11` itself ignores one of them."""

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
    """uvicorn's, for requests with two lengths, with a broken body, and for WebSockets."""

    def __init__(self, config: uvicorn.Config, *arguments: Any, **options: Any) -> None:
        super().__init__(config, *arguments, **options)
        self.conn = StrictConnection(h11.SERVER, MAX_HEAD_BYTES)

    def _should_upgrade(self) -> bool:
        """Pass the request on, as Lambda does; uvicorn would advise to install a library."""
        return False

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless its head has been answered; then nobody else may.

        Left to itself uvicorn tries both twice, and logs what h11 says to that as the app's fault.
        """
        before = self.conn.our_state
        if before in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if before is not h11.IDLE and self.cycle is not None:  # an app is at work on it
            self.cycle.disconnected = True
            self.cycle.message_event.set()


class LocalServer(uvicorn.Server):
    """uvicorn without its own signal handling: whoever runs it decides when it ends."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals alone."""
        return nullcontext()


@asynccontextmanager
async def serve(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve while the block runs."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.getMessage() != CUT)
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


def listen(host: str, port: int) -> socket.socket:
    """Open the port.

    Raises:
        ConfigurationError: it is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns TCP_NODELAY on only where it is; without it
    # the kernel would keep small chunks back until the client has acknowledged the last one.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A restart must not wait for connections of the last run to fade away.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        advice = ADVICE.get(error.errno or 0, NOT_OURS)
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. {advice}"
        ) from error
    listening.setblocking(False)
    return listening
