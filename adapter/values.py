"""What the value of an option may be: each function reads one, or says what it could be.

All raise `ConfigurationError`. ``name`` is what the user knows it by: argument or variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .events.custom import EventHandler


def choice(*choices: str) -> Callable[[str, Any], str]:
    """Read one of ``choices``."""

    def parse(name: str, value: Any) -> str:
        if value in choices:
            return str(value)
        raise ConfigurationError(f"{name} is {value!r}; it can be {_listed(choices)}.")

    return parse


def path(name: str, value: Any) -> str:
    """Read a path in front of others, or none."""
    if not isinstance(value, str) or (value and not value.startswith("/")):
        raise ConfigurationError(f"{name} is {value!r}; it must be a path like '/api', or ''.")
    return value.rstrip("/")


def event_path(name: str, value: Any) -> str:
    """Read a path that has a name, or none."""
    path: str = value if isinstance(value, str) else "?"
    if path and not (path.startswith("/") and path.strip("/")):
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a path of its own like '/lambda-events', or ''."
        )
    return path


def handlers(name: str, value: Any) -> tuple[type[EventHandler], ...]:
    """Read classes with Mangum's interface."""
    if value is None:  # as for Mangum
        return ()
    handlers = tuple(value) if isinstance(value, list | tuple) else (value,)
    for handler in handlers:
        if not (isinstance(handler, type) and callable(getattr(handler, "infer", None))):
            raise ConfigurationError(
                f"{name} has {handler!r} in it; each must be a class with infer(event, context,"
                " config), scope, body and a call that takes the response, as for Mangum."
            )
    return handlers


def function(name: str, value: Any) -> Callable[..., Any] | None:
    """Read a function, or none."""
    if value is None or callable(value):
        function: Callable[..., Any] | None = value
        return function
    takes = "summary" if name == "on_complete" else "event, context"
    raise ConfigurationError(f"{name} is {value!r}; it must be a function ({takes}).")


def milliseconds(name: str, value: Any) -> float:
    """Read a duration; return it in seconds."""
    try:
        milliseconds = float(value)
    except (TypeError, ValueError):
        milliseconds = -1.0
    if 0 <= milliseconds < float("inf"):
        return milliseconds / 1000
    raise ConfigurationError(f"{name} is {value!r}; it must be a number of milliseconds, or 0.")


def switch(name: str, value: Any) -> bool:
    """Read 1 or 0."""
    if value in ("1", "0"):
        return bool(value == "1")
    raise ConfigurationError(f"{name} is {value!r}; it can be '1' or '0'.")


def _listed(choices: tuple[str, ...]) -> str:
    *first, last = map(repr, choices)
    return f"{', '.join(first)} or {last}"
