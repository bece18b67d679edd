"""The loggers of this package: their failures change no outcome, and they stay enabled.

An exception of a filter, a handler or a sink of the app must not decide how an invocation ends.
``dictConfig`` and ``fileConfig`` disable every existing logger that they do not name, unless
``disable_existing_loggers`` is false. The failure of an app that configures its logging in this way
would not be logged.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


def get_logger(name: str) -> SafeLogger:
    """Return the logger ``name``."""
    return SafeLogger(logging.getLogger(name))


class SafeLogger(logging.LoggerAdapter[logging.Logger]):
    """Logs with a logger of the standard library, and never raises.

    Levels, handlers and filters are the app's.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> Any:
        """Return both arguments unchanged: before Python 3.13 the base class replaces ``extra``."""
        return msg, kwargs

    def isEnabledFor(self, level: int) -> bool:
        """Whether a record of this level would be logged."""
        self.logger.disabled = False
        return super().isEnabledFor(level)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a message as `logging.Logger.log` does; report on stderr if that fails."""
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
