"""A warning about instrumentation that works under AWS's runtime only."""

from __future__ import annotations

import sys

from ..entry import EntryPoint
from ..invocation.loggers import get_logger
from ..invocation.registry import handlers

logger = get_logger("adapter.runtime")

SENTRY = "sentry_sdk.integrations.aws_lambda"
"""Imported only by code that uses Sentry's integration for Lambda."""

OPENTELEMETRY = "opentelemetry.instrumentation.aws_lambda"
"""Puts a wrapper around the handler. The wrapper sends Logfire's spans under every runtime."""


def warn_of_patches() -> None:
    """Warn that patches of awslambdaric, by which a package sends its data, have no effect.

    The patches wait until all data is sent. Without them, a thread sends the data, and the freeze
    of the environment stops the thread. There is no warning if a handler has ``on_complete``:
    that function can send the data.
    """
    entry_points = [handler for handler in handlers() if isinstance(handler, EntryPoint)]
    if any(entry_point.options.on_complete for entry_point in entry_points):
        return
    if SENTRY in sys.modules:
        _warn("Sentry's AwsLambdaIntegration", "sentry_sdk.flush(2)")
    if _has_configured_logfire() and OPENTELEMETRY not in sys.modules:
        _warn("Logfire's own flush", "logfire.force_flush()")


def _has_configured_logfire() -> bool:
    """Whether `logfire.configure` was called, which patches awslambdaric."""
    instance = getattr(sys.modules.get("logfire"), "DEFAULT_LOGFIRE_INSTANCE", None)
    return bool(getattr(getattr(instance, "config", None), "_initialized", False))


def _warn(patch: str, flush: str) -> None:
    logger.warning(
        "%s has no effect under the adapter's native runtime, because it patches AWS's client. Data"
        " can be lost when the environment is frozen. Send the data after each invocation:"
        " LambdaHandler(app, on_complete=lambda summary: %s).",
        patch,
        flush,
    )
