"""The parsers of the values of options, one for each kind of value.

Each parser takes the name of the argument or the variable, and the value. It raises
`ConfigurationError` with that name if the value is invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.custom import EventHandler
    from ..events.front_end import FrontEnd

INVOKE_MODES = ("auto", "response_stream", "buffered")


def choice(*choices: str) -> Callable[[str, Any], str]:
    """Return a parser for one of ``choices``."""

    def parse(name: str, value: Any) -> str:
        if value in choices:
            return str(value)
        raise ConfigurationError(f"{name} is {value!r}; it can be {_listed(choices)}.")

    return parse


def invoke_mode(name: str, value: Any) -> str | Callable[[Any], Any]:
    """Parse an invoke mode, or a function of the event that returns one."""
    if callable(value):
        function: Callable[[Any], Any] = value
        return function
    return choice(*INVOKE_MODES)(name, value)


def switch(name: str, value: Any) -> bool:
    """Parse ``on`` or ``off``."""
    return choice("on", "off")(name, value) == "on"


def path(name: str, value: Any) -> str:
    """Parse the path prefix of the app; may be empty."""
    if value is None:  # as for Mangum: an environment variable that is not set
        return ""
    if not isinstance(value, str) or (value and not value.startswith("/")):
        raise ConfigurationError(f"{name} is {value!r}; it must be a path like '/api', or ''.")
    return value.rstrip("/")


def event_path(name: str, value: Any) -> str:
    """Parse a path other than ``/``; may be empty."""
    path: str = value if isinstance(value, str) else "?"
    if path and not (path.startswith("/") and path.strip("/")):
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a path like '/lambda-events', or ''."
        )
    return path


def handler_classes(name: str, value: Any) -> tuple[type[EventHandler], ...]:
    """Parse one or several classes with Mangum's interface for custom handlers."""
    if value is None:  # as for Mangum
        return ()
    handlers = tuple(value) if isinstance(value, list | tuple) else (value,)
    for handler in handlers:
        if not (isinstance(handler, type) and callable(getattr(handler, "infer", None))):
            raise ConfigurationError(
                f"{name} contains {handler!r}; each must be a class with infer(event, context,"
                " config), scope, body and a __call__ that takes the response, as for Mangum."
            )
    return handlers


def function(name: str, value: Any) -> Callable[..., Any] | None:
    """Parse a function; may be None."""
    if value is None or callable(value):
        function: Callable[..., Any] | None = value
        return function
    takes = "summary" if name == "on_complete" else "event, context"
    raise ConfigurationError(f"{name} is {value!r}; it must be a function ({takes}).")


def milliseconds(name: str, value: Any) -> float:
    """Parse a duration; return it in seconds."""
    return _duration(name, value, "milliseconds") / 1000


def seconds(name: str, value: Any) -> float:
    """Parse a duration; return it in seconds. None is 0, which means none."""
    return 0.0 if value is None else _duration(name, value, "seconds")


def _duration(name: str, value: Any, unit: str) -> float:
    try:
        duration = float(value)
    except (TypeError, ValueError):
        duration = -1.0  # refused below
    if 0 <= duration < float("inf"):
        return duration
    raise ConfigurationError(f"{name} is {value!r}; it must be a number of {unit}, or 0.")


def header_name(name: str, value: Any) -> str:
    """Parse the name of a header; may be empty."""
    header: str = value.lower() if isinstance(value, str) else "?"  # refused below
    valid = header.isascii() and header.replace("-", "").replace("_", "").isalnum()
    if header and (not valid or header in ("host", "authorization")):
        raise ConfigurationError(
            f"{name} is {value!r}; it must be the name of a header other than 'host' and"
            " 'authorization', or ''."
        )
    return header


def front_end(name: str, value: Any) -> FrontEnd | None:
    """Parse ``trusted_front_end``. The message of an error never has the secret in it."""
    if value is None or value == "":
        return None
    from ..events.front_end import MIN_SECRET_CHARACTERS, parse_front_end  # lazy: cold start

    found = parse_front_end(value) if isinstance(value, str) else None
    if found is None:
        raise ConfigurationError(
            f"{name} must be 'header: secret', with a secret of at least {MIN_SECRET_CHARACTERS}"
            " characters without blanks, or the ARN of an IAM caller, which may end with '*'."
        )
    return found


def text(name: str, value: Any) -> str:
    """Parse any string."""
    return str(value)


def _listed(choices: tuple[str, ...]) -> str:
    *first, last = map(repr, choices)
    return f"{', '.join(first)} or {last}"
