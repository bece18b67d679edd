"""The lines that Lambda logs around an invocation: START, END, REPORT and others.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html. Two fields at the end of REPORT
are not AWS's: the time to the first byte, and the bytes streamed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple


class ReportLine(NamedTuple):
    """The fields of a REPORT line. Times are in seconds."""

    request_id: str
    duration: float
    memory_size_mb: int
    max_memory_used_mb: int | None = None
    init_duration: float | None = None
    restore_duration: float | None = None
    status: str = ""  #: ``error`` or ``timeout``; empty for success
    error_type: str = ""
    first_byte: float | None = None
    bytes: int = 0


def start_line(request_id: str) -> str:
    """Return the line before an invocation."""
    return f"START RequestId: {request_id} Version: $LATEST"


def end_line(request_id: str) -> str:
    """Return the line after an invocation."""
    return f"END RequestId: {request_id}"


def timeout_line(request_id: str, timeout_seconds: float) -> str:
    """Return the line for an invocation that timed out."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{now}Z {request_id} Task timed out after {timeout_seconds:.2f} seconds"


def out_of_memory_line(memory_mb: int) -> str:
    """Return the line for an environment whose processes are killed for their memory."""
    return (
        f"The environment used more than its {memory_mb} MB. Its processes are killed, as on AWS. "
        "Set a higher limit with --memory."
    )


def init_line(duration: float, status: str, error_type: str = "", phase: str = "init") -> str:
    """Return the line for an init that failed or timed out; a repeated init has phase invoke."""
    parts = [f"INIT_REPORT Init Duration: {milliseconds(duration)}", f"Phase: {phase}"]
    parts.append(f"Status: {status}")
    if error_type:
        parts.append(f"Error Type: {error_type}")
    return "\t".join(parts)


def restore_line(duration: float, error_type: str = "") -> str:
    """Return the line for a restore from a snapshot."""
    parts = [f"RESTORE_REPORT Restore Duration: {milliseconds(duration)}"]
    if error_type:
        parts += ["Status: error", f"Error Type: {error_type}"]
    return "\t".join(parts)


def report_line(report: ReportLine) -> str:
    """Return the REPORT line, with AWS's tabs between the fields."""
    # Since August 2025 AWS also bills the init.
    billed = ceil(round((report.duration + (report.init_duration or 0)) * 1000, 3))
    parts = [
        f"REPORT RequestId: {report.request_id}",
        f"Duration: {milliseconds(report.duration)}",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {report.memory_size_mb} MB",
    ]
    if report.max_memory_used_mb is not None:
        parts.append(f"Max Memory Used: {report.max_memory_used_mb} MB")
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
    """Return a duration as AWS writes it."""
    return f"{seconds * 1000:.2f} ms"
