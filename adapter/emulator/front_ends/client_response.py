"""The HTTP response that a client gets, in ASGI messages to the local server."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from starlette.responses import Response

from ..invocation_steps import Responded, Sent

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ...types import Headers
    from ..local_invocation import LocalInvocation
    from .event_source import SourceResponse
    from .source_response import ResponseHead


class ClientResponse:
    """Sends one response, and reports each part that was sent to the listener of ``invocation``."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, invocation: LocalInvocation | None = None
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._invocation = invocation
        self._bodiless = scope["method"] == "HEAD"
        self._held: bytes | None = None  #: the chunk that is held back; ``None``: send at once
        self.empty = True  #: the body has no bytes so far

    def hold(self) -> None:
        """From now on, hold each chunk back until the next chunk or the end."""
        self._held = b""

    async def send_head(self, head: ResponseHead) -> None:
        """Send status and header fields."""
        self._bodiless = self._bodiless or head.bodiless
        await self._send(
            {"type": "http.response.start", "status": head.status, "headers": head.headers}
        )
        self._notify_head(head.status, head.headers)

    async def send_body(self, data: bytes) -> None:
        """Send bytes of the body, unless HTTP forbids a body."""
        if not data or self._bodiless:
            return
        self.empty = False
        if self._held is not None:
            data, self._held = self._held, data
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._notify_body(data)

    async def finish(self) -> None:
        """Send the end of the body."""
        await self._send({"type": "http.response.body", "body": self._held or b""})
        self._notify_body(self._held or b"")

    async def send_whole(self, whole: SourceResponse, added: Headers) -> None:
        """Send a response of the event source itself, with the headers ``added`` in front."""
        headers = {name.decode(): value.decode() for name, value in added} | dict(whole.headers)
        response = Response(whole.body, whole.status, headers, whole.media_type)
        await response(self._scope, self._receive, self._send)
        self._notify_head(whole.status, response.raw_headers)
        self._notify_body(whole.body)

    def _notify_head(self, status: int, headers: Headers) -> None:
        if self._invocation is not None:
            self._invocation.notify(Responded(monotonic(), status, headers))

    def _notify_body(self, data: bytes) -> None:
        if self._invocation is not None and data:
            self._invocation.notify(Sent(monotonic(), data))
