from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.state import TARGETS, TRANSITIONS, State, Step, TransitionError, move


def test_every_pair_of_state_and_step_is_in_the_table() -> None:
    assert set(TRANSITIONS) == {(state, step) for state in State for step in Step}


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([Step.NEXT], State.READY),
        ([Step.NEXT, Step.NEXT], State.READY),
        ([Step.NEXT, Step.EVENT], State.RUNNING),
        ([Step.NEXT, Step.EVENT, Step.NEXT], State.RUNNING),
        ([Step.NEXT, Step.EVENT, Step.RESPONSE, Step.SENT], State.SENT),
        ([Step.NEXT, Step.EVENT, Step.ERROR, Step.SENT], State.SENT),
        ([Step.NEXT, Step.EVENT, Step.ERROR, Step.SENT, Step.NEXT], State.READY),
        ([Step.INIT_ERROR], State.INIT_ERROR),
        ([Step.RESTORE_NEXT, Step.RESTORE, Step.NEXT], State.READY),
        ([Step.RESTORE_NEXT, Step.RESTORE, Step.RESTORE_ERROR], State.RESTORE_ERROR),
        ([Step.RESTORE_NEXT, Step.RESTORE, Step.INIT_ERROR], State.RESTORE_ERROR),
    ],
)
def test_the_ways_that_are_allowed(steps: list[Step], end: State) -> None:
    state = State.STARTED
    for step in steps:
        state = move(state, step)
    assert state is end


@pytest.mark.parametrize(
    ("state", "step", "names"),
    [
        (State.RESPONSE, Step.NEXT, "InvocationResponse to Ready"),
        (State.SENT, Step.ERROR, "RuntimeResponseSentState to InvocationErrorResponse"),
        (State.SENT, Step.RESPONSE, "RuntimeResponseSentState to InvocationResponse"),
        (State.RESPONSE, Step.RESPONSE, "InvocationResponse to InvocationResponse"),
        (State.INIT_ERROR, Step.INIT_ERROR, "InitError to InitError"),
        (State.INIT_ERROR, Step.NEXT, "InitError to Ready"),
        (State.READY, Step.INIT_ERROR, "Ready to InitError"),
        (State.RESTORE_READY, Step.RESTORE_NEXT, "RestoreReady to RestoreReady"),
        (State.RESTORE_READY, Step.NEXT, "RestoreReady to Ready"),
        (State.READY, Step.RESTORE_NEXT, "Ready to RestoreReady"),
        (State.READY, Step.RESTORE_ERROR, "Ready to RuntimeRestoreErrorState"),
    ],
)
def test_a_refusal_speaks_as_aws_does(state: State, step: Step, names: str) -> None:
    with pytest.raises(TransitionError) as caught:
        move(state, step)
    assert str(caught.value) == (
        f"State transition from {names} failed for runtime. Error: State transition is not allowed"
    )


@given(st.lists(st.sampled_from(Step), max_size=30))
def test_no_sequence_of_steps_leaves_the_table(steps: list[Step]) -> None:
    state = State.STARTED
    for step in steps:
        allowed = TRANSITIONS[state, step] is not None
        with nullcontext() if allowed else pytest.raises(TransitionError):
            state = move(state, step)
            assert state in (TARGETS[step], State.RUNNING, State.RESTORE_ERROR)
