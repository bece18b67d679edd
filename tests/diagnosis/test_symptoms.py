"""Responses that nearly have a symptom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapter.diagnosis import symptoms
from adapter.diagnosis.findings import RULES
from adapter.diagnosis.observation import Chunk, Limits, Observation

from .shown import GOOD, SHOWN

if TYPE_CHECKING:
    from adapter.diagnosis.findings import Rule
    from adapter.diagnosis.symptoms import Detector

OVER_TIME = [Chunk(0.5 * number, 10) for number in range(6)]
AT_ONCE = [Chunk(2.5, 60)]
SSE = [("content-type", "text/event-stream")]
LONG = b"x" * 900
BASE = Observation(
    expected_to_stream=True, duration=2.6, received=AT_ONCE, written=AT_ONCE, status=200
)
WHOLE = replace(BASE, received=[Chunk(0.1, 60)], written=())

ABSENT: list[tuple[Detector, Observation]] = [
    (symptoms.refused, replace(BASE, status=404, error="Boom")),
    (symptoms.refused, replace(BASE, status=500)),
    (symptoms.server_error, replace(BASE, status=502, error="Boom")),
    (symptoms.server_error, replace(BASE, status=404)),
    (symptoms.server_error, replace(BASE, expected_to_stream=False, status=500)),
    (symptoms.server_error, SHOWN["app-raised"]),
    (symptoms.app_raised, replace(SHOWN["app-raised"], status=404)),
    (symptoms.app_raised, replace(SHOWN["app-raised"], error="Boom")),
    (symptoms.redirected, replace(BASE, status=304)),
    (symptoms.json_in_body, replace(BASE, body_start=b'{"statusCode":200}' + bytes(8))),
    (symptoms.json_in_body, replace(BASE, body_start=b'{"message":"a","statusCode":200}\n')),
    (symptoms.json_in_body, replace(BASE, body_start=b'{"statusCode":200}\n{"statusCode":404}\n')),
    (symptoms.json_in_body, replace(BASE, body_start=b'{"id":1,"statusCode":200,"b": "' + LONG)),
    (symptoms.json_in_body, replace(BASE, body_start=b"[" * 1024)),
    (symptoms.prelude_in_body, replace(BASE, body_start=b"GIF89a" + bytes(8))),
    (symptoms.buffered_by_source, replace(BASE, expected_to_stream=False, buffering="The URL")),
    (symptoms.held_by_app, replace(BASE, headers=[("content-length", "60")])),
    (symptoms.held_by_app, replace(BASE, buffering="The URL")),
    (symptoms.held_by_app, replace(BASE, status=500)),
    (symptoms.held_by_app, replace(BASE, error="Boom")),
    (symptoms.held_on_the_way, BASE),
    (symptoms.held_on_the_way, replace(BASE, written=OVER_TIME, status=500)),
    (symptoms.held_on_the_way, replace(BASE, written=OVER_TIME, received=())),
    (symptoms.held_on_the_way, replace(BASE, written=OVER_TIME, received=OVER_TIME)),
    (symptoms.held_on_the_way, replace(BASE, written=OVER_TIME, buffering="The URL")),
    (symptoms.held_anywhere, BASE),
    (symptoms.held_anywhere, replace(BASE, written=(), status=404)),
    (symptoms.held_anywhere, replace(BASE, written=(), received=OVER_TIME)),
    (symptoms.held_anywhere, replace(BASE, written=(), body_start=b'{"statusCode": 1}')),
    (symptoms.held_anywhere, replace(BASE, written=(), body_start=b"{}" + bytes(8))),
    (symptoms.broken_off, replace(BASE, broken="cut off", received=(), head_at=0.1)),
    (symptoms.delayed, replace(BASE, written=OVER_TIME)),
    (symptoms.length_known, BASE),
    (symptoms.length_known, replace(BASE, headers=[("content-length", "60")], status=404)),
    (symptoms.hung, replace(BASE, received=(), head_at=2.6)),
    (symptoms.hung, replace(BASE, received=(), head_at=None)),
    (symptoms.compressed, replace(BASE, headers=[("content-encoding", "identity")])),
    (symptoms.cached, replace(BASE, headers=[("x-cache", "Miss from cloudfront")])),
    (symptoms.came_whole, BASE),
    (symptoms.came_whole, replace(WHOLE, status=404)),
    (symptoms.came_whole, replace(WHOLE, status=500)),
    (symptoms.came_whole, replace(WHOLE, error="Boom")),
    (symptoms.held_by_app, replace(BASE, log=["must consume synchronous iterators"])),
    (
        symptoms.came_whole,
        replace(BASE, expected_to_stream=False, received=[Chunk(0.1, 60)], written=()),
    ),
    (symptoms.came_late, BASE),
    (symptoms.came_late, replace(BASE, expected_to_stream=False, status=500)),
    (
        symptoms.came_late,
        replace(BASE, expected_to_stream=False, log=["must consume synchronous iterators"]),
    ),
    (symptoms.came_late, replace(BASE, expected_to_stream=False, headers=SSE)),
    (symptoms.refused, replace(BASE, expected_to_stream=False, status=404)),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.symptom)
def test_a_symptom_is_seen_where_it_is_and_not_in_a_good_stream(rule: Rule) -> None:
    assert rule.detect(SHOWN[rule.symptom], Limits()) is not None
    assert rule.detect(GOOD, Limits()) is None


@pytest.mark.parametrize(("detect", "observation"), ABSENT)
def test_a_symptom_is_absent(detect: Detector, observation: Observation) -> None:
    assert detect(observation, Limits()) is None


def test_events_through_a_source_that_buffers_are_a_fault_even_if_they_came_at_once() -> None:
    seen = replace(BASE, headers=SSE, buffering="The URL")
    assert symptoms.buffered_by_source(seen, Limits()) == {"source": "The URL"}


@pytest.mark.parametrize(
    "start",
    [
        b'{\n  "statusCode": 200, "headers": {"a": "b"}, "isBase64Encoded": false\n}\n',
        b'{"headers": {"a": "b"}, "statusCode": 200, "body": "' + LONG,
        b'{\n  "statusCode": 200,\n  "body": "' + LONG,
    ],
)
def test_a_buffered_response_is_known_by_its_keys_complete_or_cut_off(start: bytes) -> None:
    assert symptoms.json_in_body(replace(BASE, body_start=start), Limits()) == {}


def test_a_compressor_in_the_stack_is_named() -> None:
    seen = replace(BASE, headers=[("content-encoding", "br")], middleware=["BrotliMiddleware"])
    assert symptoms.compressed(seen, Limits()) == {"coding": "br", "by": " by `BrotliMiddleware`"}


def test_several_suspects_and_a_proxy_are_named_with_advice() -> None:
    seen = replace(
        BASE,
        headers=[("Server", "nginx/1.26")],
        middleware=["GZipMiddleware", "ETagMiddleware"],
    )
    values = symptoms.burst_values(seen, Limits(), by_runtime=True)
    assert values["suspects"] == "; `GZipMiddleware`, `ETagMiddleware` are in the stack"
    assert values["proxies"] == "; nginx is on the way"
    assert values["advice"] == " nginx: set proxy_buffering off, or send X-Accel-Buffering: no."


def test_two_proxies_are_named() -> None:
    seen = replace(BASE, headers=[("Server", "nginx"), ("X-Amz-Cf-Id", "0a")])
    values = symptoms.burst_values(seen, Limits(), by_runtime=True)
    assert values["proxies"] == "; nginx and CloudFront are on the way"


def test_without_a_suspect_the_middleware_of_the_stack_is_named() -> None:
    seen = replace(BASE, middleware=["Auditing", "CORSMiddleware"])
    values = symptoms.burst_values(seen, Limits(), by_runtime=True)
    assert values["suspects"] == "; the middleware in the stack: `Auditing`, `CORSMiddleware`"


def test_short_times_are_in_milliseconds() -> None:
    assert [symptoms.seconds(value) for value in (0.0123, 3.14)] == ["12 ms", "3.1 s"]


HEAD = "[ERROR]\t2026-11-27T20:00:00.000Z\tid-1\tThe app failed: GET /\n"
FRAME = '\xa0\xa0File "main.py", line 3, in app\n\xa0\xa0\xa0\xa0raise error\n'
TRACE = f"{symptoms.TRACEBACK}\n"
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "main.py", line 4, in app
  | ExceptionGroup: of a task group (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "main.py", line 2, in part
    | ValueError: no luck
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ([f"{HEAD}{TRACE}{FRAME}ValueError: no luck"], "ValueError: no luck"),
        ([f"{HEAD}{TRACE}{FRAME}KeyError", "END RequestId: id-1"], "KeyError"),
        ([f"{HEAD}{TRACE}{FRAME}[\N{HORIZONTAL ELLIPSIS}]\n{FRAME}E: x."], "E: x"),
        # with the error that it was raised for
        (
            [f"{HEAD}{TRACE}{FRAME}KeyError: 1\n\nDuring handling:\n\n{TRACE}{FRAME}E: 2"],
            "E: 2",
        ),
        # written line by line, as a framework does that has its own handler
        ([*f"{TRACE}{FRAME}django.X: 1\n\nmore".split("\n"), "[INFO]\tafter"], "django.X: 1"),
        ([f"{HEAD}{GROUP}"], "ValueError: no luck"),
        ([f"{HEAD}{TRACE}{FRAME}E: {'x' * 1000}"], f"E: {'x' * 297}"),
        (
            [
                '{"level": "ERROR", "message": "The app failed", "stackTrace": ["a"], '
                '"errorType": "ValueError", "errorMessage": "no \\"luck\\"\\nat all"}',
                '{"level": "INFO", "message": "after"}',
            ],
            'ValueError: no "luck"',
        ),
        (
            [
                '{"stackTrace": ["a\n[\N{HORIZONTAL ELLIPSIS}]\nb"], "errorType": "E", '
                '"errorMessage": "1"}'
            ],
            "E: 1",
        ),
        (['{"stackTrace": [], "errorType": "\\x", "errorMessage": "1"}'], ""),
        ([HEAD], ""),
        ([f"{HEAD}{TRACE}{FRAME}"], ""),
        ([], ""),
    ],
)
def test_the_last_error_of_a_log_is_named(log: list[str], error: str) -> None:
    assert symptoms.logged_error(log) == error
