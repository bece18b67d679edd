"""The access log: one line for each request, as uvicorn writes it, but without the query.

https://github.com/encode/uvicorn/blob/master/docs/concepts/logging.md
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from .summary import Summary

logger = get_logger("adapter.access")


def write(summary: Summary) -> None:
    """Log a request at INFO when it is over. Log nothing for an event that is not HTTP.

    The query is not logged, because it may contain a token. The record has the `fields` of
    the summary as ``extra``, which a JSON formatter writes as keys.
    """
    if not summary.source:
        return
    if logger.logger.level == logging.NOTSET:  # Lambda's root logger is at WARNING
        logger.setLevel(logging.INFO)
    logger.info(
        '%s - "%s %s HTTP/%s" %s',
        summary.client or "-",
        summary.method or "-",
        summary.target.partition("?")[0] or "-",
        summary.http_version or "1.1",
        summary.status or "-",
        extra=fields(summary),
    )


def fields(summary: Summary) -> dict[str, object]:
    """Return the fields of a record, for a JSON formatter; times are in milliseconds."""
    return {
        "method": summary.method,
        "route": summary.route,
        "status": summary.status,
        "outcome": summary.outcome.value,
        "source": summary.source,
        "streamed": summary.streamed,
        "coldStart": summary.cold_start,
        "durationMs": _milliseconds(summary.duration),
        "firstByteMs": _milliseconds(summary.first_byte),
        "firstBodyMs": _milliseconds(summary.first_body),
        "bytes": summary.bytes,
        "chunks": summary.chunks,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
