"""The table of findings: each row is shown by one response, and by a good stream never."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from adapter.diagnosis.findings import RULES, Severity, diagnose, streams
from adapter.diagnosis.observation import Chunk, Limits, Observation, may_name_middleware

from .document import PAGE, PRINTED, finding_table
from .shown import GOOD, REMOTE, SHOWN
from .strategies import observations


def symptoms_of(observation: Observation) -> list[str]:
    return [finding.symptom for finding in diagnose(observation)]


def test_every_symptom_has_a_response_that_shows_it() -> None:
    assert list(SHOWN) == [rule.symptom for rule in RULES]


def test_the_page_has_every_finding() -> None:
    printed = PRINTED.search(PAGE.read_text())
    assert printed
    assert printed[0] == finding_table(), "out of date: python -m tests.diagnosis.document"


@pytest.mark.parametrize("symptom", SHOWN)
def test_a_symptom_is_found(symptom: str) -> None:
    assert symptom in symptoms_of(SHOWN[symptom])


@pytest.mark.parametrize("symptom", SHOWN)
def test_a_fault_means_that_a_response_does_not_stream_and_a_warning_does_not(
    symptom: str,
) -> None:
    shown = SHOWN[symptom]
    severity = next(rule.severity for rule in RULES if rule.symptom == symptom)
    at_once = len(shown.received) < 2
    assert streams(shown, diagnose(shown)) is (severity is not Severity.FAULT and not at_once)


def test_a_stream_without_a_fault_has_no_findings() -> None:
    assert diagnose(GOOD) == diagnose(REMOTE) == []
    assert streams(GOOD, [])


def test_a_finding_says_how_much_came_when_and_what_may_hold_it() -> None:
    body = [Chunk(0.1, 2), Chunk(3.0, 98)]
    seen = Observation(
        duration=3.0,
        expected_to_stream=True,
        received=body,
        written=body,
        middleware=["CORSMiddleware", "GZipMiddleware"],
    )
    found = diagnose(seen)[0]
    assert found.text == (
        "One chunk carried 98 % of the bytes, 3.0 s after the request: something between your "
        "generator and `send` buffers; `GZipMiddleware` is in the stack."
    )


def test_the_time_without_a_byte_is_a_setting() -> None:
    quick = Limits(silence_seconds=0.4)
    assert [finding.symptom for finding in diagnose(GOOD, quick)] == ["silence"]


@given(observations)
def test_any_response_gets_whole_sentences_the_most_severe_first(observation: Observation) -> None:
    found = diagnose(observation)
    order = [list(Severity).index(finding.severity) for finding in found]
    assert order == sorted(order)
    assert len({finding.symptom for finding in found}) == len(found)
    assert all(finding.text.endswith(".") and finding.advice.endswith(".") for finding in found)
    assert not any(finding.text.endswith("..") for finding in found)


@given(observations)
def test_a_response_of_one_chunk_never_streams(observation: Observation) -> None:
    one = replace(observation, received=observation.received[:1])
    assert not streams(one, diagnose(one))


@given(observations)
def test_only_an_observation_that_may_name_middleware_does(observation: Observation) -> None:
    named = replace(observation, middleware=["GZipMiddleware"])
    if diagnose(named) != diagnose(replace(observation, middleware=())):
        assert may_name_middleware(observation)
