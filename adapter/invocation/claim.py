"""Who responds to an invocation: a call of a handler, the runtime itself, or the deadline.

An invocation ends in exactly one outcome, but several parties may try to respond: the calls of a
wrapper, also from its own threads; the runtime, with the result or the exception of the function;
and the deadline. The table `CLAIMS` decides between them: if an input changes the state of the
invocation, its party may respond; if the state stays the same, its party may not. (CALL_ENDED has
no party: it only changes the state.)
"""

from __future__ import annotations

from ..light_classes import IntEnum


class ClaimState(IntEnum):
    """The state of an invocation."""

    OPEN = 0  #: no party responds; a call may claim the invocation
    CLAIMED = 1  #: a call responds, and nothing is sent yet
    RESPONDED = 2  #: the first byte of the response, or an error report, is being sent
    RELEASED = 3  #: the runtime posts the result or the exception of the function
    EXPIRED = 4  #: the deadline passed first: a timeout is reported


class ClaimInput(IntEnum):
    """The inputs of the table."""

    CALL = 0  #: a call of a handler wants to respond
    FIRST_BYTE = 1  #: the call that has the claim wants to send
    CALL_ENDED = 2  #: the call is over; if it has sent nothing, another call may respond
    RUNTIME = 3  #: the runtime wants to post the result or the exception of the function
    DEADLINE = 4  #: the deadline has passed


_OVER = (ClaimState.RESPONDED, ClaimState.RELEASED, ClaimState.EXPIRED)

CLAIMS: dict[ClaimState, dict[ClaimInput, ClaimState]] = {
    ClaimState.OPEN: {
        ClaimInput.CALL: ClaimState.CLAIMED,
        ClaimInput.FIRST_BYTE: ClaimState.OPEN,
        ClaimInput.CALL_ENDED: ClaimState.OPEN,
        ClaimInput.RUNTIME: ClaimState.RELEASED,
        ClaimInput.DEADLINE: ClaimState.EXPIRED,
    },
    ClaimState.CLAIMED: {
        ClaimInput.CALL: ClaimState.CLAIMED,
        ClaimInput.FIRST_BYTE: ClaimState.RESPONDED,
        ClaimInput.CALL_ENDED: ClaimState.OPEN,
        ClaimInput.RUNTIME: ClaimState.RELEASED,
        ClaimInput.DEADLINE: ClaimState.EXPIRED,
    },
    **{state: dict.fromkeys(ClaimInput, state) for state in _OVER},
}
"""The next state for every state and input: the table is total."""
