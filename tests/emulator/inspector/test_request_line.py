"""The request in an event of any source, as far as the inspector shows it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.inspector.request_line import UNKNOWN, HttpRequest, read_request
from adapter.samples.api_events import http_api_event, rest_api_event
from adapter.samples.proxy_events import alb_event
from adapter.samples.record_events import sqs_event
from adapter.samples.url_event import function_url_event


def test_a_function_url_request_is_read_with_its_body_and_cookies() -> None:
    event = function_url_event(
        "/a%20b", method="PUT", query="x=1&x=2", headers=[("cookie", "k=v")], body=b"\xff"
    )
    read = read_request(json.dumps(event).encode())
    assert (read.method, read.target, read.body) == ("PUT", "/a%20b?x=1&x=2", b"\xff")
    assert ("cookie", "k=v") in read.headers
    assert read.is_http


@pytest.mark.parametrize("make", [rest_api_event, alb_event])
def test_other_http_events_are_read(make: Any) -> None:
    read = read_request(json.dumps(make("/shop", method="POST", query="a=b&a=c")).encode())
    assert read.method == "POST"
    assert read.target.startswith("/shop?a=")


def test_the_path_that_an_http_api_has_decoded_is_encoded_again() -> None:
    for version in ("1.0", "2.0"):
        event = http_api_event("/a%20b%25/%C3%A9", version=version, query="x=1")
        assert read_request(json.dumps(event).encode()).target == "/a%20b%25/%C3%A9?x=1"


@pytest.mark.parametrize("make", [rest_api_event, partial(alb_event, multi=True)])
def test_every_value_of_a_header_is_read(make: Any) -> None:
    headers = [("x-two", "1"), ("x-two", "2")]
    read = read_request(json.dumps(make("/", headers=headers)).encode())
    assert set(headers) <= set(read.headers)


def test_an_event_that_is_no_request_is_named_by_its_source() -> None:
    assert read_request(json.dumps(sqs_event("one")).encode()).target == "aws:sqs"
    assert read_request(b'{"source": "aws.events"}').target == "aws.events"
    assert read_request(b"{}") == UNKNOWN


def test_an_event_that_is_cut_off_still_has_method_and_path() -> None:
    event = json.dumps(function_url_event("/long", method="POST", body=b"x" * 100)).encode()
    assert read_request(event[:-50])[:2] == ("POST", "/long")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["requestContext", "http", "headers", "Records", "httpMethod", "path"]),
            inner,
            max_size=4,
        )
    ),
)


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_any_event_is_read_without_an_error(event: bytes) -> None:
    assert isinstance(read_request(event), HttpRequest)
