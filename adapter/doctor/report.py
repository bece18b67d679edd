"""The doctor's output: lines for a person, and JSON. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from ..diagnosis.findings import Severity, streams
from ..diagnosis.observation import Limits, judge, longest_gap, total
from ..diagnosis.symptoms import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..diagnosis.findings import Finding
    from ..diagnosis.observation import Chunk, Observation
    from .probe import Fields, ProbedResponse

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: Headers whose values may be cookies or credentials.
SECRET = re.compile(r"authorization|cookie|secret|password|api-?key|(^|-)token$", re.IGNORECASE)
BAR_COLUMNS = 60
BLOCKS = " ▁▂▃▄▅▆▇█"
SHOWN_HEADERS = ("content-type", "content-encoding", "server", "via", "x-cache")
LABELS = {Severity.FAULT: "Fault", Severity.WARNING: "Warning", Severity.NOTE: "Note"}


class Report(TypedDict):
    """The JSON of ``--report``. Times are in seconds since the request was sent."""

    version: str  #: of the adapter
    time: str
    target: str
    request: dict[str, object]
    connection: dict[str, object]
    response: dict[str, object]
    received: list[tuple[float, int]]
    written: list[tuple[float, int]]
    middleware: list[str]
    verdict: str
    streams: bool
    findings: list[dict[str, str]]


def make_report(
    observation: Observation,
    seen: ProbedResponse,
    findings: Sequence[Finding],
    *,
    version: str,
    time: str,
    target: str,
    request: dict[str, object],
) -> Report:
    """Return the report; ``version`` is that of the adapter."""
    return {
        "version": version,
        "time": time,
        "target": target,
        "request": request,
        "connection": {
            "peer": seen.peer,
            "protocol": seen.protocol,
            "tls": seen.tls,
            "connect_seconds": seen.connect_seconds,
        },
        "response": {
            "status": seen.status,
            "reason": seen.reason,
            "headers": without_secrets(seen.headers),
            "trailers": without_secrets(seen.trailers),
            "head_at": seen.head_at,
            "head_bytes": observation.head_bytes,
            "http_chunks": seen.http_chunks,
            "bytes": total(seen.chunks),
            "body_start": seen.body_start.decode("utf-8", "backslashreplace"),
            "duration": seen.duration,
            "stopped": seen.stopped,
            "broken": observation.broken,
        },
        "received": [(chunk.at, chunk.size) for chunk in seen.chunks],
        "written": [(chunk.at, chunk.size) for chunk in observation.written],
        "middleware": list(observation.middleware),
        "verdict": judge(observation.received, observation.duration, Limits()),
        "streams": streams(observation, findings),
        "findings": [finding._asdict() for finding in findings],
    }


def without_secrets(fields: Sequence[tuple[str, str]]) -> Fields:
    """Return header fields without the values that may be cookies or credentials."""
    return [(name, "(hidden)" if SECRET.search(name) else value) for name, value in fields]


def lines(
    observation: Observation, seen: ProbedResponse, findings: Sequence[Finding]
) -> Iterator[str]:
    """Yield the lines for a person."""
    yield f"{seen.protocol} {seen.status} {seen.reason}".rstrip()
    for name, value in without_secrets(seen.headers):
        if name.lower() in SHOWN_HEADERS or name.lower().startswith("x-amz"):
            yield f"  {name}: {value}"
    yield from time_lines(observation, seen)
    for finding in findings:
        yield ""
        yield f"{LABELS[finding.severity]}: {finding.text}"
        yield f"  {finding.advice}"
    yield ""
    does = "streams" if streams(observation, findings) else "does not stream"
    yield f"The response {does}."


def time_lines(observation: Observation, seen: ProbedResponse) -> Iterator[str]:
    """Yield the times and sizes of a body, and its waterfall."""
    received = observation.received
    if not received:
        yield "  no body"
        return
    gap = longest_gap(observation)
    open_still = ", and the stream is still open" if seen.stopped else ""
    chunks = "1 chunk" if len(received) == 1 else f"{len(received)} chunks"
    yield (
        f"  first byte {seconds(received[0].at)}, {total(received):,} bytes in {chunks}, "
        f"{seconds(observation.duration)}{open_still}"
    )
    yield f"  longest gap {seconds(gap.seconds)}, from {seconds(gap.start)} on"
    if observation.written:
        yield f"  written  |{bar(observation.written, observation.duration)}|"
    yield f"  received |{bar(received, observation.duration)}|"


def bar(chunks: Sequence[Chunk], duration: float, columns: int = BAR_COLUMNS) -> str:
    """Return when the bytes came, as a row of blocks; a higher block has more bytes."""
    sizes = [0] * columns
    for chunk in chunks:
        share = chunk.at / duration if chunk.at < duration else 1.0
        sizes[min(int(share * columns), columns - 1)] += chunk.size
    most = max(sizes)
    last = len(BLOCKS) - 1
    # Rounded up, so that the smallest chunk has a block too.
    return "".join(BLOCKS[-(-size * last // most) if most else 0] for size in sizes)


def printable(text: str) -> str:
    """Return text of a server without characters that control a terminal."""
    return CONTROL.sub("�", text)
