"""The figures as tables and plots in the documentation."""

from __future__ import annotations

import os
import platform
import statistics
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .implementations import MANGUM, ROOT, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .implementations import Implementation
    from .measures import Measure

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
PLOTS = {
    "Warm call, FastAPI": ("CPU µs", "performance-warm.svg"),
    "Start to first byte, FastAPI": ("ms", "performance-start.svg"),
    "Chunk of 70 bytes": ("CPU µs", "performance-chunk.svg"),
}

Samples = dict[tuple[str, str, str], list[float]]
"""The figures of all rounds, by measure, implementation and column."""


def table(
    measure: Measure, implementations: Sequence[Implementation], samples: Samples
) -> Iterator[str]:
    """Yield the lines of the table for a measure: medians, minimum and maximum."""
    yield f"#### {measure.title}\n"
    yield f"{measure.measure.__doc__}\n"
    yield f"| | {' | '.join(measure.columns)} |"
    yield f"|---|{'---|' * len(measure.columns)}"
    for implementation in implementations:
        cells = [
            _cell(samples.get((measure.title, implementation.name, column), []))
            for column in measure.columns
        ]
        if any(cells):
            yield f"| {implementation.name} | {' | '.join(cells)} |"


def _cell(figures: Sequence[float]) -> str:
    if not figures:
        return ""
    median = _rounded(statistics.median(figures))
    if len(figures) == 1:
        return median
    return f"{median} ({_rounded(min(figures))} to {_rounded(max(figures))})"


def _rounded(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def environment(implementations: Sequence[Implementation]) -> str:
    """Return a sentence with the machine, and the version of each thing that was measured."""
    packages = dict.fromkeys(name for each in implementations for name in each.packages)
    versions = ", ".join(map(version, (*packages, "fastapi", "django")))
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores ({platform.machine()}),"
        f" {platform.system()},"
        f" Python {platform.python_version()}; {versions}."
    )


def write(environment: str, tables: Mapping[str, str], titles: Sequence[str], python: str) -> None:
    """Put tables, by title, between the markers for ``python`` ("3.13") in the page.

    Other tables of the same environment stay. The order is that of ``titles``.
    """
    start, end = f"<!-- peers {python} -->", f"<!-- /peers {python} -->"
    before, found, rest = PAGE.read_text().partition(start)
    if not found:
        raise SystemExit(f"{PAGE} has no place for Python {python}: add {start} and {end}")
    old, _, after = rest.partition(end)
    first, *kept = old.strip().split("\n\n#### ")
    known = {text.partition("\n")[0]: f"#### {text}" for text in kept if first == environment}
    known |= tables
    parts = [environment, *(known[title] for title in titles if title in known)]
    text = "\n\n".join(parts)
    PAGE.write_text(f"{before}{start}\n{text}\n\n{end}{after}")


def has_plots(python: str) -> bool:
    """Whether the plots are those of ``python``: the first of the page."""
    return PAGE.read_text().partition("<!-- peers ")[2].startswith(f"{python} ")


def plot(title: str, unit: str, bars: Mapping[str, float]) -> str:
    """Return an SVG of horizontal bars, readable on a light and on a dark page."""
    most = max(bars.values())
    rows = []
    for number, (name, figure) in enumerate(bars.items()):
        top = 34 + number * 26
        width = 330 * figure / most
        kind = "ours" if name.startswith(("native", "awslambdaric + this")) else "peer"
        rows.append(
            f'<text x="230" y="{top + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="240" y="{top}" width="{width:.1f}" height="18" rx="2"/>'
            f'<text x="{246 + width:.1f}" y="{top + 14}">{_rounded(figure)}</text>'
        )
    height = 44 + len(bars) * 26
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" role="img"'
        f' aria-label="{escape(title)}, {escape(unit)}">\n'
        "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}"
        ".ours{fill:#0a7d55}.peer{fill:#8c959f}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#2ea879}.peer{fill:#6e7681}}"
        "</style>\n"
        f'<text class="title" x="10" y="20">{escape(title)}, {escape(unit)}</text>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def write_plots(implementations: Sequence[Implementation], samples: Samples) -> None:
    """Write the plots of the medians."""
    IMAGES.mkdir(exist_ok=True)
    for title, (column, file) in PLOTS.items():
        bars = {
            implementation.name: statistics.median(figures)
            for implementation in implementations
            if (figures := samples.get((title, implementation.name, column)))
        }
        if bars:
            Path(IMAGES, file).write_text(plot(title, column, bars))


def ratio(samples: Samples, title: str, name: str, column: str) -> float | None:
    """Return the median of the ratios to ``awslambdaric`` with Mangum, round by round."""
    figures, base = (samples.get((title, each, column), []) for each in (name, MANGUM.name))
    if not figures or len(figures) != len(base):
        return None
    return statistics.median(ours / theirs for ours, theirs in zip(figures, base, strict=True))
