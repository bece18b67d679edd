"""The gate against regressions, `benchmarks.gate`; `make test-system` runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.gate import KEPT, compare, figures_for

ROOT = Path(__file__).parents[1]
FIGURES = {"warm call": 1.4, "import": 2.0}


def test_five_percent_more_pass_and_a_little_more_does_not() -> None:
    assert compare({"warm call": 1.47, "import": 1.0}, FIGURES)[1]
    lines, passes = compare({"warm call": 1.471, "import": 2.1}, FIGURES)
    assert not passes
    assert [line.endswith("TOO MUCH") for line in lines] == [True, False]


@pytest.mark.parametrize(
    ("python", "version"), [("3.9", "3.9"), ("3.10", "3.10"), ("3.11", "3.10")]
)
def test_a_python_without_figures_is_held_to_those_of_the_newest(python: str, version: str) -> None:
    kept = {"3.9": FIGURES, "3.10": FIGURES}
    assert figures_for(python, kept) == (version, FIGURES)


def test_the_python_that_runs_the_gate_has_figures_for_each_measure() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    steps = workflow["jobs"]["system"]["steps"]
    [python] = [
        step["with"]["python-version"] for step in steps if "python" in step.get("uses", "")
    ]
    measures = {"warm call", "chunk of 70 bytes", "import"}
    kept = json.loads(KEPT.read_text())
    assert python in kept
    assert all(figures.keys() == measures for figures in kept.values())
