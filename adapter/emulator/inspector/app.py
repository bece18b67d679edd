"""The inspector's ASGI app, before the HTTP front end: everything below ``/__lambda__/``."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.responses import StreamingResponse as Stream

from ...diagnosis.observation import may_name_middleware
from ..host import host_is_local, is_loopback
from .documents import detail, summary
from .record_observer import observe
from .replay import read_response, submit_again
from .stack_reader import StackReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..console import Console
    from ..environments.pool import Pool
    from .journal import Journal
    from .recorded import RecordedInvocation

ROOT = "/__lambda__"
FOLDER = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/inspector.css": ("inspector.css", "text/css"),
    "/inspector.js": ("inspector.js", "text/javascript"),
    "/waterfall.js": ("waterfall.js", "text/javascript"),
}
INVOCATION = re.compile(r"/invocations/(\d{1,9})(/replay)?")

UPDATE_SECONDS = 0.1
"""How long changes are collected before they are sent to the page."""
HEARTBEAT_SECONDS = 15.0

# The page may load only its own files and data, and no page may embed it in a frame.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NOT_LOCAL = (
    "The inspector serves only the machine that runs adapter dev, because requests have passwords "
    "and tokens. Open http://127.0.0.1:{port}/__lambda__/ there. On another machine, forward the "
    "port first: ssh -L {port}:127.0.0.1:{port} NAME-OF-THAT-MACHINE\n"
)
OTHER_SITE = "The inspector does not serve requests from other pages.\n"
NOT_FOUND = "There is no such page, or the invocation is no longer kept.\n"


class Inspector:
    """Serves the page and its data; all other requests go to ``app``.

    It trusts the pages of the app, which have the same origin.
    """

    def __init__(
        self, app: ASGIApp, pool: Pool, journal: Journal, tasks: TaskGroup, console: Console
    ) -> None:
        self._app = app
        self._pool = pool
        self._journal = journal
        self._tasks = tasks
        self._stack = StackReader(pool.function, console)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            await self._app(scope, receive, send)
            return
        response = await self._respond(Request(scope, receive), path.removeprefix(ROOT))
        response.headers.update(HEADERS)
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        if not is_local(request):
            text = NOT_LOCAL.format(port=request.scope["server"][1])
            return PlainTextResponse(text, HTTPStatus.FORBIDDEN)
        if not path:
            return RedirectResponse(f"{ROOT}/")
        if path in FILES:
            name, media_type = FILES[path]
            return Response((FOLDER / name).read_bytes(), media_type=media_type)
        if not is_same_origin(request):
            return PlainTextResponse(OTHER_SITE, HTTPStatus.FORBIDDEN)
        if path == "/invocations":
            return json_response([summary(record) for record in self._journal])
        if path == "/events":
            return Stream(self._events(), media_type="text/event-stream")
        if match := INVOCATION.fullmatch(path):
            record = self._journal.find(int(match[1]))
            if record is not None:
                return await self._respond_with(record, request, replay=bool(match[2]))
        return PlainTextResponse(NOT_FOUND, HTTPStatus.NOT_FOUND)

    async def _respond_with(
        self, record: RecordedInvocation, request: Request, *, replay: bool
    ) -> Response:
        if replay:
            if request.method != "POST" or not record.replayable:
                return Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED)
            self._tasks.start_soon(read_response, submit_again(record, self._pool))
            return Response(status_code=HTTPStatus.ACCEPTED)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        middleware = await self._stack.read(record.environment_pid) if needs_stack(record) else ()
        document = detail(record, self._pool.function.target, base_url, middleware)
        response = json_response(document)
        if "download" in request.query_params:
            name = f"invocation-{record.request_id}.json"
            response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    async def _events(self) -> AsyncIterator[str]:
        """Yield the rows of invocations that are new or have changed, at least every 15 s."""
        seen: dict[int, int] = {}
        version = -1
        while True:
            records = list(self._journal)
            changed = [r for r in records if seen.get(r.number) != r.version]
            seen = {record.number: record.version for record in records}
            yield f"data: {json.dumps([summary(record) for record in changed])}\n\n"
            await anyio.sleep(UPDATE_SECONDS)
            with anyio.move_on_after(HEARTBEAT_SECONDS):
                version = await self._journal.wait_changed(version)


@asynccontextmanager
async def inspect(
    app: ASGIApp, pool: Pool, journal: Journal, console: Console
) -> AsyncIterator[ASGIApp]:
    """Put the inspector in front of an app while the block runs."""
    pool.listener_of = journal.record
    async with anyio.create_task_group() as tasks:
        yield Inspector(app, pool, journal, tasks, console)
        tasks.cancel_scope.cancel()


def json_response(document: object) -> Response:
    """Return a document as ASCII: it may contain surrogates, which UTF-8 cannot encode."""
    return Response(json.dumps(document), media_type="application/json")


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine, and its ``Host`` names this machine.

    This is checked even if ``--host`` lets other machines connect. A tunnel connects from this
    machine too, and may rewrite ``Host``; its ``X-Forwarded-For`` names the client.
    """
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    addresses = [address.strip() for address in forwarded if address.strip()]
    addresses.append(request.client.host if request.client else "")
    return host_is_local(request.headers.raw) and all(map(is_loopback, addresses))


def is_same_origin(request: Request) -> bool:
    """Whether a request does not come from a page of another origin."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return site in ("none", "same-origin") and origin in (None, own)


def needs_stack(record: RecordedInvocation) -> bool:
    """Whether a finding may name middleware."""
    if record.ended is None or not record.environment_pid:
        return False
    return may_name_middleware(observe(record))
