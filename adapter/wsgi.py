"""WSGI apps (Flask, Bottle, classic Django) as ASGI apps that stream."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any

try:
    from asgiref import wsgi
    from asgiref.sync import sync_to_async
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "adapter.wsgi needs asgiref, which is not installed. Add asgiref to requirements.txt, and"
        " run: pip install asgiref",
        name="asgiref",
    ) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .types import Receive, Scope, Send

# The function under asgiref's decorator, which gives all requests the same thread.
_run_wsgi_app: Callable[..., None] = wsgi.WsgiToAsgiInstance.run_wsgi_app.__wrapped__  # type: ignore[attr-defined]

_idle_threads: list[ThreadPoolExecutor] = []
"""Executors with one thread each, which are used again: Django keeps a connection in its thread."""

os.register_at_fork(after_in_child=_idle_threads.clear)  # a child does not have these threads


class WsgiToAsgi:
    """Turns a WSGI app into an ASGI app: ``handler = LambdaHandler(WsgiToAsgi(flask_app))``.

    Based on asgiref's adapter, which is in the ``[wsgi]`` extra. Each chunk that the app
    yields is one body message. Five things differ from asgiref:

    * Each request has a thread for itself, until its end. asgiref uses one thread for all requests,
      so that a second request would wait for the end of the first stream.
    * Header fields and the query are latin-1, as in PEP 3333; asgiref accepts only ASCII.
    * The iterable of the app is always closed (PEP 3333), so that Flask can end its request after a
      disconnect.
    * ``start_response`` returns the ``write`` of PEP 3333, which some old apps call.
    * ``environ`` has the ``aws.event`` and the ``aws.context`` of the ASGI scope.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        exchange = _Exchange(_closing(self.app))  # type: ignore[no-untyped-call]
        await exchange(scope, receive, send)


class _Exchange(wsgi.WsgiToAsgiInstance):
    async def run_wsgi_app(self, body: IO[bytes]) -> None:
        try:
            thread = _idle_threads.pop()
        except IndexError:
            thread = ThreadPoolExecutor(1, "wsgi")

        def run() -> None:
            try:
                _run_wsgi_app(self, body)
            finally:
                _idle_threads.append(thread)

        await sync_to_async(run, thread_sensitive=False, executor=thread)()

    def build_environ(self, scope: Scope, body: IO[bytes]) -> dict[str, Any]:
        without_query = {**scope, "query_string": b""}
        environ: dict[str, Any] = super().build_environ(without_query, body)  # type: ignore[no-untyped-call]
        environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
        return environ | {key: scope[key] for key in ("aws.event", "aws.context") if key in scope}

    def start_response(
        self, status: str, response_headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        # asgiref gets only the content length, which it enforces.
        length = [field for field in response_headers if field[0].lower() == "content-length"]
        super().start_response(status, length, exc_info)  # type: ignore[no-untyped-call]
        self.response_start["headers"] = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response_headers
        ]
        return self._write

    def _write(self, data: bytes) -> None:
        """Send a chunk of an app that does not yield it."""
        if not self.response_started:
            self.response_started = True
            self.sync_send(self.response_start)
        self.sync_send({"type": "http.response.body", "body": data, "more_body": True})


def _closing(app: Any) -> Callable[[dict[str, Any], Callable[..., Any]], Iterator[bytes]]:
    def closing_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        chunks: Iterable[bytes] = app(environ, start_response)
        try:
            yield from chunks
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    return closing_app
