"""The state of a concurrent environment: waiting ``next`` calls, and the phase of each invocation.

The rules are those of the Runtime API server of Lambda Managed Instances: waiting ``next`` calls
are a queue, and each invocation goes through the table below separately. It does no I/O.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
"""

from __future__ import annotations

from collections import OrderedDict, deque
from enum import StrEnum
from typing import Generic, TypeVar

MAX_WAITING = 10_000
MAX_LATE = 1_000

Waiting = TypeVar("Waiting")


class Phase(StrEnum):
    """The phase of an invocation."""

    RUNNING = "running"  #: the runtime has the event
    RESPONDING = "responding"  #: its response is being read
    REPORTING = "reporting"  #: its error report is being read
    LATE = "late"  #: it timed out before the runtime began to respond
    OVER = "over"  #: it is finished, or never existed


class PhaseStep(StrEnum):
    """A step of an invocation from one phase to the next."""

    RESPONSE = "response"  #: the runtime begins to respond
    ERROR = "error"  #: the runtime begins to report an error
    REFUSED = "refused"  #: the report was too large; a smaller one may follow
    SENT = "sent"  #: its response or report has been read, complete or not
    TIMEOUT = "timeout"  #: it times out


ALLOWED: dict[Phase, dict[PhaseStep, Phase]] = {
    Phase.RUNNING: {
        PhaseStep.RESPONSE: Phase.RESPONDING,
        PhaseStep.ERROR: Phase.REPORTING,
        PhaseStep.TIMEOUT: Phase.LATE,
    },
    # A report replaces a response that is still being read. A runtime that is sending when the
    # invocation times out gets the 410 at once, so the invocation is over.
    Phase.RESPONDING: {
        PhaseStep.ERROR: Phase.REPORTING,
        PhaseStep.SENT: Phase.OVER,
        PhaseStep.TIMEOUT: Phase.OVER,
    },
    Phase.REPORTING: {
        PhaseStep.REFUSED: Phase.RUNNING,
        PhaseStep.SENT: Phase.OVER,
        PhaseStep.TIMEOUT: Phase.OVER,
    },
    # A late response or report gets a 410, once.
    Phase.LATE: {PhaseStep.RESPONSE: Phase.OVER, PhaseStep.ERROR: Phase.OVER},
    Phase.OVER: {},
}

TRANSITIONS: dict[tuple[Phase, PhaseStep], Phase | None] = {
    (phase, step): ALLOWED[phase].get(step) for phase in Phase for step in PhaseStep
}
"""Every pair of phase and step; ``None`` where the reply is that the request id is invalid."""


class ConcurrentState(Generic[Waiting]):
    """The waiting ``next`` calls and the invocations of one environment."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._phases: dict[str, Phase] = {}
        self._late: OrderedDict[str, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Return how many calls wait for an event."""
        return len(self._waiting)

    def add_waiting(self, call: Waiting) -> bool:
        """Put a call at the end of the queue; return false if the queue is full."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(call)
        return True

    def remove_waiting(self, call: Waiting) -> None:
        """Remove a call from the queue, if it is there: its client has disconnected."""
        if call in self._waiting:
            self._waiting.remove(call)

    def assign(self, request_id: str) -> Waiting | None:
        """Give an invocation to the call that has waited longest; ``None`` without a call."""
        if not self._waiting:
            return None
        self._phases[request_id] = Phase.RUNNING
        return self._waiting.popleft()

    def phase(self, request_id: str) -> Phase:
        """Return the phase of an invocation."""
        return Phase.LATE if request_id in self._late else self._phases.get(request_id, Phase.OVER)

    def step(self, request_id: str, step: PhaseStep) -> Phase | None:
        """Take a step; return the phase before it, or ``None`` if the step is not allowed."""
        before = self.phase(request_id)
        after = TRANSITIONS[before, step]
        if after is None:
            return None
        self._phases.pop(request_id, None)
        self._late.pop(request_id, None)
        if after is Phase.LATE:
            self._remember_late(request_id)
        elif after is not Phase.OVER:
            self._phases[request_id] = after
        return before

    def _remember_late(self, request_id: str) -> None:
        self._late[request_id] = None
        if len(self._late) > MAX_LATE:
            self._late.popitem(last=False)
