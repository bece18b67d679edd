"""The states of a runtime that serves one invocation at a time, as a table.

States, steps and names, with and without SnapStart, are those of AWS's own Runtime API server:
https://github.com/aws/aws-lambda-runtime-interface-emulator (internal/lambda/core/states.go).
This file alone decides whether a call is allowed. It does no I/O.
"""

from __future__ import annotations

from enum import StrEnum


class RuntimeState(StrEnum):
    """The state of the runtime; the values are the names in AWS's error messages."""

    STARTED = "Started"  #: the process runs, and its init is not over
    INIT_ERROR = "InitError"  #: it reported that its init failed, and may only exit
    READY = "Ready"  #: it waits for an event
    RUNNING = "Running"  #: it has an event and has not begun to respond
    RESPONSE = "InvocationResponse"  #: its response is being read
    ERROR = "InvocationErrorResponse"  #: its error report is being read
    SENT = "RuntimeResponseSentState"  #: it has responded and has not called ``next``
    RESTORE_READY = "RestoreReady"  #: it waits in its snapshot
    RESTORING = "Restoring"  #: it has been restored and runs its hooks
    RESTORE_ERROR = "RuntimeRestoreErrorState"  #: it reported a failed restore, and may only exit


class RuntimeStep(StrEnum):
    """A step of a runtime from one state to the next."""

    NEXT = "next"  #: it calls ``next``
    EVENT = "event"  #: it receives an event
    RESPONSE = "response"  #: it begins to respond
    ERROR = "error"  #: it begins to report a failed invocation
    SENT = "sent"  #: its response or report has been read, complete or not
    INIT_ERROR = "init_error"  #: it reports a failed init
    RESTORE_NEXT = "restore_next"  #: it is ready for its snapshot
    RESTORE = "restore"  #: it is restored from its snapshot
    RESTORE_ERROR = "restore_error"  #: it reports a failed restore


class TransitionError(Exception):
    """The step is not allowed in this state; the message is that of AWS's 403."""

    def __init__(self, state: RuntimeState, step: RuntimeStep) -> None:
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
    RuntimeStep.RESTORE_NEXT: RuntimeState.READY,  # not the state that it leads to
    RuntimeStep.RESTORE: RuntimeState.RESTORING,
    RuntimeStep.RESTORE_ERROR: RuntimeState.RESTORE_ERROR,
}
"""The state that AWS's error message names as the target of a step."""

# A second ``next`` is allowed while the first call blocks, and while an event is being served: the
# same event is then delivered again, because the runtime may have lost its connection.
ALLOWED: dict[RuntimeState, dict[RuntimeStep, RuntimeState]] = {
    RuntimeState.STARTED: {
        RuntimeStep.NEXT: RuntimeState.READY,  # with SnapStart too, if the runtime has no hooks
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
        RuntimeStep.INIT_ERROR: RuntimeState.RESTORE_ERROR,  # another name for the same report
    },
    RuntimeState.RESTORE_ERROR: {},
}

TRANSITIONS: dict[tuple[RuntimeState, RuntimeStep], RuntimeState | None] = {
    (state, step): ALLOWED[state].get(step) for state in RuntimeState for step in RuntimeStep
}
"""Every pair of state and step; ``None`` where AWS replies 403."""


def move(state: RuntimeState, step: RuntimeStep) -> RuntimeState:
    """Return the state after ``step``.

    Raises:
        TransitionError: the step is not allowed in ``state``.
    """
    after = TRANSITIONS[state, step]
    if after is None:
        raise TransitionError(state, step)
    return after
