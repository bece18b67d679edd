"""Turns a recorded invocation into an observation for the diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...diagnosis.observation import BufferingSource, Chunk, Observation
from ..outcome import EndOfResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .recorded import RecordedInvocation, Series

BROKEN = {
    EndOfResponse.COMPLETE: "",
    EndOfResponse.TRUNCATED: "the runtime stopped in the middle of it",
    EndOfResponse.OVERSIZED: "it is larger than Lambda allows",
}


def observe(
    record: RecordedInvocation, middleware: Sequence[str] = (), templates: Sequence[str] = ()
) -> Observation:
    """Return the observation. Its times begin when the runtime gets the event, after any init."""
    start = record.started or 0.0
    end = record.end
    error = end.error_type if end else ""
    return Observation(
        duration=max(0.0, record.last - start),
        received=shifted(record.sent, start) if has_function_body(record) else (),
        written=shifted(record.written, start),
        head_at=None if record.responded is None else record.responded - start,
        status=record.status,
        headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in record.headers],
        head_bytes=record.prelude.size,
        body_start=record.body_start,
        broken=BROKEN[end.completeness] if end else "",
        error=record.explanation or error,
        buffering=buffering(record),
        middleware=middleware,
        log=[line for _, line in record.lines],
        templates=templates,
    )


def shifted(series: Series, start: float) -> list[Chunk]:
    """Return chunks with times that count from ``start``."""
    return [Chunk(max(0.0, at - start), size) for at, size in series.chunks]


def has_function_body(record: RecordedInvocation) -> bool:
    """Whether the body is the function's, and not the error response of the event source."""
    return record.end is None or not record.end.error_type or record.written.count > 0


def buffering(record: RecordedInvocation) -> str:
    """Return the event source, if it buffers."""
    if record.streaming:
        return ""
    return BufferingSource.INVOKE_API if record.status is None else record.request.source
