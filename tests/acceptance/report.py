"""The report: for each example a table, the local Lambda beside each mode on AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .probes import PROBES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .probes import Seen

LOCAL = "local Lambda"


@dataclass
class Results:
    """All that was seen of one example; ``notes`` say by mode what went wrong, or was left out."""

    example: str
    seen: dict[str, dict[str, Seen]] = field(default_factory=dict)
    doctor: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def markdown(results: list[Results], place: str) -> str:
    """Return the report."""
    lines = [
        "# Acceptance run",
        "",
        f"On {place}. A response that differs from that of the local Lambda is marked ≠.",
    ]
    for each in results:
        lines += ["", f"## {each.example}", "", *table(each.seen)]
        for mode, note in each.notes.items():
            lines += ["", f"**{mode}**: {note}"]
        for mode, text in each.doctor.items():
            lines += ["", f"### adapter doctor, {mode}", "", "```", text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def table(seen: Mapping[str, Mapping[str, Seen]]) -> Iterator[str]:
    """Return the rows of one example: a probe each, a mode a column."""
    yield f"| Request | {' | '.join(seen)} |"
    yield "|---" * (len(seen) + 1) + "|"
    for probe in PROBES:
        local = seen.get(LOCAL, {}).get(probe.name)
        cells = [_cell(by_name.get(probe.name), local) for by_name in seen.values()]
        yield f"| {probe.name} | {' | '.join(cells)} |"


def _cell(seen: Seen | None, local: Seen | None) -> str:
    if seen is None:
        return ""
    differs = "≠ " if local is not None and seen.outcome != local.outcome else ""
    return f"{differs}{seen.outcome}<br>{seen.timing}"
