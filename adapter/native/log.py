"""Logging as Lambda's Python runtime sets it up: one root handler, the request id in every record.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import class_name, error_message
from ..invocation.current import current_or_fallback

if TYPE_CHECKING:
    from collections.abc import MutableMapping

TELEMETRY_FD = "_LAMBDA_TELEMETRY_LOG_FD"

_LEVELS = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}
_FRAME_LEVELS = {10: 0x08, 20: 0x0C, 30: 0x10, 40: 0x14, 50: 0x18}
_TEXT_FRAME, _JSON_FRAME = 0xA55A0003, 0xA55A0002


def configure(environ: MutableMapping[str, str]) -> None:
    """Give the root logger a handler, as text or JSON, at the configured level.

    Records go to Lambda's log pipe if there is one (its number is removed from the
    environment), else to stdout. stdout and stderr become unbuffered: a process that is frozen or
    killed does not flush them.
    """
    sys.stdout, sys.stderr = _unbuffered(sys.stdout), _unbuffered(sys.stderr)
    as_json = environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    pipe = environ.pop(TELEMETRY_FD, "")
    if pipe:
        kind = _JSON_FRAME if as_json else _TEXT_FRAME
        handler: logging.Handler = FrameHandler(int(pipe), kind, tells_level=as_json or level != "")
    else:
        handler = LineHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(_add_invocation)
    root = logging.getLogger()
    root.addHandler(handler)
    level = _LEVELS.get(level, level)
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)


def _unbuffered(stream: TextIO) -> TextIO:
    """Return an unbuffered stream to the same file, as ``python -u`` makes it."""
    if not hasattr(stream, "buffer"):  # a closed stream is None; or an object of the app
        return stream
    raw = io.FileIO(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", write_through=True)


def _add_invocation(record: logging.LogRecord) -> bool:
    invocation = current_or_fallback()
    record.aws_request_id = invocation.request_id
    record.tenant_id = invocation.tenant_id
    return True


def _level(record: logging.LogRecord) -> int:
    """Return the level, rounded down to a level that Lambda knows."""
    return min(max(record.levelno, 0), 50) // 10 * 10


class SafeLogHandler(logging.Handler):
    """Writes every record, even if a filter or a formatter raises.

    A log call must not change the outcome of the response that it interrupts.
    """

    def filter(self, record: logging.LogRecord) -> Any:
        """Return whether to write the record; a filter that raises is reported and ignored."""
        try:
            return super().filter(record)
        except BaseException:
            self.handleError(record)
            return True

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, without the parts whose formatting raises."""
        try:
            return super().format(record)
        except BaseException as failure:
            plain = _plain(record, failure)
        try:
            return super().format(plain)
        except BaseException:  # a formatter of the app that raises for every record
            return f"[{plain.levelname}]\t{plain.msg}"


def _plain(record: logging.LogRecord, failure: BaseException) -> logging.LogRecord:
    """Return a record with the message of ``record`` that every formatter can format."""
    text = _text(record)
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text += f" {class_name(type(error))}: {error_message(error)}"
    plain = logging.LogRecord(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        f"{text} (formatting the record of {record.pathname}:{record.lineno}"
        f" raised {class_name(type(failure))}: {error_message(failure)})",
        (),
        None,
        record.funcName,
    )
    plain.created, plain.msecs = record.created, record.msecs
    _add_invocation(plain)
    return plain


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except BaseException:
        return record.msg if isinstance(record.msg, str) else object.__repr__(record.msg)


class LineHandler(SafeLogHandler, logging.StreamHandler[TextIO]):
    """Writes a record as one line, because Lambda makes one log event of each line.

    A carriage return separates the lines of a record, as in the error reports of AWS's runtime.
    Indentation becomes no-break spaces, which CloudWatch does not strip.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record without line feeds."""
        first, *lines = super().format(record).split("\n")
        return "\r".join([first, *map(_indented, lines)])


def _indented(line: str) -> str:
    text = line.lstrip(" ")
    return "\N{NO-BREAK SPACE}" * (len(line) - len(text)) + text


class FrameHandler(SafeLogHandler):
    """Writes a record as a frame, which may contain several lines.

    A frame is a type (4 bytes; includes the level if Lambda filters by level), the length of
    the message (4), the time in microseconds (8), all big-endian, and the message. The message ends
    with a line feed, except for text with a traceback, as in AWS's runtime.
    """

    def __init__(self, descriptor: int, kind: int, *, tells_level: bool) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._kind = kind
        self._levels = _FRAME_LEVELS if tells_level else {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        try:
            text = self.format(record)
            if self._kind == _JSON_FRAME or not record.exc_info:
                text += "\n"
            message = text.encode("utf-8", "backslashreplace")
            kind = self._kind | self._levels.get(_level(record), 0)
            micros = time.time_ns() // 1000
            frame = b"".join(
                (
                    kind.to_bytes(4, "big"),
                    len(message).to_bytes(4, "big"),
                    micros.to_bytes(8, "big"),
                    message,
                )
            )
            while frame:
                frame = frame[os.write(self._descriptor, frame) :]
        except Exception:
            self.handleError(record)


class TextFormatter(logging.Formatter):
    """``[LEVEL]<tab>time<tab>request id<tab>message``, as AWS's runtime writes it."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s\t%(aws_request_id)s\t%(message)s")


class JsonFormatter(logging.Formatter):
    """One JSON object per record, with AWS's keys and the fields of ``extra``."""

    def __init__(self) -> None:
        super().__init__()
        record = vars(logging.makeLogRecord({}))
        self._own = {*record, "aws_request_id", "tenant_id", "message"}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        # A dict as the message becomes a JSON object, not its repr.
        plain = isinstance(record.msg, dict) and not record.args
        entry: dict[str, object] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": logging.getLevelName(_level(record)),
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[1] is not None:
            kind, error, trace = record.exc_info
            entry["stackTrace"] = traceback.format_tb(trace)
            entry["errorType"] = class_name(kind)
            entry["errorMessage"] = error_message(error)
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        entry["requestId"] = getattr(record, "aws_request_id", "")
        entry["tenantId"] = getattr(record, "tenant_id", None)
        given = vars(record).items()
        entry |= {key: value for key, value in given if key not in self._own and key not in entry}
        entry = {key: value for key, value in entry.items() if value is not None}
        return json.dumps(entry, ensure_ascii=False, default=str)
