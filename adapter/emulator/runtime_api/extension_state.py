"""The states of an internal extension, as a table.

States and names are those of AWS's own Runtime API server:
https://github.com/aws/aws-lambda-runtime-interface-emulator
(internal/lambda/core/internalagent_states.go). It does no I/O.
"""

from __future__ import annotations

from enum import StrEnum


class ExtensionState(StrEnum):
    """The state of an extension; the values are the names in AWS's error messages."""

    REGISTERED = "Registered"  #: it has not called ``next``
    READY = "Ready"  #: it waits for an event
    RUNNING = "Running"  #: it has an event
    INIT_ERROR = "InitError"  #: it reported that its init failed
    EXIT_ERROR = "ExitError"  #: it reported that it has to exit


class ExtensionStep(StrEnum):
    """A step of an extension; the values are the names of its target in AWS's error messages."""

    NEXT = "Ready"  #: it calls ``next``
    EVENT = "Running"  #: it receives an event
    INIT_ERROR = "InitError"  #: it reports a failed init
    EXIT_ERROR = "Exited"  #: it reports that it has to exit


# Several error reports are allowed, and the first one counts.
ALLOWED: dict[ExtensionState, dict[ExtensionStep, ExtensionState]] = {
    ExtensionState.REGISTERED: {
        ExtensionStep.NEXT: ExtensionState.READY,
        ExtensionStep.INIT_ERROR: ExtensionState.INIT_ERROR,
        ExtensionStep.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.READY: {
        ExtensionStep.EVENT: ExtensionState.RUNNING,
        ExtensionStep.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.RUNNING: {
        ExtensionStep.NEXT: ExtensionState.READY,
        ExtensionStep.EXIT_ERROR: ExtensionState.EXIT_ERROR,
    },
    ExtensionState.INIT_ERROR: {ExtensionStep.INIT_ERROR: ExtensionState.INIT_ERROR},
    ExtensionState.EXIT_ERROR: {ExtensionStep.EXIT_ERROR: ExtensionState.EXIT_ERROR},
}

TRANSITIONS: dict[tuple[ExtensionState, ExtensionStep], ExtensionState | None] = {
    (state, step): ALLOWED[state].get(step) for state in ExtensionState for step in ExtensionStep
}
"""Every pair of state and step; ``None`` where AWS replies 403."""
