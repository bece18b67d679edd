"""Logging as Lambda's Python runtime sets it up: one root handler, the request id in every line.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The invocation that the current task, or the thread it started, works for."""

_LEVELS = {"TRACE": logging.DEBUG, "FATAL": logging.CRITICAL}


def configure(environ: Mapping[str, str]) -> None:
    """Give the root logger a handler on stdout, as text or JSON, at the level asked for."""
    as_json = environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(_add_request_id)
    root = logging.getLogger()
    root.addHandler(handler)
    level = environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level_number = _LEVELS.get(level) or logging.getLevelNamesMapping().get(level)
    if level_number is not None:
        root.setLevel(level_number)


def _add_request_id(record: logging.LogRecord) -> bool:
    record.aws_request_id = request_id.get()
    return True


class TextFormatter(logging.Formatter):
    """``[LEVEL]<tab>time<tab>request id<tab>message``, as AWS's runtime writes it."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s\t%(aws_request_id)s\t%(message)s")


class JsonFormatter(TextFormatter):
    """One JSON object a record, with AWS's keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, object] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": getattr(record, "aws_request_id", ""),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["errorType"] = record.exc_info[0].__name__
            entry["errorMessage"] = str(record.exc_info[1])
            entry["stackTrace"] = self.formatException(record.exc_info).split("\n")
        return json.dumps({k: v for k, v in entry.items() if v != ""}, default=repr)
