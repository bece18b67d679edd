"""The ASGI connection scope of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..types import ASGI

if TYPE_CHECKING:
    from ..types import JSON, Context, Request, Scope


def http_scope(
    request: Request,
    *,
    event: JSON,
    context: Context | None,
    state: dict[str, Any] | None = None,
    base_path: str = "",
) -> Scope:
    """Return the scope for ``request``.

    https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope

    ``path`` is the whole path. The prefix before the app's own path (the stage, then
    ``base_path``) is also the ``root_path``, which the app's framework removes. If the gateway
    has removed a mapping from the path, ``base_path`` restores it. ``state`` is a copy, so that
    requests do not see each other's changes.
    """
    root_path, path, raw_path = request.root_path, request.path, request.raw_path
    prefix = root_path + base_path
    if path == prefix or path.startswith(f"{prefix}/"):  # `has_prefix`, without its call
        root_path = prefix
        path = path if path != prefix else f"{prefix}/"
    elif request.mapped:
        root_path, path = base_path + root_path, base_path + path
        raw_path = base_path.encode() + raw_path
    scope: Scope = {
        "type": "http",
        "asgi": ASGI.copy(),
        "http_version": request.http_version,
        "method": request.method,
        "scheme": request.scheme,
        "path": path,
        "raw_path": raw_path,
        "query_string": request.query_string,
        "root_path": root_path,
        "headers": request.headers,
        "client": request.client,
        "server": request.server,
        "extensions": {},
        "aws.event": event,
        "aws.context": context,
    }
    if state is not None:
        scope["state"] = state.copy()
    return scope
