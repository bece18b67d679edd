from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.concurrent_state import (
    MAX_LATE,
    MAX_WAITING,
    TRANSITIONS,
    ConcurrentState,
    Phase,
    PhaseStep,
)


def running(*request_ids: str) -> ConcurrentState[str]:
    state: ConcurrentState[str] = ConcurrentState()
    for request_id in request_ids:
        assert state.add_waiting("slot")
        assert state.assign(request_id) == "slot"
    return state


def test_every_pair_of_phase_and_step_is_in_the_table() -> None:
    assert set(TRANSITIONS) == {(phase, step) for phase in Phase for step in PhaseStep}


def test_the_call_that_has_waited_longest_gets_the_next_event() -> None:
    state: ConcurrentState[str] = ConcurrentState()
    for slot in ("first", "second", "third"):
        state.add_waiting(slot)
    state.remove_waiting("second")
    state.remove_waiting("never there")
    assert state.waiting == 2
    assert [state.assign(f"id-{number}") for number in range(3)] == ["first", "third", None]


def test_an_invocation_without_a_waiting_next_leaves_no_trace() -> None:
    state: ConcurrentState[str] = ConcurrentState()
    assert state.assign("id-1") is None
    assert state.phase("id-1") is Phase.OVER


def test_the_queue_is_limited() -> None:
    state: ConcurrentState[int] = ConcurrentState()
    assert all(state.add_waiting(number) for number in range(MAX_WAITING))
    assert not state.add_waiting(MAX_WAITING)
    assert state.waiting == MAX_WAITING


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
def test_the_allowed_sequences(steps: list[PhaseStep], end: Phase) -> None:
    state = running("id-1")
    for step in steps:
        before = state.phase("id-1")
        assert state.step("id-1", step) is before
    assert state.phase("id-1") is end


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
def test_a_second_response_has_an_invalid_request_id(steps: list[PhaseStep]) -> None:
    state = running("id-1")
    *first, last = steps
    for step in first:
        state.step("id-1", step)
    assert state.step("id-1", last) is None


def test_the_number_of_late_invocations_is_limited() -> None:
    request_ids = [f"id-{number}" for number in range(MAX_LATE + 1)]
    state = running(*request_ids)
    for request_id in request_ids:
        state.step(request_id, PhaseStep.TIMEOUT)
    assert state.phase("id-0") is Phase.OVER
    assert state.phase("id-1") is Phase.LATE


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(PhaseStep)), max_size=40))
def test_invocations_do_not_touch_one_another(steps: list[tuple[str, PhaseStep]]) -> None:
    together = running(*"abc")
    alone = {request_id: running(request_id) for request_id in "abc"}
    for request_id, step in steps:
        expected = alone[request_id].step(request_id, step)
        assert together.step(request_id, step) is expected
        assert together.phase(request_id) is alone[request_id].phase(request_id)
