"""What a managed instance has out: who waits for an event, and how far each answer has come.

The rules are those of AWS's own Runtime API server for managed instances: the idle ``next`` calls
stand in a queue, and each invocation goes its own way through the table below.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
It does no I/O.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from enum import StrEnum
from typing import Generic, TypeVar

MAX_IDLE = 10_000
MAX_LATE = 1_000

Slot = TypeVar("Slot")


class Phase(StrEnum):
    """How far an invocation is."""

    RUNNING = "running"  #: the runtime has the event
    RESPONDING = "responding"  #: its response is being read
    REPORTING = "reporting"  #: the report of its failure is being read
    LATE = "late"  #: its time was up before the runtime had begun to answer
    OVER = "over"  #: nobody remembers it, or it never was


class PhaseStep(StrEnum):
    """What can happen to an invocation."""

    RESPONSE = "response"  #: the runtime begins to answer
    ERROR = "error"  #: the runtime begins to report a failure
    REFUSED = "refused"  #: the report was too large; a smaller one may follow
    SENT = "sent"  #: its answer or report has been read, well or not
    TIMEOUT = "timeout"  #: its time is up


ALLOWED: dict[Phase, dict[PhaseStep, Phase]] = {
    Phase.RUNNING: {
        PhaseStep.RESPONSE: Phase.RESPONDING,
        PhaseStep.ERROR: Phase.REPORTING,
        PhaseStep.TIMEOUT: Phase.LATE,
    },
    # A report takes the place of a response that is still being read. At a time-out whoever is
    # answering hears of it there and then, so it need not be told again.
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
    # A late answer is told so, once.
    Phase.LATE: {
        PhaseStep.RESPONSE: Phase.OVER,
        PhaseStep.ERROR: Phase.OVER,
    },
    Phase.OVER: {},
}

TRANSITIONS: dict[tuple[Phase, PhaseStep], Phase | None] = {
    (phase, step): ALLOWED[phase].get(step) for phase in Phase for step in PhaseStep
}
"""Every pair of phase and step; ``None`` where the runtime is told that there is no such id."""


class Outstanding(Generic[Slot]):
    """The idle slots and the invocations of one environment; a slot is whatever waits."""

    def __init__(self) -> None:
        self._idle: deque[Slot] = deque()
        self._phases: dict[str, Phase] = {}
        self._late: OrderedDict[str, None] = OrderedDict()

    @property
    def idle(self) -> int:
        """How many slots wait for an event."""
        return len(self._idle)

    def park(self, slot: Slot) -> bool:
        """Put a slot at the end of the queue; return false if that is full."""
        if len(self._idle) >= MAX_IDLE:
            return False
        self._idle.append(slot)
        return True

    def withdraw(self, slot: Slot) -> None:
        """Take a slot out of the queue, if it still waits: its runtime has hung up."""
        if slot in self._idle:
            self._idle.remove(slot)

    def take(self, request_id: str) -> Slot | None:
        """Give an invocation to the slot that has waited longest; ``None``: nobody waits."""
        if not self._idle:
            return None
        self._phases[request_id] = Phase.RUNNING
        return self._idle.popleft()

    def phase(self, request_id: str) -> Phase:
        """Return how far an invocation is."""
        return Phase.LATE if request_id in self._late else self._phases.get(request_id, Phase.OVER)

    def step(self, request_id: str, step: PhaseStep) -> Phase | None:
        """Go a step; return the phase before it, or ``None`` where the table has none after it."""
        before = self.phase(request_id)
        after = TRANSITIONS[before, step]
        if after is None:
            return None
        self._phases.pop(request_id, None)
        self._late.pop(request_id, None)
        if after is Phase.LATE:
            self._remember(request_id)
        elif after is not Phase.OVER:
            self._phases[request_id] = after
        return before

    def _remember(self, request_id: str) -> None:
        self._late[request_id] = None
        if len(self._late) > MAX_LATE:
            self._late.popitem(last=False)
