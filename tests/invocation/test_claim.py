"""Who may respond to an invocation: the whole table, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.invocation.claim import CLAIMS, Claim, ClaimInput, ClaimState

OPEN, CLAIMED, SENT, RELEASED, EXPIRED = ClaimState

#: State: the next state after CALL, FIRST_BYTE, CALL_ENDED, RUNTIME, DEADLINE.
TABLE = {
    OPEN: (CLAIMED, OPEN, OPEN, RELEASED, EXPIRED),
    CLAIMED: (CLAIMED, SENT, OPEN, RELEASED, EXPIRED),
    SENT: (SENT,) * 5,
    RELEASED: (RELEASED,) * 5,
    EXPIRED: (EXPIRED,) * 5,
}

ASK = {
    ClaimInput.CALL: Claim.call,
    ClaimInput.FIRST_BYTE: Claim.first_byte,
    ClaimInput.CALL_ENDED: Claim.call_ended,
    ClaimInput.RUNTIME: Claim.runtime,
    ClaimInput.DEADLINE: Claim.deadline,
}


def responded(claim: Claim) -> bool:
    """Whether an outcome has been sent by a call or by the deadline."""
    return claim.state in (ClaimState.RESPONDED, ClaimState.EXPIRED)


@pytest.mark.parametrize("happened", ClaimInput)
@pytest.mark.parametrize("state", ClaimState)
def test_the_table_is_total_and_every_pair_leads_where_it_says(
    state: ClaimState, happened: ClaimInput
) -> None:
    claim = Claim()
    claim.state = state
    after = TABLE[state][happened]
    assert CLAIMS[state][happened] is after
    granted = ASK[happened](claim)
    assert claim.state is after
    if happened is not ClaimInput.CALL_ENDED:
        assert granted is (after is not state)


inputs = st.lists(st.sampled_from(ClaimInput), max_size=30)


@given(inputs)
def test_whatever_happens_in_any_order_at_most_one_party_sends_the_outcome(
    happening: list[ClaimInput],
) -> None:
    claim = Claim()
    senders = (ClaimInput.FIRST_BYTE, ClaimInput.RUNTIME, ClaimInput.DEADLINE)
    sent = [happened for happened in happening if ASK[happened](claim) and happened in senders]
    assert len(sent) <= 1
    assert responded(claim) is (sent not in ([], [ClaimInput.RUNTIME]))


@given(inputs)
def test_a_call_sends_only_while_it_holds_the_claim(happening: list[ClaimInput]) -> None:
    claim = Claim()
    for happened in happening:
        claimed = claim.state is ClaimState.CLAIMED
        granted = ASK[happened](claim)
        if happened is ClaimInput.FIRST_BYTE:
            assert bool(granted) is claimed


def test_a_call_that_ends_without_a_byte_leaves_the_invocation_to_the_next_call() -> None:
    claim = Claim()
    assert claim.call()
    assert not claim.call()
    claim.call_ended()
    assert claim.open
    assert claim.call()
    assert claim.first_byte()
    claim.call_ended()
    assert (responded(claim), claim.runtime(), claim.deadline()) == (True, False, False)
