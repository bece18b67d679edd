"""The loggers of this package, which `logging.config` does not disable.

``dictConfig`` and ``fileConfig`` disable every logger that exists already and that they do not
name, unless ``disable_existing_loggers`` is false. An app that configures its logging so would fail
without a line in the log.
"""

from __future__ import annotations

import logging


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Enables its logger again before it logs. Levels, handlers and filters are the app's."""

    def isEnabledFor(self, level: int) -> bool:
        """Whether a record of this level would be logged."""
        self.logger.disabled = False
        return super().isEnabledFor(level)


def get_logger(name: str) -> Logger:
    """Return the logger ``name``."""
    return Logger(logging.getLogger(name))
