"""Who may respond to an invocation: the whole table, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.invocation.claim import CLAIMS, ClaimInput, ClaimState

OPEN, CLAIMED, SENT, RELEASED, EXPIRED = ClaimState

#: State: the next state after CALL, FIRST_BYTE, CALL_ENDED, RUNTIME, DEADLINE.
TABLE = {
    OPEN: (CLAIMED, OPEN, OPEN, RELEASED, EXPIRED),
    CLAIMED: (CLAIMED, SENT, OPEN, RELEASED, EXPIRED),
    SENT: (SENT,) * 5,
    RELEASED: (RELEASED,) * 5,
    EXPIRED: (EXPIRED,) * 5,
}

SENDERS = (ClaimInput.FIRST_BYTE, ClaimInput.RUNTIME, ClaimInput.DEADLINE)

inputs = st.lists(st.sampled_from([*ClaimInput]), max_size=30)


def admitted(inputs: list[ClaimInput]) -> tuple[list[ClaimInput], ClaimState]:
    """The inputs that change the state, and the last state."""
    state, changing = OPEN, []
    for happened in inputs:
        after = CLAIMS[state][happened]
        if after is not state:
            changing.append(happened)
        state = after
    return changing, state


@pytest.mark.parametrize("happened", [*ClaimInput])
@pytest.mark.parametrize("state", [*ClaimState])
def test_the_table_is_total_and_every_pair_leads_where_it_says(
    state: ClaimState, happened: ClaimInput
) -> None:
    assert CLAIMS[state][happened] is TABLE[state][happened]


@given(inputs)
def test_whatever_happens_in_any_order_at_most_one_party_sends_the_outcome(
    happening: list[ClaimInput],
) -> None:
    changing, state = admitted(happening)
    sent = [happened for happened in changing if happened in SENDERS]
    assert len(sent) <= 1
    assert (state in (SENT, EXPIRED)) is (sent not in ([], [ClaimInput.RUNTIME]))


@given(inputs)
def test_a_call_sends_only_while_it_has_the_claim(happening: list[ClaimInput]) -> None:
    _, state = admitted(happening)
    changing, _ = admitted([*happening, ClaimInput.FIRST_BYTE])
    before, _ = admitted(happening)
    assert (len(changing) > len(before)) is (state is CLAIMED)


def test_a_call_that_ends_without_a_byte_leaves_the_invocation_to_the_next_call() -> None:
    call, first_byte, ended, runtime, deadline = ClaimInput
    assert admitted([call, call, ended]) == ([call, ended], OPEN)
    changing, state = admitted([call, ended, call, first_byte, ended, runtime, deadline])
    assert (changing, state) == ([call, ended, call, first_byte], SENT)
