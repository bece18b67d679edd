"""Loggers whose failures change no outcome, and which stay on.

What a filter, a handler or a sink of the app raises must not decide how an invocation ends.
``logging.config.dictConfig`` disables the loggers that exist before it, unless it is told not to:
without these loggers an app that fails would leave no line.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Logs through the logger of the standard library, and never raises."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name), None)

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Return both as they are: there is nothing to add."""
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message as `logging.Logger.log` does; report on stderr if that fails."""
        self.logger.disabled = False
        try:
            super().log(level, msg, *args, stacklevel=2, **kwargs)
        except BaseException as failure:
            _report(level, msg, args, kwargs, failure)


def _report(
    level: int,
    msg: object,
    args: tuple[object, ...],
    kwargs: Mapping[str, Any],
    failure: BaseException,
) -> None:
    """Write one line that cannot fail, with the names of the errors but not their texts."""
    error = kwargs.get("exc_info")
    cause = f" ({type(error).__name__})" if isinstance(error, BaseException) else ""
    try:
        text = str(msg) % args if args else str(msg)
    except BaseException:
        text = repr(type(msg))
    line = (
        f"[{logging.getLevelName(level)}] {text}{cause} (logging raised {type(failure).__name__})"
    )
    try:
        sys.stderr.write(ascii(line)[1:-1] + "\n")
        sys.stderr.flush()
    except BaseException:
        return  # there is no place left to write to
