"""Who responds to an invocation: a call of a handler, the runtime itself, or the deadline.

An invocation ends in exactly one outcome, but several parties may try to respond: the calls of a
wrapper, also from its own threads; the runtime, with the result or the exception of the function;
and the deadline. `Claim` decides between them, without I/O: its input is the request of a
party, and its output says whether the party may respond.
"""

from __future__ import annotations

from enum import IntEnum


class ClaimState(IntEnum):
    """The state of an invocation."""

    OPEN = 0  #: no party responds; a call may claim the invocation
    CLAIMED = 1  #: a call responds, and nothing is sent yet
    RESPONDED = 2  #: the first byte of the response, or an error report, is on its way
    RELEASED = 3  #: the runtime posts the result or the exception of the function
    EXPIRED = 4  #: the deadline passed first: a timeout is reported


class ClaimInput(IntEnum):
    """The inputs of a claim."""

    CALL = 0  #: a call of a handler wants to respond
    FIRST_BYTE = 1  #: the party that claimed the invocation wants to send
    CALL_ENDED = 2  #: the call is over
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
"""The next state for every state and input: the table is total. A pair that keeps its
state is a refusal, except that a call may end in any state."""


class Claim:
    """The claim on one invocation. Each method returns whether the party may respond."""

    def __init__(self) -> None:
        self.state = ClaimState.OPEN

    def call(self) -> bool:
        """Let a call respond. Refused while another call responds, and after the outcome."""
        before = self.state
        self.state = after = CLAIMS[before][ClaimInput.CALL]
        return after is not before

    def first_byte(self) -> bool:
        """Let the call that has the claim send its first byte."""
        before = self.state
        self.state = after = CLAIMS[before][ClaimInput.FIRST_BYTE]
        return after is not before

    def call_ended(self) -> None:
        """Give the claim back, if the call has sent nothing: another call may respond."""
        self.state = CLAIMS[self.state][ClaimInput.CALL_ENDED]

    def runtime(self) -> bool:
        """Let the runtime post the result or the exception of the function."""
        return self._advance(ClaimInput.RUNTIME)

    def deadline(self) -> bool:
        """Let the deadline report a timeout."""
        return self._advance(ClaimInput.DEADLINE)

    @property
    def open(self) -> bool:
        """Whether a call may respond."""
        return self.state is ClaimState.OPEN

    def _advance(self, happened: ClaimInput) -> bool:
        before = self.state
        self.state = CLAIMS[before][happened]
        return self.state is not before
