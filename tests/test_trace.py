"""The trace of calls, `benchmarks.trace`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.trace import SCENES, Scene, trace

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[1]
CHUNK = re.compile(r"<!-- chunk -->\n```\n(.*?)```", re.DOTALL)


def test_a_chunk_goes_through_the_functions_that_the_documentation_prints() -> None:
    printed = CHUNK.search((ROOT / "docs" / "architecture.md").read_text())
    assert printed
    calls = trace(ROOT, SCENES[-1])
    assert [
        f"{module.removesuffix('.py').replace('/', '.')}: {name}" for _, module, name in calls
    ] == [line.strip() for line in printed[1].splitlines()]


# An exception in the thread of the benchmark's Runtime API would be a warning, which pytest raises.
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.title)
def test_a_trace_starts_at_its_boundary_and_has_no_comprehensions(scene: Scene) -> None:
    calls = trace(ROOT, scene)
    assert calls[0][2] == scene.boundary
    assert not any("comp>" in name for _, _, name in calls)
