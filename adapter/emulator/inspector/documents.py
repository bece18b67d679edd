"""The JSON documents that the page gets for an invocation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from ...diagnosis.findings import Severity, diagnose
from ...diagnosis.observation import Limits, judge
from ..outcome import EndOfResponse
from ..runtime_api.bandwidth import BURST_BYTES, STEP_BYTES, STEP_SECONDS
from .record_observer import observe
from .shell_commands import curl_command, invoke_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .recorded import RecordedInvocation


class RequestRow(TypedDict):
    """A row of the list. Times are in seconds since the submission."""

    number: int
    version: int
    request_id: str
    epoch: float
    method: str
    target: str
    status: int | None
    cold: bool
    environment: str
    duration: float | None  #: until the end of the response
    first_byte: float | None
    bytes: int
    outcome: str
    faults: list[str]  #: symptoms of the diagnosis, except ``failed``, which `outcome` shows


class Detail(RequestRow):
    """All that is kept of an invocation."""

    started: float | None
    responded: float | None
    ended: float | None
    last: float
    verdict: str
    findings: list[dict[str, str]]  #: of the diagnosis
    written: list[tuple[float, int]]
    written_count: int
    sent: list[tuple[float, int]]
    sent_count: int
    prelude: str
    prelude_bytes: int
    headers: list[tuple[str, str]]
    body_start: str
    body_start_bytes: int
    event: str
    event_bytes: int
    replayable: bool
    lines: list[tuple[float, str]]
    lines_left_out: int
    explanation: str
    middleware: list[str]
    curl: str
    invoke: str
    bandwidth: dict[str, float]


def summary(record: RecordedInvocation) -> RequestRow:
    """Return the row of an invocation."""
    request = record.request
    chunks = record.sent.chunks or record.written.chunks
    return {
        "number": record.number,
        "version": record.version,
        "request_id": record.request_id,
        "epoch": record.epoch,
        "method": request.method,
        "target": request.target,
        "status": record.status,
        "cold": record.cold,
        "environment": record.environment_pid,
        "duration": None if record.ended is None else record.last,
        "first_byte": chunks[0].at if chunks else None,
        "bytes": record.sent.size or record.written.size,
        "outcome": outcome(record),
        "faults": faults(record),
    }


def outcome(record: RecordedInvocation) -> str:
    """Return the end of an invocation, or its present state, as a word or an error type."""
    if record.end is None:
        if record.started is None:
            return "waiting"
        return "streaming" if record.sent.count else "running"
    if record.end.error_type:
        return record.end.error_type
    completeness = record.end.completeness
    return "complete" if completeness is EndOfResponse.COMPLETE else str(completeness)


def faults(record: RecordedInvocation) -> list[str]:
    """Return the symptoms of an ended invocation that are faults."""
    if record.ended is None:
        return []
    found = [f.symptom for f in diagnose(observe(record)) if f.severity is Severity.FAULT]
    return [symptom for symptom in found if symptom != "failed"]


def detail(
    record: RecordedInvocation, target: str, base_url: str, middleware: Sequence[str]
) -> Detail:
    """Return all of an invocation, with its findings."""
    observation = observe(record, middleware)
    findings = diagnose(observation) if record.ended is not None else []
    received = observation.received or observation.written
    request = record.request
    # An event may lack the stage or the base path, which are part of the client's path.
    sent = request._replace(target=record.client_target or request.target)
    return {
        **summary(record),
        "started": record.started,
        "responded": record.responded,
        "ended": record.ended,
        "last": record.last,
        "verdict": judge(received, observation.duration, Limits()),
        "findings": [finding._asdict() for finding in findings],
        "written": [(chunk.at, chunk.size) for chunk in record.written.chunks],
        "written_count": record.written.count,
        "sent": [(chunk.at, chunk.size) for chunk in record.sent.chunks],
        "sent_count": record.sent.count,
        "prelude": record.prelude.found.decode("utf-8", "backslashreplace"),
        "prelude_bytes": record.prelude.size,
        "headers": [(n.decode("latin-1"), v.decode("latin-1")) for n, v in record.headers],
        "body_start": record.body_start.decode("utf-8", "backslashreplace"),
        "body_start_bytes": len(record.body_start),
        "event": readable(record.event),
        "event_bytes": record.event_size,
        "replayable": record.replayable,
        "lines": list(record.lines),
        "lines_left_out": record.lines_left_out,
        "explanation": record.explanation,
        "middleware": list(middleware),
        # A cut event has lost headers and body: no command can repeat its request.
        "curl": curl_command(sent, base_url) if record.replayable else "",
        "invoke": invoke_command(request, record.event, target) if record.replayable else "",
        "bandwidth": {
            "burst_bytes": BURST_BYTES,
            "bytes_per_second": STEP_BYTES / STEP_SECONDS,
        },
    }


def readable(event: bytes) -> str:
    """Return an event with line breaks, or unchanged if the event is cut off."""
    try:
        return json.dumps(json.loads(event), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return event.decode("utf-8", "backslashreplace")
