"""The Runtime API's state machine of one environment, as a table.

States, moves and names, with and without SnapStart, are those of RAPID, AWS's own server of it:
https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/core/states.go).
Everything that decides whether a call is legal is in this file; it does no I/O.
"""

from __future__ import annotations

from enum import StrEnum


class RuntimeState(StrEnum):
    """Where the runtime is; the values are the names AWS puts into its error texts."""

    STARTED = "Started"  #: the process runs, init is not over
    INIT_ERROR = "InitError"  #: it reported that init failed; all it may do is exit
    READY = "Ready"  #: it waits for an event
    RUNNING = "Running"  #: it has an event and has not begun to answer
    RESPONSE = "InvocationResponse"  #: its answer is being read
    ERROR = "InvocationErrorResponse"  #: its error report is being read
    SENT = "RuntimeResponseSentState"  #: it has answered and has not asked for more
    RESTORE_READY = "RestoreReady"  #: it waits in its snapshot
    RESTORING = "Restoring"  #: it has been restored and makes itself ready again
    RESTORE_ERROR = "RuntimeRestoreErrorState"  #: it reported that it could not; it may only exit


class RuntimeStep(StrEnum):
    """What can happen to a runtime."""

    NEXT = "next"  #: it asks for an event
    EVENT = "event"  #: it is handed one
    RESPONSE = "response"  #: it begins to answer
    ERROR = "error"  #: it begins to report a failed invocation
    SENT = "sent"  #: its answer or report has been read, well or not
    INIT_ERROR = "init_error"  #: it reports a failed init
    RESTORE_NEXT = "restore_next"  #: it is ready for its snapshot
    RESTORE = "restore"  #: it is let go on from there
    RESTORE_ERROR = "restore_error"  #: it reports that it cannot


class TransitionError(Exception):
    """The step is not allowed in this state. Its text is the one AWS answers 403 with."""

    def __init__(self, state: RuntimeState, step: RuntimeStep) -> None:
        """Remember the state, and the state that the step would have led to."""
        super().__init__(state, step)
        self.state = state
        self.target = TARGETS[step]

    def __str__(self) -> str:
        return (
            f"State transition from {self.state} to {self.target} failed for runtime. "
            "Error: State transition is not allowed"
        )


TARGETS: dict[RuntimeStep, RuntimeState] = {
    RuntimeStep.NEXT: RuntimeState.READY,
    RuntimeStep.EVENT: RuntimeState.RUNNING,
    RuntimeStep.RESPONSE: RuntimeState.RESPONSE,
    RuntimeStep.ERROR: RuntimeState.ERROR,
    RuntimeStep.SENT: RuntimeState.SENT,
    RuntimeStep.INIT_ERROR: RuntimeState.INIT_ERROR,
    RuntimeStep.RESTORE_NEXT: RuntimeState.RESTORE_READY,
    RuntimeStep.RESTORE: RuntimeState.RESTORING,
    RuntimeStep.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
}
"""The state that a step aims at. Only `Step.NEXT` may end elsewhere: see the table."""

# A second ``next`` while one blocks is allowed, and so is one while an event is outstanding:
# the same event is delivered again (a runtime may have lost the connection it came on).
ALLOWED: dict[RuntimeState, dict[RuntimeStep, RuntimeState]] = {
    RuntimeState.STARTED: {
        RuntimeStep.NEXT: RuntimeState.READY,  # with SnapStart too: it has no hooks then
        RuntimeStep.INIT_ERROR: RuntimeState.INIT_ERROR,
        RuntimeStep.RESTORE_NEXT: RuntimeState.RESTORE_READY,
    },
    RuntimeState.INIT_ERROR: {},
    RuntimeState.READY: {
        RuntimeStep.NEXT: RuntimeState.READY,
        RuntimeStep.EVENT: RuntimeState.RUNNING,
    },
    RuntimeState.RUNNING: {
        RuntimeStep.NEXT: RuntimeState.RUNNING,
        RuntimeStep.RESPONSE: RuntimeState.RESPONSE,
        RuntimeStep.ERROR: RuntimeState.ERROR,
    },
    RuntimeState.RESPONSE: {RuntimeStep.SENT: RuntimeState.SENT},
    RuntimeState.ERROR: {RuntimeStep.SENT: RuntimeState.SENT},
    RuntimeState.SENT: {RuntimeStep.NEXT: RuntimeState.READY},
    RuntimeState.RESTORE_READY: {RuntimeStep.RESTORE: RuntimeState.RESTORING},
    RuntimeState.RESTORING: {
        RuntimeStep.NEXT: RuntimeState.READY,
        RuntimeStep.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
        RuntimeStep.INIT_ERROR: RuntimeState.RESTORE_ERROR,  # the same under another name
    },
    RuntimeState.RESTORE_ERROR: {},
}

TRANSITIONS: dict[tuple[RuntimeState, RuntimeStep], RuntimeState | None] = {
    (state, step): ALLOWED[state].get(step) for state in RuntimeState for step in RuntimeStep
}
"""Every pair of state and step; ``None`` where AWS answers 403."""


def move(state: RuntimeState, step: RuntimeStep) -> RuntimeState:
    """Return the state after ``step``.

    Raises:
        TransitionError: the step is not allowed in ``state``.
    """
    after = TRANSITIONS[state, step]
    if after is None:
        raise TransitionError(state, step)
    return after
