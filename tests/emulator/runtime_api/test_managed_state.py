from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.managed_state import (
    MAX_IDLE,
    MAX_LATE,
    TRANSITIONS,
    Outstanding,
    Phase,
    PhaseStep,
)


def running(*request_ids: str) -> Outstanding[str]:
    outstanding: Outstanding[str] = Outstanding()
    for request_id in request_ids:
        assert outstanding.park("slot")
        assert outstanding.take(request_id) == "slot"
    return outstanding


def test_every_pair_of_phase_and_step_is_in_the_table() -> None:
    assert set(TRANSITIONS) == {(phase, step) for phase in Phase for step in PhaseStep}


def test_who_has_waited_longest_gets_the_next_event() -> None:
    outstanding: Outstanding[str] = Outstanding()
    for slot in ("first", "second", "third"):
        outstanding.park(slot)
    outstanding.withdraw("second")
    outstanding.withdraw("never there")
    assert outstanding.idle == 2
    assert [outstanding.take(f"id-{number}") for number in range(3)] == ["first", "third", None]


def test_an_invocation_that_nobody_waits_for_leaves_no_trace() -> None:
    outstanding: Outstanding[str] = Outstanding()
    assert outstanding.take("id-1") is None
    assert outstanding.phase("id-1") is Phase.OVER


def test_the_queue_has_an_end() -> None:
    outstanding: Outstanding[int] = Outstanding()
    assert all(outstanding.park(number) for number in range(MAX_IDLE))
    assert not outstanding.park(MAX_IDLE)
    assert outstanding.idle == MAX_IDLE


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([], Phase.RUNNING),
        ([PhaseStep.RESPONSE], Phase.RESPONDING),
        ([PhaseStep.RESPONSE, PhaseStep.SENT], Phase.OVER),
        ([PhaseStep.RESPONSE, PhaseStep.ERROR], Phase.REPORTING),
        (
            [PhaseStep.RESPONSE, PhaseStep.ERROR, PhaseStep.SENT],
            Phase.OVER,
        ),
        (
            [
                PhaseStep.ERROR,
                PhaseStep.REFUSED,
                PhaseStep.ERROR,
                PhaseStep.SENT,
            ],
            Phase.OVER,
        ),
        ([PhaseStep.TIMEOUT], Phase.LATE),
        ([PhaseStep.TIMEOUT, PhaseStep.RESPONSE], Phase.OVER),
        ([PhaseStep.TIMEOUT, PhaseStep.ERROR], Phase.OVER),
        ([PhaseStep.RESPONSE, PhaseStep.TIMEOUT], Phase.OVER),
        ([PhaseStep.ERROR, PhaseStep.TIMEOUT], Phase.OVER),
    ],
)
def test_the_ways_that_are_allowed(steps: list[PhaseStep], end: Phase) -> None:
    outstanding = running("id-1")
    for step in steps:
        before = outstanding.phase("id-1")
        assert outstanding.step("id-1", step) is before
    assert outstanding.phase("id-1") is end


@pytest.mark.parametrize(
    "steps",
    [
        [PhaseStep.RESPONSE, PhaseStep.RESPONSE],
        [PhaseStep.RESPONSE, PhaseStep.SENT, PhaseStep.RESPONSE],
        [PhaseStep.ERROR, PhaseStep.ERROR],
        [PhaseStep.ERROR, PhaseStep.RESPONSE],
        [PhaseStep.TIMEOUT, PhaseStep.RESPONSE, PhaseStep.RESPONSE],
        [PhaseStep.SENT],
    ],
)
def test_a_second_answer_is_to_an_invocation_that_is_not_there(steps: list[PhaseStep]) -> None:
    outstanding = running("id-1")
    *first, last = steps
    for step in first:
        outstanding.step("id-1", step)
    assert outstanding.step("id-1", last) is None


def test_what_is_late_is_not_remembered_for_ever() -> None:
    request_ids = [f"id-{number}" for number in range(MAX_LATE + 1)]
    outstanding = running(*request_ids)
    for request_id in request_ids:
        outstanding.step(request_id, PhaseStep.TIMEOUT)
    assert outstanding.phase("id-0") is Phase.OVER
    assert outstanding.phase("id-1") is Phase.LATE


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(PhaseStep)), max_size=40))
def test_invocations_do_not_touch_one_another(steps: list[tuple[str, PhaseStep]]) -> None:
    together = running(*"abc")
    alone = {request_id: running(request_id) for request_id in "abc"}
    for request_id, step in steps:
        expected = alone[request_id].step(request_id, step)
        assert together.step(request_id, step) is expected
        assert together.phase(request_id) is alone[request_id].phase(request_id)
