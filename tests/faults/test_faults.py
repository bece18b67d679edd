"""Every row of the fault table, in each of its variants, under each of its runtimes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.runtimes import ric_3

from .stage import SLOPPY, Stage
from .table import ROWS, SECTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from .row import Row

#: The runtime that stands for another one in `make test`.
STANDS_FOR = {"concurrent": "native", "managed 3": "managed"}


def is_left_to_test_all(row: Row, variant: str, runtime: str) -> bool:
    """Whether the same is played under another runtime, or nearly the same under this one."""
    if STANDS_FOR.get(runtime) in row.runtimes:
        return True
    return runtime == "managed" and "native" in row.runtimes and variant != row.variants[0]


CASES = [
    pytest.param(
        row,
        variant,
        runtime,
        id="-".join(filter(None, [name, str(n), variant, runtime])),
        marks=[pytest.mark.variant] if is_left_to_test_all(row, variant, runtime) else [],
    )
    for name, rows in SECTIONS.items()
    for n, row in enumerate(rows)
    for variant in row.variants
    for runtime in row.runtimes
]


@pytest.mark.parametrize(("row", "variant", "runtime"), CASES)
def test_a_fault_is_seen_logged_and_survived_as_the_table_says(
    row: Row, variant: str, runtime: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stage = Stage(tmp_path, runtime, row.environ | variables(runtime, request))
    platform = stage.platform
    with contextlib.closing(platform):
        assert row.play(stage, variant) == row.seen
        if row.exit is None:
            assert stage.serves()
            platform.terminate()
            assert platform.exit_code() == (-15 if "managed" in runtime else 0), "it ends well"
        else:
            assert platform.exit_code() == row.exit
        assert row.log.format(variant) in platform.output
        assert not [word for word in SLOPPY if word in platform.output], platform.output


def variables(runtime: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment variables that make the runtime the one of that name."""
    if runtime == "concurrent":
        return {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}  # a place that is lost is missed at once
    if runtime == "managed 3":
        ric = ric_3()
        return {"PYTHONPATH": ric.environ["PYTHONPATH"]}
    return {}


def test_no_two_rows_speak_of_the_same_fault() -> None:
    told = [(row.fault, v, r) for row in ROWS for v in row.variants for r in row.runtimes]
    assert len(told) == len(set(told))
