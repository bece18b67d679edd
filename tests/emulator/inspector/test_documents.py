"""The JSON that the page gets, which is also the JSON that a person downloads."""

from __future__ import annotations

import json

import pytest

from adapter.emulator.inspector.documents import detail, outcome, readable, summary
from adapter.emulator.inspector.recorded import RecordedInvocation
from adapter.emulator.invocation_steps import (
    Ended,
    InvocationStep,
    Responded,
    Sent,
    Started,
    Written,
)
from adapter.emulator.outcome import EndOfResponse, ResponseEnd
from adapter.samples.url_event import function_url_event

from .invocations import untold

COMPLETE = Ended(3.0, ResponseEnd(EndOfResponse.COMPLETE))
HELD: list[InvocationStep] = [
    Started(0.0, "7", False),
    Written(0.1, b"a"),
    Written(2.9, b"b" * 99),
    Responded(2.9, 200, []),
    Sent(2.95, b"a" + b"b" * 99),
    COMPLETE,
]


def record(*steps: InvocationStep) -> RecordedInvocation:
    event = json.dumps(function_url_event("/sse")).encode()
    kept = RecordedInvocation(4, untold(event, request_id="id"), now=0.0, epoch=1.5)
    for each in steps:
        kept.take(each)
    return kept


def test_a_row_has_request_times_bytes_and_outcome() -> None:
    row = summary(record(*HELD))
    assert row == {
        "number": 4,
        "version": 6,
        "request_id": "id",
        "epoch": 1.5,
        "method": "GET",
        "target": "/sse",
        "status": 200,
        "cold": False,
        "environment": "7",
        "duration": 3.0,
        "first_byte": 2.95,
        "bytes": 100,
        "outcome": "complete",
        "faults": ["held-by-app"],
    }


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ([], "waiting"),
        (HELD[:1], "running"),
        (HELD[:5], "streaming"),
        (HELD, "complete"),
        ([Ended(1.0, ResponseEnd(EndOfResponse.TRUNCATED))], "Truncated"),
        ([Ended(1.0, ResponseEnd(EndOfResponse.COMPLETE, "Function.A"))], "Function.A"),
    ],
)
def test_the_outcome_is_a_word(steps: list[InvocationStep], word: str) -> None:
    assert outcome(record(*steps)) == word


def test_the_detail_says_in_words_what_is_wrong() -> None:
    document = detail(record(*HELD), "main:app", "http://localhost:1", ["GZipMiddleware"])
    assert document["verdict"] == "held back"
    assert document["findings"][0]["text"] == (
        "One chunk carried 99 % of the bytes, 2.9 s after the request: something between your "
        "generator and `send` buffers; `GZipMiddleware` is in the stack."
    )
    assert document["written"] == [(0.1, 1), (2.9, 99)]
    assert document["curl"].endswith("http://localhost:1/sse")
    assert document["invoke"].startswith("adapter invoke main:app ")
    assert json.loads(json.dumps(document))["event_bytes"] > 100


def test_a_running_invocation_is_not_judged_yet() -> None:
    document = detail(record(*HELD[:5]), "main:app", "http://x", [])
    assert document["findings"] == []
    assert document["faults"] == []


def test_an_outcome_that_is_an_error_is_not_a_fault_as_well() -> None:
    row = summary(record(Ended(1.0, ResponseEnd(EndOfResponse.COMPLETE, "Function.A"))))
    assert (row["outcome"], row["faults"]) == ("Function.A", [])


def test_an_event_is_indented_if_it_is_whole() -> None:
    assert readable(b'{"a":"\xc3\xa9"}') == '{\n  "a": "é"\n}'
    assert readable(b'{"a":"\xff') == '{"a":"\\xff'


def test_a_request_whose_event_is_cut_off_cannot_be_copied() -> None:
    event = json.dumps(function_url_event("/", method="POST", body=b"x" * 200_000)).encode()
    kept = RecordedInvocation(4, untold(event), now=0.0, epoch=1.5)
    document = detail(kept, "main:app", "http://localhost:1", [])
    assert (document["method"], document["target"]) == ("POST", "/")
    assert (document["replayable"], document["curl"], document["invoke"]) == (False, "", "")
