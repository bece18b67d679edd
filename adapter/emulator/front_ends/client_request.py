"""The HTTP request of a client, before an event source makes an event from it. It does no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from starlette.types import Scope

    from ...types import Headers

# Not urllib, which raises for hosts that it considers invalid.
ORIGIN = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*")


class ClientRequest(NamedTuple):
    """A request as the client sent it; path and query are percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    scheme: str
    port: int
    peer: str  #: the client's address

    @property
    def target(self) -> str:
        """Return path and query, as in a URL."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def header(self, wanted: bytes) -> str:
        """Return a header's value, or an empty string. ``wanted`` is in lower case."""
        values = (value for name, value in self.headers if name.lower() == wanted)
        return next(values, b"").decode("latin-1")


def client_request(scope: Scope, body: bytes) -> ClientRequest:
    """Return the request of an ASGI scope."""
    path = scope["raw_path"].decode("latin-1")
    if not path.startswith("/"):
        path = ORIGIN.sub("", path)  # an absolute URL, as to a proxy, or OPTIONS *
    return ClientRequest(
        method=scope["method"],
        path=path if path.startswith("/") else "/",
        query=scope["query_string"].decode("latin-1"),
        headers=list(scope["headers"]),
        body=body,
        scheme=scope["scheme"],
        port=scope["server"][1] or 80,
        peer=scope["client"][0] if scope["client"] else "127.0.0.1",
    )
