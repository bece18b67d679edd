"""What a person reads, and the JSON that can be attached to an issue."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from adapter.diagnosis.findings import diagnose
from adapter.doctor.probe import ProbedResponse
from adapter.doctor.report import bar, lines, make_report, printable
from tests.diagnosis.shown import GOOD, SHOWN
from tests.diagnosis.strategies import chunks, observations

if TYPE_CHECKING:
    from adapter.diagnosis.observation import Chunk

SEEN = ProbedResponse(
    protocol="HTTP/1.1",
    status=200,
    reason="OK",
    headers=[("content-type", "text/event-stream"), ("set-cookie", "s=secret"), ("x-amzn-a", "b")],
    trailers=[("lambda-error", "boom")],
)


def text(observation: object = GOOD, seen: ProbedResponse = SEEN) -> str:
    assert isinstance(observation, type(GOOD))
    return "\n".join(lines(observation, seen, diagnose(observation)))


def test_a_good_stream_is_told_in_a_few_lines() -> None:
    assert text() == (
        "HTTP/1.1 200 OK\n"
        "  content-type: text/event-stream\n"
        "  x-amzn-a: b\n"
        "  first byte 0 ms, 60 bytes in 6 chunks, 2.6 s\n"
        "  longest gap 500 ms, from 0 ms on\n"
        f"  written  |{bar(GOOD.written, GOOD.duration)}|\n"
        f"  received |{bar(GOOD.received, GOOD.duration)}|\n"
        "\n"
        "The response streams."
    )


def test_a_fault_is_told_with_advice() -> None:
    told = text(SHOWN["held-by-app"])
    assert "Fault: One chunk carried 100 % of the bytes" in told
    assert "\n  Remove middleware that buffers" in told
    assert told.endswith("\n\nThe response does not stream.")


def test_one_chunk_is_called_a_chunk() -> None:
    assert " 60 bytes in 1 chunk, " in text(SHOWN["held-by-app"])


def test_a_stream_without_end_and_a_response_without_body_are_told() -> None:
    assert "and the stream is still open" in text(GOOD, replace(SEEN, stopped=True))
    assert "  no body" in text(replace(GOOD, received=()))


def test_the_report_is_json_without_secrets() -> None:
    names = ("Proxy-Authorization", "X-Auth-Token", "X-Amzn-Remapped-Authorization")
    seen = replace(SEEN, headers=[*SEEN.headers, *((name, "secret") for name in names)])
    found = diagnose(GOOD)
    report = make_report(
        GOOD, seen, found, version="1.0", time="now", target="main:app", request={"method": "GET"}
    )
    written = json.loads(json.dumps(report))
    assert "secret" not in json.dumps(report) + text(GOOD, seen)
    assert written["response"]["headers"][1:3] == [["set-cookie", "(hidden)"], ["x-amzn-a", "b"]]
    assert written["response"]["trailers"] == [["lambda-error", "boom"]]
    assert (written["streams"], written["verdict"]) == (True, "streams")
    assert len(written["written"]) == 6


@given(observations)
def test_any_response_can_be_told_and_reported(observation: object) -> None:
    assert isinstance(observation, type(GOOD))
    assert text(observation).splitlines()[-1] in (
        "The response streams.",
        "The response does not stream.",
    )
    found = diagnose(observation)
    report = make_report(observation, SEEN, found, version="", time="", target="", request={})
    assert len(report["findings"]) == len(found)


@given(chunks, st.floats(0, 100))
def test_a_bar_has_a_block_where_bytes_came(body: list[Chunk], duration: float) -> None:
    drawn = bar(body, duration)
    assert len(drawn) == 60
    assert drawn.isspace() is not any(chunk.size for chunk in body)
    assert ("█" in drawn) is bool(body)


def test_a_server_cannot_control_the_terminal() -> None:
    assert printable("a\x1b[31mb\x9bc\r\nd") == "a�[31mb�c�\nd"
