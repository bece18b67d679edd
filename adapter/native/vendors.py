"""Advice about instrumentation that works under AWS's client only."""

from __future__ import annotations

import sys

from ..entry import EntryPoint
from ..invocation.loggers import get_logger
from ..invocation.registry import handlers

logger = get_logger("adapter.runtime")

SENTRY = "sentry_sdk.integrations.aws_lambda"
"""Imported only by a module that uses Sentry's integration for Lambda."""


def warn_of_sentry() -> None:
    """Warn that Sentry's integration for Lambda, which patches AWS's client, sends nothing here.

    Without it Sentry sends its events from a thread, which the freeze of the environment stops.
    Sentry's integrations for ASGI and the frameworks work; a handler with ``on_complete`` can send
    what they have captured.
    """
    made = [handler for handler in handlers() if isinstance(handler, EntryPoint)]
    if SENTRY not in sys.modules or any(each.options.on_complete for each in made):
        return
    logger.warning(
        "Sentry's AwsLambdaIntegration has no effect under the adapter's native runtime, and events"
        " can be lost when the environment is frozen. Remove the integration, and send the events"
        " after each invocation: LambdaHandler(app, on_complete=lambda summary:"
        " sentry_sdk.flush(2)). Sentry's integrations for ASGI frameworks work as they are."
    )
