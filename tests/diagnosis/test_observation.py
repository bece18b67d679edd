"""Whether a body came over time, judged by the times of its chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.diagnosis.observation import (
    Chunk,
    Limits,
    Observation,
    Verdict,
    delay,
    densest,
    judge,
    longest_gap,
    may_name_middleware,
    total,
)

from .shown import SHOWN
from .strategies import chunks, observations, times

LIMITS = Limits()


def evenly(count: int, gap: float, start: float = 0.0) -> list[Chunk]:
    return [Chunk(start + gap * number, 10) for number in range(count)]


@pytest.mark.parametrize(
    ("body", "duration", "verdict"),
    [
        pytest.param([], 1.0, Verdict.EMPTY, id="no chunk"),
        pytest.param([Chunk(0.1, 0)], 1.0, Verdict.EMPTY, id="an empty chunk"),
        pytest.param([Chunk(0.01, 500)], 0.01, Verdict.WHOLE, id="one chunk at once"),
        pytest.param([Chunk(3.0, 500)], 3.0, Verdict.HELD_BACK, id="one chunk after a wait"),
        pytest.param(
            [Chunk(0.01, 10), Chunk(3.0, 490)], 3.0, Verdict.HELD_BACK, id="the head of a gzip"
        ),
        pytest.param(evenly(6, 0.5), 2.6, Verdict.STREAMS, id="an event every half second"),
        pytest.param(
            evenly(60, 0.005, start=1.0), 1.3, Verdict.STREAMS, id="fast tokens after a thought"
        ),
        pytest.param(
            [Chunk(0.01, 900), Chunk(1, 50)], 1.0, Verdict.STREAMS, id="a page, then its last part"
        ),
        pytest.param(evenly(5, 0.001), 0.005, Verdict.WHOLE, id="five writes in a row"),
        pytest.param(evenly(50, 0.002), 0.1, Verdict.STREAMS, id="a download"),
    ],
)
def test_a_body_is_judged_by_when_its_bytes_came(
    body: list[Chunk], duration: float, verdict: Verdict
) -> None:
    assert judge(body, duration, LIMITS) is verdict


@given(st.integers(3, 50), st.floats(0.1, 10), st.floats(0, 5))
def test_a_body_that_comes_evenly_streams_however_long_it_takes(
    count: int, gap: float, start: float
) -> None:
    body = evenly(count, gap, start)
    assert judge(body, body[-1].at, LIMITS) is Verdict.STREAMS


@given(chunks.filter(bool))
def test_a_body_that_is_merged_into_its_last_chunk_does_not_stream(body: list[Chunk]) -> None:
    merged = [Chunk(body[-1].at, total(body))]
    assert judge(merged, body[-1].at, LIMITS) in (Verdict.HELD_BACK, Verdict.WHOLE)


@given(chunks.filter(bool), times)
def test_the_densest_window_is_a_part_of_the_body_and_no_longer_than_asked(
    body: list[Chunk], width: float
) -> None:
    window = densest(body, width)
    assert max(chunk.size for chunk in body) <= window.size <= total(body)
    assert 0 <= window.end - window.start <= width
    inside = [chunk for chunk in body if window.start <= chunk.at <= window.end]
    assert total(inside) >= window.size


@given(observations)
def test_the_longest_gap_is_at_least_the_time_before_the_first_byte(
    observation: Observation,
) -> None:
    first = observation.received[0].at if observation.received else observation.duration
    assert longest_gap(observation).seconds >= first


@given(chunks.filter(bool), st.floats(0, 10))
def test_a_body_that_is_shifted_is_late_by_the_shift(body: list[Chunk], shift: float) -> None:
    late = [Chunk(at + shift, size) for at, size in body]
    seen = Observation(duration=200, written=body, received=late)
    assert delay(seen) == pytest.approx(shift, abs=1e-6)


def test_bodies_of_different_sizes_are_not_compared() -> None:
    seen = Observation(duration=2, written=[Chunk(0, 10)], received=[Chunk(1, 12)])
    assert delay(seen) == 0
    assert delay(Observation(duration=2)) == 0


def test_a_header_is_found_by_its_name_in_any_case() -> None:
    seen = Observation(duration=1, headers=[("Content-Type", "Text/Event-Stream; charset=utf-8")])
    assert seen.is_event_stream
    assert not seen.has_length
    assert seen.header("server") == ""
    assert Observation(duration=1, headers=[("x-amzn-Remapped-Content-Length", "3")]).has_length


@pytest.mark.parametrize(
    ("observation", "should"),
    [
        (Observation(duration=1), False),
        (Observation(duration=1, expected_to_stream=True), True),
        (Observation(duration=1, headers=[("content-type", "application/x-ndjson")]), True),
        (Observation(duration=1, headers=[("content-type", "application/jsonlines")]), True),
        (Observation(duration=1, headers=[("content-encoding", "br")]), True),
        (Observation(duration=1, written=evenly(2, 0.1)), True),
        (Observation(duration=1, headers=[("content-type", "text/html")]), False),
    ],
)
def test_a_response_of_several_chunks_or_of_a_streaming_type_is_meant_to_stream(
    observation: Observation, should: bool
) -> None:
    assert observation.should_stream is should


@pytest.mark.parametrize(
    ("symptom", "may"),
    [
        ("held-by-app", True),
        ("compressed", True),
        ("held-on-the-way", False),
        ("hung", False),
    ],
)
def test_middleware_may_be_the_reason_if_the_app_held_or_compressed_the_body(
    symptom: str, may: bool
) -> None:
    assert may_name_middleware(SHOWN[symptom]) is may
