from __future__ import annotations

from adapter.emulator.runtime_api.extension_state import (
    TRANSITIONS,
    ExtensionState,
    ExtensionStep,
)


def test_the_table_says_something_for_every_state_and_step() -> None:
    assert TRANSITIONS.keys() == {(s, step) for s in ExtensionState for step in ExtensionStep}


def test_after_an_error_no_step_leads_back() -> None:
    for state in (ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR):
        assert {TRANSITIONS[state, step] for step in ExtensionStep} == {state, None}
