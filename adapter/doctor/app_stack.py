"""The middleware of an app, read from the app itself.

``python -m adapter.doctor.app_stack TARGET`` prints its class names as JSON, from the outside to
the inside. It runs in a separate process, because a target has to be imported in the folder of the
app, and only once.
"""

from __future__ import annotations

import json
import sys
from typing import Any

#: Attributes in which middleware keeps the app that it wraps.
INNER = ("app", "application", "_app", "asgi_app", "wsgi_app")
MAX_DEPTH = 30


def read_middleware(app: Any) -> list[str]:
    """Return the class names of the middleware around and in an app."""
    names: list[str] = []
    for _ in range(MAX_DEPTH):
        names += declared_middleware(app)
        inner = next((found for name in INNER if callable(found := getattr(app, name, None))), None)
        if inner is None:
            return names
        names.append(type(app).__name__)
        app = inner
    return names


def declared_middleware(app: Any) -> list[str]:
    """Return the middleware that a framework holds in a list."""
    if type(app).__module__.startswith("django."):
        from django.conf import settings

        return [path.rpartition(".")[2] for path in settings.MIDDLEWARE]
    declared = getattr(app, "user_middleware", None) or getattr(app, "middleware", None)
    if not isinstance(declared, list | tuple):
        return []
    return [name_of(entry) for entry in declared]


def name_of(entry: Any) -> str:
    """Return the name of a middleware class; Starlette and Litestar list objects that hold it."""
    found = getattr(entry, "cls", None) or getattr(entry, "middleware", None) or entry
    return str(getattr(found, "__name__", type(found).__name__))


def main(target: str) -> int:
    """Print the middleware of a target."""
    from ..handler import LambdaHandler
    from ..loader import load

    handler = load(target)
    names = read_middleware(handler.app) if isinstance(handler, LambdaHandler) else []
    sys.stdout.write(f"{json.dumps(names)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
