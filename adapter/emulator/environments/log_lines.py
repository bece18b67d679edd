"""The lines Lambda writes around an invocation: START, END and REPORT.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html. After what AWS prints come
two things it does not: the time to the first byte, and how much was streamed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple


class Report(NamedTuple):
    """What is known of an invocation when it is over. Times in seconds."""

    request_id: str
    duration: float
    memory_size: int
    max_memory_used: int | None = None
    init_duration: float | None = None
    restore_duration: float | None = None
    status: str = ""  #: ``error`` or ``timeout``; empty if all went well
    error_type: str = ""
    first_byte: float | None = None
    bytes: int = 0


def start_line(request_id: str) -> str:
    """Return the line before an invocation."""
    return f"START RequestId: {request_id} Version: $LATEST"


def end_line(request_id: str) -> str:
    """Return the line after it."""
    return f"END RequestId: {request_id}"


def timeout_line(request_id: str, timeout: float) -> str:
    """Return the line that tells of a time-out."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{now}Z {request_id} Task timed out after {timeout:.2f} seconds"


def init_line(duration: float, status: str, error_type: str = "") -> str:
    """Return the line that tells of an init that failed or took too long."""
    parts = [f"INIT_REPORT Init Duration: {milliseconds(duration)}", "Phase: init"]
    parts.append(f"Status: {status}")
    if error_type:
        parts.append(f"Error Type: {error_type}")
    return "\t".join(parts)


def restore_line(duration: float, error_type: str = "") -> str:
    """Return the line that tells how a restore from a snapshot went."""
    parts = [f"RESTORE_REPORT Restore Duration: {milliseconds(duration)}"]
    if error_type:
        parts += ["Status: error", f"Error Type: {error_type}"]
    return "\t".join(parts)


def report_line(report: Report) -> str:
    """Return the REPORT line; fields are separated by tabs, as AWS has it."""
    # Init has been billed like the rest since August 2025.
    billed = ceil(round((report.duration + (report.init_duration or 0)) * 1000, 3))
    parts = [
        f"REPORT RequestId: {report.request_id}",
        f"Duration: {milliseconds(report.duration)}",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {report.memory_size} MB",
    ]
    if report.max_memory_used is not None:
        parts.append(f"Max Memory Used: {report.max_memory_used} MB")
    if report.init_duration is not None:
        parts.append(f"Init Duration: {milliseconds(report.init_duration)}")
    if report.restore_duration is not None:
        parts.append(f"Restore Duration: {milliseconds(report.restore_duration)}")
    if report.status:
        parts.append(f"Status: {report.status}")
    if report.error_type:
        parts.append(f"Error Type: {report.error_type}")
    if report.first_byte is not None:
        parts.append(f"Time To First Byte: {milliseconds(report.first_byte)}")
        parts.append(f"Bytes Streamed: {report.bytes}")
    return "\t".join(parts)


def milliseconds(seconds: float) -> str:
    """Write a duration as AWS does."""
    return f"{seconds * 1000:.2f} ms"
