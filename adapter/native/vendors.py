"""A warning about instrumentation that works under AWS's runtime only."""

from __future__ import annotations

import sys

from ..entry import EntryPoint
from ..invocation.loggers import get_logger
from ..invocation.registry import handlers

logger = get_logger("adapter.runtime")

SENTRY = "sentry_sdk.integrations.aws_lambda"
"""Imported only by code that uses Sentry's integration for Lambda."""


def warn_of_sentry() -> None:
    """Warn that Sentry's integration for Lambda, which patches awslambdaric, has no effect.

    That integration waits until all events are sent. Without the integration, a thread sends them,
    and the freeze of the environment stops the thread. There is no warning if a handler has
    ``on_complete``, which can send the events.
    """
    if SENTRY not in sys.modules:
        return
    entry_points = [handler for handler in handlers() if isinstance(handler, EntryPoint)]
    if any(entry_point.options.on_complete for entry_point in entry_points):
        return
    logger.warning(
        "Sentry's AwsLambdaIntegration has no effect under the adapter's native runtime, and events"
        " can be lost when the environment is frozen. Remove the integration, and send the events"
        " after each invocation: LambdaHandler(app, on_complete=lambda summary:"
        " sentry_sdk.flush(2)). Sentry's integrations for ASGI frameworks work as they are."
    )
