"""The servers of ``adapter dev``, which are imported while the function starts."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ..front_ends.http_front_end import HttpFrontEnd
from ..front_ends.http_server import serve
from ..front_ends.invoke_api import InvokeApi
from ..inspector.app import inspect
from ..inspector.journal import Journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

    from ..console import Console
    from ..environments.pool import Pool
    from .dev_settings import DevSettings


@asynccontextmanager
async def serve_function(
    settings: DevSettings, pool: Pool, console: Console
) -> AsyncIterator[None]:
    """Serve while the block runs: the HTTP front end, behind the inspector, and the Invoke API."""
    async with AsyncExitStack() as servers:
        app: ASGIApp = HttpFrontEnd(pool, settings.front_end, console, settings.source)
        if settings.inspector:
            app = await servers.enter_async_context(inspect(app, pool, Journal(), console))
        await servers.enter_async_context(serve(app, settings.http_socket))
        if settings.invoke_socket is not None:
            api = InvokeApi(pool, console, check_host=settings.front_end.check_host)
            await servers.enter_async_context(serve(api, settings.invoke_socket))
        yield
