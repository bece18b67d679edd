"""Measures all contestants in turn, prints the figures and writes them to ``docs/performance.md``.

    python -m benchmarks.peers [--rounds N] [--only TEXT ...] [--write]

``--only`` takes the measures whose title has a TEXT in it; ``--write`` keeps the other tables of
the same day and versions. A figure is the median of the rounds. Each round measures all
contestants, one after the other, so that a busy machine slows all of them down.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict

from . import report
from .contestants import CONTESTANTS, MANGUM
from .measures import Measure, table


def take(measure: Measure, rounds: int, samples: report.Samples) -> None:
    """Add the figures of one measure to ``samples``."""
    contestants = [each for each in CONTESTANTS if measure.fits(each)]
    for _ in range(rounds):
        for contestant in contestants:
            for column, figure in measure.take(contestant, measure.app).items():
                samples[measure.title, contestant.name, column].append(figure)
    print(measure.title)
    for contestant in contestants:
        for column in measure.columns:
            figures = sorted(samples[measure.title, contestant.name, column])
            ratio = report.ratio(samples, measure.title, contestant.name, column)
            beside = f"{ratio:6.2f} × {MANGUM.name}" if ratio is not None else ""
            print(
                f"  {contestant.name:32} {figures[len(figures) // 2]:10.1f}"
                f" ({figures[0]:.1f} to {figures[-1]:.1f}) {column:24} {beside}",
                flush=True,
            )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of each measure")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the titles to measure")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    every = table()
    measures = [each for each in every if any(text in each.title for text in arguments.only)]
    samples: report.Samples = defaultdict(list)
    print(report.environment(CONTESTANTS), flush=True)
    for measure in measures:
        take(measure, arguments.rounds or measure.rounds, samples)
    if arguments.write:
        python = "{}.{}".format(*sys.version_info)
        tables = {
            each.title: "\n".join(report.table(each, CONTESTANTS, samples)) for each in measures
        }
        titles = [each.title for each in every]
        report.write(report.environment(CONTESTANTS), tables, titles, python)
        if report.has_plots(python):
            report.write_plots(CONTESTANTS, samples)


if __name__ == "__main__":
    main()
