"""The collector is changed for this process, and put back after each test."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import adapter
from adapter.imports.collector import PAUSED_THRESHOLD, pause

if TYPE_CHECKING:
    from collections.abc import Iterator

ON_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
BEFORE = (700, 10, 11)


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # tests/conftest.py freezes what the collection of the tests has left
    gc.set_threshold(*BEFORE)
    yield
    gc.enable()
    gc.set_threshold(*before)
    gc.freeze()


def test_the_collector_hardly_runs_in_a_pause_and_as_before_afterwards() -> None:
    with pause(ON_LAMBDA):
        assert gc.isenabled()
        assert gc.get_threshold() == (PAUSED_THRESHOLD, *BEFORE[1:])
        kept = [[] for _ in range(5_000)]  # type: ignore[var-annotated]
        # At the old threshold the collector would have run, and the count would have begun again.
        assert gc.get_count()[0] > BEFORE[0]
        del kept
    assert gc.isenabled()
    assert gc.get_threshold() == BEFORE


def test_what_was_imported_is_not_looked_at_again() -> None:
    with pause(ON_LAMBDA):
        kept: list[object] = []
    assert gc.get_freeze_count() > 0
    assert not any(found is kept for found in gc.get_objects())


def test_a_second_pause_counts_as_the_first() -> None:
    with pause(ON_LAMBDA):
        pass
    with pause(ON_LAMBDA):
        kept: list[object] = []
    assert not any(found is kept for found in gc.get_objects())


def test_a_module_that_fails_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(KeyError), pause(ON_LAMBDA):
        raise KeyError
    assert gc.get_threshold() == BEFORE


@pytest.mark.parametrize(
    "environ",
    [{}, {**ON_LAMBDA, "AWS_LAMBDA_MAX_CONCURRENCY": "8"}],
    ids=["not on Lambda", "a managed instance"],
)
def test_nothing_is_done(environ: dict[str, str]) -> None:
    with pause(environ):
        assert gc.get_threshold() == BEFORE
    assert gc.get_freeze_count() == 0


@pytest.mark.process
def test_little_of_the_standard_library_is_imported_before_the_pause() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(adapter.__file__).parents[1])!r})
import adapter.__main__, adapter.imports.collector
print({{"collections", "contextlib", "typing"}} & sys.modules.keys())
"""
    run = [sys.executable, "-I", "-S", "-c", program]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "set()\n"


class TestAnAppsOwnSettings:
    def test_a_disabled_collector_stays_disabled(self) -> None:
        with pause(ON_LAMBDA):
            gc.disable()
        assert not gc.isenabled()
        assert gc.get_threshold() == BEFORE
        assert gc.get_freeze_count() == 0

    def test_a_collector_that_was_disabled_for_a_while_is_enabled(self) -> None:
        with pause(ON_LAMBDA):
            was_enabled = gc.isenabled()
            gc.disable()
            if was_enabled:
                gc.enable()
        assert gc.isenabled()

    @pytest.mark.parametrize("thresholds", [(0, 10, 11), (50_000, 20, 100)])
    def test_thresholds_stay(self, thresholds: tuple[int, int, int]) -> None:
        with pause(ON_LAMBDA):
            gc.set_threshold(*thresholds)
        assert gc.get_threshold() == thresholds

    def test_a_multiple_of_the_threshold_is_one_of_the_usual_threshold(self) -> None:
        with pause(ON_LAMBDA):
            first, second, third = gc.get_threshold()
            gc.set_threshold(first * 50, second * 2, third)
        assert gc.get_threshold() == (BEFORE[0] * 50, BEFORE[1] * 2, BEFORE[2])

    def test_a_freeze_is_not_repeated(self) -> None:
        with pause(ON_LAMBDA):
            gc.freeze()
            kept: list[object] = []
        assert any(found is kept for found in gc.get_objects())

    @pytest.mark.parametrize("before", ["disabled", "without a threshold"])
    def test_those_of_the_process_count_too(self, before: str) -> None:
        if before == "disabled":
            gc.disable()
        else:
            gc.set_threshold(0)
        with pause(ON_LAMBDA):
            assert gc.get_threshold()[0] in (0, BEFORE[0])
        assert gc.get_freeze_count() == 0
