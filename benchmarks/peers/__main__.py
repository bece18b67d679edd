"""Measures all implementations, prints the figures and writes ``docs/performance.md``.

    python -m benchmarks.peers [--rounds N] [--only TEXT ...] [--write]

``--only`` takes the measures whose title has a TEXT in it; ``--write`` keeps the other tables of
the same day and versions. A figure is the median of the rounds. Each round measures all
implementations, one after the other, so that a busy machine slows all of them down.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict

from . import report
from .implementations import IMPLEMENTATIONS, MANGUM
from .measures import Measure, all_measures


def run(measure: Measure, rounds: int, samples: report.Samples) -> None:
    """Add the figures of one measure to ``samples``."""
    implementations = [each for each in IMPLEMENTATIONS if measure.fits(each)]
    for _ in range(rounds):
        for implementation in implementations:
            for column, figure in measure.measure(implementation, measure.app).items():
                samples[measure.title, implementation.name, column].append(figure)
    print(measure.title)
    for implementation in implementations:
        for column in measure.columns:
            figures = samples[measure.title, implementation.name, column]
            ratio = report.ratio(samples, measure.title, implementation.name, column)
            compared = f"{ratio:6.2f} × {MANGUM.name}" if ratio is not None else ""
            print(
                f"  {implementation.name:32} {statistics.median(figures):10.1f}"
                f" ({min(figures):.1f} to {max(figures):.1f}) {column:24} {compared}",
                flush=True,
            )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of each measure")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the titles to measure")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    every = all_measures()
    measures = [each for each in every if any(text in each.title for text in arguments.only)]
    samples: report.Samples = defaultdict(list)
    print(report.environment(IMPLEMENTATIONS), flush=True)
    for measure in measures:
        run(measure, arguments.rounds or measure.rounds, samples)
    if arguments.write:
        python = "{}.{}".format(*sys.version_info)
        tables = {
            each.title: "\n".join(report.table(each, IMPLEMENTATIONS, samples)) for each in measures
        }
        titles = [each.title for each in every]
        report.write(report.environment(IMPLEMENTATIONS), tables, titles, python)
        if report.has_plots(python):
            report.write_plots(IMPLEMENTATIONS, samples)


if __name__ == "__main__":
    main()
