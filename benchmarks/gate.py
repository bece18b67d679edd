"""The gate against regressions: a warm call, a chunk and the import, as multiples of the raw loop.

    python -m benchmarks.gate [--keep]

Exits with 1 if a multiple is over 5 % more than that in ``gate.json``. Counts of instructions
hardly change from run to run, but depend on the version of Python and on how it was built. So
``gate.json`` has figures for each version, and ``raw_loop.py`` is counted in the same run: the
ratio of the two is compared. ``--keep`` writes the multiples into ``gate.json``: after a change
that makes them smaller, or one that is worth its cost.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .instructions import CALL_ROWS, CHUNK_ROW, IMPORT, PEER_ROWS, per_call, per_chunk, per_import

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).parents[1]
KEPT = Path(__file__).with_suffix(".json")
TOLERANCE = 1.05
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

BARE, BARE_RAW_LOOP = CALL_ROWS[0], PEER_ROWS[0]

Multiples = dict[str, float]


def measure() -> Multiples:
    """Return the multiples of this checkout."""
    pairs = {
        "warm call": [per_call(CHECKOUT, row) for row in (BARE, BARE_RAW_LOOP)],
        "chunk of 70 bytes": [per_chunk(CHECKOUT, row) for row in (CHUNK_ROW, BARE_RAW_LOOP)],
        "import": [per_import(CHECKOUT, code, "pass") for code in (IMPORT, "import raw_loop")],
    }
    return {name: round(ours / yardstick, 3) for name, (ours, yardstick) in pairs.items()}


def compare(measured: Mapping[str, float], kept: Mapping[str, float]) -> tuple[list[str], bool]:
    """Return a line for each multiple, and whether all are small enough."""
    lines = []
    passes = True
    for name, multiple in measured.items():
        limit = kept[name] * TOLERANCE
        fits = multiple <= limit
        passes = passes and fits
        limits = f"kept {kept[name]:.3f}, at most {limit:.3f}"
        lines.append(f"{name:20}{multiple:8.3f} ×   {limits}   {'ok' if fits else 'TOO MUCH'}")
    return lines, passes


def figures_for(python: str, kept: Mapping[str, Multiples]) -> tuple[str, Multiples]:
    """Return the figures for a version of Python, or for the newest that has some; its version."""
    newest = max(kept, key=lambda version: int(version.partition(".")[2]))
    version = python if python in kept else newest
    return version, kept[version]


def main() -> None:
    """Print the multiples; exit with 1 if one of them is too large."""
    if shutil.which("valgrind") is None:
        raise SystemExit("The gate counts instructions with valgrind: apt-get install valgrind")
    kept: dict[str, Multiples] = json.loads(KEPT.read_text())
    measured = measure()
    if "--keep" in sys.argv[1:]:
        KEPT.write_text(json.dumps(kept | {PYTHON: measured}, indent=2, sort_keys=True) + "\n")
        print(f"{KEPT.name}, Python {PYTHON}: {measured}")
        return
    version, figures = figures_for(PYTHON, kept)
    lines, passes = compare(measured, figures)
    print(f"Instructions over the raw loop, Python {PYTHON}; kept: those of Python {version}")
    print("\n".join(lines))
    if not passes:
        raise SystemExit(
            "Over 5 % more instructions than before. `python -m benchmarks.instructions"
            " OLD_CHECKOUT .` compares two checkouts. If the change is worth its cost:"
            " python -m benchmarks.gate --keep"
        )


if __name__ == "__main__":
    main()
