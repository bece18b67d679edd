"""What is kept of an invocation: bounded, and the prelude apart from the body."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.diagnosis.observation import Chunk
from adapter.emulator.inspector.recorded import (
    MAX_CHUNKS,
    MAX_KEPT_EVENT_BYTES,
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    MAX_START_BYTES,
    PreludeSplitter,
    RecordedInvocation,
    Series,
)
from adapter.emulator.invocation_steps import Ended, Logged, Responded, Sent, Started, Written
from adapter.emulator.outcome import EndOfResponse, ResponseEnd

from .invocations import untold

PRELUDE = b'{"statusCode":200}' + bytes(8)


def record(event: bytes = b"{}") -> RecordedInvocation:
    return RecordedInvocation(1, untold(event), now=100.0, epoch=0.0)


@given(st.lists(st.integers(1, 1000), max_size=3 * MAX_CHUNKS))
def test_a_long_series_has_all_its_bytes_in_few_chunks(sizes: list[int]) -> None:
    series = Series()
    for number, size in enumerate(sizes):
        series.add(float(number), size)
    assert len(series.chunks) <= MAX_CHUNKS
    assert sum(chunk.size for chunk in series.chunks) == series.size == sum(sizes)
    assert series.count == len(sizes)
    assert series.chunks == sorted(series.chunks)


@given(st.lists(st.integers(0, len(PRELUDE) + 5), max_size=4).map(sorted))
def test_a_prelude_is_found_however_it_is_cut(cuts: list[int]) -> None:
    stream, prelude = PRELUDE + b"hello", PreludeSplitter()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    body = [chunk for piece in pieces if piece for chunk in prelude.split(1.0, piece)]
    assert sum(chunk.size for chunk in body) == 5
    assert (prelude.found, prelude.size) == (PRELUDE[:-8], len(PRELUDE))


LARGE = b"{" + b"x" * 20_000


@pytest.mark.parametrize("stream", [b"plain", b'{"json": 1}', LARGE, LARGE + bytes(8)])
def test_a_stream_without_a_prelude_is_all_body(stream: bytes) -> None:
    prelude = PreludeSplitter()
    body = [*prelude.split(1.0, stream), *prelude.end()]
    assert body == [Chunk(1.0, len(stream))]
    assert prelude.found == b""
    assert prelude.split(2.0, b"more") == [Chunk(2.0, 4)]


def test_an_invocation_is_recorded_from_its_start_to_its_end() -> None:
    kept = record()
    kept.take(Started(100.5, "77", True))
    kept.take(Written(101.0, PRELUDE + b"one"))
    kept.take(Responded(101.1, 200, [(b"a", b"b")]))
    kept.take(Sent(101.2, b"one"))
    kept.take(Ended(102.0, ResponseEnd(EndOfResponse.COMPLETE)))
    kept.take(Logged(103.0, "late"))
    assert (kept.started, kept.environment_pid, kept.cold) == (0.5, "77", True)
    assert kept.written.chunks == [Chunk(1.0, 3)]
    assert (kept.status, kept.body_start) == (200, b"one")
    assert (kept.ended, kept.last, kept.version) == (2.0, 2.0, 6)
    assert list(kept.lines) == [(3.0, "late")]


def test_body_event_and_log_are_kept_up_to_a_limit() -> None:
    kept = record(b"x" * (MAX_KEPT_EVENT_BYTES + 1))
    for number in range(MAX_LINES + 5):
        kept.take(Sent(101.0, b"x" * 700))
        kept.take(Logged(101.0, f"{number:03}" + "y" * MAX_LINE_CHARACTERS))
    kept.take(Ended(102.0, ResponseEnd(EndOfResponse.COMPLETE), "z" * 10_000))
    assert len(kept.body_start) == MAX_START_BYTES
    assert len(kept.event) == MAX_KEPT_EVENT_BYTES
    assert not kept.replayable
    assert len(kept.lines) == MAX_LINES
    assert kept.lines_left_out == 5
    assert kept.lines[0][1].startswith("005")
    assert len(kept.explanation) == MAX_LINE_CHARACTERS
    assert {len(line) for _, line in kept.lines} == {MAX_LINE_CHARACTERS}


def test_a_long_traceback_keeps_its_end_which_names_the_error() -> None:
    kept = record()
    frame = '  File "routing.py", line 7, in app\n    await self.app(scope, receive, send)\n'
    trace = f"The app failed: GET /\nTraceback (most recent call last):\n{frame * 80}KeyError: 'id'"
    kept.take(Logged(101.0, trace))
    [(_, line)] = kept.lines
    assert len(line) <= MAX_LINE_CHARACTERS
    assert line.startswith("The app failed: GET /\nTraceback (most recent call last):\n")
    assert line.endswith("\n    await self.app(scope, receive, send)\nKeyError: 'id'")
    assert all(each.startswith((" ", "[")) for each in line.split("\n")[2:-1])


def test_a_response_without_a_prelude_is_known_at_its_end() -> None:
    kept = record()
    kept.take(Written(101.0, b'{"statusCode":200}'))
    assert kept.written.chunks == []
    kept.take(Ended(102.0, ResponseEnd(EndOfResponse.COMPLETE)))
    assert kept.written.size == 18


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        (b64encode(json.dumps({"errorType": "A", "errorMessage": "b"}).encode()).decode(), "A: b"),
        ("no base64!", "Function.A"),
    ],
)
def test_an_error_in_trailers_is_explained(body: str, explanation: str) -> None:
    kept = record()
    kept.take(Ended(102.0, ResponseEnd(EndOfResponse.COMPLETE, "Function.A", body)))
    assert kept.explanation == explanation
