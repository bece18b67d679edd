from __future__ import annotations

from typing import TYPE_CHECKING

from .soak import EXPECTED, soak

if TYPE_CHECKING:
    from pathlib import Path


def test_hundreds_of_invocations_under_fault_have_one_outcome_each_and_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    outcomes = soak(tmp_path, count=600, seed=1)
    assert outcomes.keys() >= {" / ".join(seen) for seen in EXPECTED.values()}
    assert {o for o in outcomes if o.startswith(("cut", "no event"))} >= {
        "cut by the platform: reset",
        "cut by the platform: half-close",
        "cut by the platform: garbage",
        "cut by the platform: refused early",
        "no event",
    }
