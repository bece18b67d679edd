"""What all sources do with a request; here for a function URL."""

from __future__ import annotations

import json
import re

import pytest

from adapter.emulator.front_ends.function_url import url_event
from adapter.emulator.front_ends.source_event import MAX_EVENT_BYTES

from ..fidelity import Source, behaviour
from .test_function_url import REQUEST, document


def test_a_trace_id_is_generated_unless_the_client_sends_one() -> None:
    made = url_event(REQUEST)
    root, parent, sampled = made.trace_id.split(";")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", root)
    assert re.fullmatch(r"Parent=[0-9a-f]{16}", parent)
    assert sampled == "Sampled=0"
    assert json.loads(made.document)["headers"]["x-amzn-trace-id"] == root
    given = [*REQUEST.headers, (b"x-amzn-trace-id", b"Root=1-2-3;Parent=4;Sampled=1")]
    assert url_event(REQUEST._replace(headers=given)).trace_id == "Root=1-2-3;Parent=4;Sampled=1"


def test_a_trace_id_without_a_segment_keeps_its_other_fields() -> None:
    given = [*REQUEST.headers, (b"x-amzn-trace-id", b"Root=1-2-3;Sampled=1")]
    made = url_event(REQUEST._replace(headers=given)).trace_id
    assert re.fullmatch("Root=1-2-3;Parent=[0-9a-f]{16};Sampled=1", made)


@pytest.mark.parametrize("value", ["", "é", "Root=1\tx", "Root=", "nonsense"])
def test_an_invalid_trace_id_is_replaced(value: str) -> None:
    headers = [*REQUEST.headers, (b"x-amzn-trace-id", value.encode("latin-1"))]
    made = url_event(REQUEST._replace(headers=headers))
    root = made.trace_id.partition(";")[0]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", root)
    assert json.loads(made.document)["headers"]["x-amzn-trace-id"] == root


@behaviour("Headers of the connection do not reach the event", Source.REPORTS)
def test_hop_by_hop_and_forged_headers_are_dropped() -> None:
    headers = [
        *REQUEST.headers,
        (b"connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"expect", b"100-continue"),
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-proto", b"https"),
    ]
    got = document(REQUEST._replace(headers=headers))["headers"]
    assert got.keys() == {
        "host",
        "accept",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    }
    assert got["x-forwarded-for"] == "127.0.0.1"


def test_the_request_id_is_that_of_the_event() -> None:
    event = url_event(REQUEST)
    assert json.loads(event.document)["requestContext"]["requestId"] == event.request_id


def test_an_event_may_be_as_large_as_lambda_takes_and_no_larger() -> None:
    room = MAX_EVENT_BYTES - len(
        url_event(REQUEST._replace(body=b"x", headers=[(b"content-type", b"text/plain")])).document
    )
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"1")]
    fits = REQUEST._replace(body=b"x" * (room + 1), headers=headers)
    assert len(url_event(fits).document) == MAX_EVENT_BYTES
    assert not url_event(fits).too_large
    assert url_event(fits._replace(body=fits.body + b"x")).too_large
