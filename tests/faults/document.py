"""Writes the fault table into `docs/behaviour.md`: ``python -m tests.faults.document``."""

from __future__ import annotations

from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from .endings import ENDINGS, expected, sentence
from .row import ALL, BOTH, MANAGED, AWSs
from .table import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .row import Row

PAGE = Path(__file__).parents[2] / "docs" / "behaviour.md"
BEGIN = "<!-- The tables below are written by `python -m tests.faults.document`. -->\n"
NONE = "\N{EN DASH}"
END = "<!-- The tables above are written by `python -m tests.faults.document`. -->\n"
RUNTIMES = {ALL: "both", BOTH: "both", MANAGED: "AWS's", AWSs: "AWS's"}
TITLES = {
    "connections": "The connection to the Runtime API",
    "refusals": "Refusals of the Runtime API",
    "events": "Malformed and large events",
    "processes": "An app that breaks its process",
    "libraries": "Exceptions, cancellations, logs and forks of apps and libraries",
    "wrappers": "Wrappers around the handler",
}


def page(text: str) -> str:
    """Return the page with the tables as they are now."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def tables() -> str:
    """Return all tables as Markdown."""
    parts = [f"### {TITLES[name]}\n\n{fault_table(rows)}" for name, rows in SECTIONS.items()]
    return "\n".join([*parts, f"### Endings of an app\n\n{ending_table()}"])


def fault_table(rows: Iterable[Row]) -> str:
    """Return the table of one section."""
    head = ("Fault", "Runtime", "The client gets", "Lambda gets", "The log has", "Then")
    return table(head, map(cells, rows))


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a row."""
    fault = row.fault.format(any_of(row.variants))
    runtime = {ALL: "both", BOTH: "both", MANAGED: "AWS's", AWSs: "AWS's"}.get(
        row.runtimes, "native"
    )
    client, platform = row.seen or (NONE, NONE)
    log = f"`{row.log.format('…')}`" if row.log else NONE
    then = "the next invocation is served" if row.exit is None else ended(row.exit)
    return fault[0].upper() + fault[1:], runtime, client, platform, log, then


def ended(status: int) -> str:
    """Say how the process ends; a negative status is a signal."""
    return f"exit {status}" if status >= 0 else f"end by {Signals(-status).name}"


def ending_table() -> str:
    """Return the table of the endings of apps."""
    head = (
        "Ending",
        "The client gets",
        "Lambda gets",
        'With `errors="raise"`',
        "The log",
    )
    rows = []
    for name, ending in ENDINGS.items():
        responded, raised = expected(ending, "respond"), expected(ending, "raise")
        other = raised.platform if raised != responded else "the same"
        rows.append(
            (sentence(name), responded.client, responded.platform, other, f"`{ending.log} …`")
        )
    return table(head, rows)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table as Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def any_of(texts: tuple[str, ...]) -> str:
    """Return ``a, b or c``."""
    *most, last = texts
    return f"{', '.join(most)} or {last}" if most else last


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
