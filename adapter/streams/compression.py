"""The warning about an app that compresses a stream."""

from __future__ import annotations

from ..invocation.loggers import get_logger

logger = get_logger("adapter.http")

_warned = False


def warn_of_compression() -> None:
    """Warn once in a process: function URLs have been seen to drop the encoding of a stream."""
    global _warned
    if _warned:
        return
    _warned = True
    logger.warning(
        "The app sets Content-Encoding on a streamed response. A function URL"
        " may decompress the body and drop the header. Let a CDN compress responses instead."
    )
