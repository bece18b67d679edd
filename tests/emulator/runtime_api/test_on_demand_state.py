from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.on_demand_state import (
    TARGETS,
    TRANSITIONS,
    RuntimeState,
    RuntimeStep,
    TransitionError,
    move,
)


def test_every_pair_of_state_and_step_is_in_the_table() -> None:
    assert set(TRANSITIONS) == {(state, step) for state in RuntimeState for step in RuntimeStep}


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([RuntimeStep.NEXT], RuntimeState.READY),
        ([RuntimeStep.NEXT, RuntimeStep.NEXT], RuntimeState.READY),
        ([RuntimeStep.NEXT, RuntimeStep.EVENT], RuntimeState.RUNNING),
        ([RuntimeStep.NEXT, RuntimeStep.EVENT, RuntimeStep.NEXT], RuntimeState.RUNNING),
        (
            [RuntimeStep.NEXT, RuntimeStep.EVENT, RuntimeStep.RESPONSE, RuntimeStep.SENT],
            RuntimeState.SENT,
        ),
        (
            [RuntimeStep.NEXT, RuntimeStep.EVENT, RuntimeStep.ERROR, RuntimeStep.SENT],
            RuntimeState.SENT,
        ),
        (
            [
                RuntimeStep.NEXT,
                RuntimeStep.EVENT,
                RuntimeStep.ERROR,
                RuntimeStep.SENT,
                RuntimeStep.NEXT,
            ],
            RuntimeState.READY,
        ),
        ([RuntimeStep.INIT_ERROR], RuntimeState.INIT_ERROR),
        ([RuntimeStep.RESTORE_NEXT, RuntimeStep.RESTORE, RuntimeStep.NEXT], RuntimeState.READY),
        (
            [RuntimeStep.RESTORE_NEXT, RuntimeStep.RESTORE, RuntimeStep.RESTORE_ERROR],
            RuntimeState.RESTORE_ERROR,
        ),
        (
            [RuntimeStep.RESTORE_NEXT, RuntimeStep.RESTORE, RuntimeStep.INIT_ERROR],
            RuntimeState.RESTORE_ERROR,
        ),
    ],
)
def test_the_allowed_sequences(steps: list[RuntimeStep], end: RuntimeState) -> None:
    state = RuntimeState.STARTED
    for step in steps:
        state = move(state, step)
    assert state is end


@pytest.mark.parametrize(
    ("state", "step", "names"),
    [
        (RuntimeState.RESPONSE, RuntimeStep.NEXT, "InvocationResponse to Ready"),
        (
            RuntimeState.SENT,
            RuntimeStep.ERROR,
            "RuntimeResponseSentState to InvocationErrorResponse",
        ),
        (RuntimeState.SENT, RuntimeStep.RESPONSE, "RuntimeResponseSentState to InvocationResponse"),
        (RuntimeState.RESPONSE, RuntimeStep.RESPONSE, "InvocationResponse to InvocationResponse"),
        (RuntimeState.INIT_ERROR, RuntimeStep.INIT_ERROR, "InitError to InitError"),
        (RuntimeState.INIT_ERROR, RuntimeStep.NEXT, "InitError to Ready"),
        (RuntimeState.READY, RuntimeStep.INIT_ERROR, "Ready to InitError"),
        (RuntimeState.RESTORE_READY, RuntimeStep.RESTORE_NEXT, "RestoreReady to Ready"),
        (RuntimeState.RESTORE_READY, RuntimeStep.NEXT, "RestoreReady to Ready"),
        (RuntimeState.READY, RuntimeStep.RESTORE_NEXT, "Ready to Ready"),
        (RuntimeState.READY, RuntimeStep.RESTORE_ERROR, "Ready to RuntimeRestoreErrorState"),
    ],
)
def test_a_refusal_has_the_headers_of_aws(
    state: RuntimeState, step: RuntimeStep, names: str
) -> None:
    with pytest.raises(TransitionError) as caught:
        move(state, step)
    assert str(caught.value) == (
        f"State transition from {names} failed for runtime. Error: State transition is not allowed"
    )


@given(st.lists(st.sampled_from(RuntimeStep), max_size=30))
def test_no_sequence_of_steps_leaves_the_table(steps: list[RuntimeStep]) -> None:
    state = RuntimeState.STARTED
    for step in steps:
        allowed = TRANSITIONS[state, step] is not None
        with nullcontext() if allowed else pytest.raises(TransitionError):
            state = move(state, step)
            others = (RuntimeState.RUNNING, RuntimeState.RESTORE_ERROR, RuntimeState.RESTORE_READY)
            assert state in (TARGETS[step], *others)
