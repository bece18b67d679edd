from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.edge import EDGE, is_http, request
from adapter.samples.proxy_events import edge_event
from adapter.samples.record_events import sqs_event
from adapter.types import Head, Request

from .fuzz import ANY, HEADERS, check, objects

if TYPE_CHECKING:
    from adapter.types import JSON, Event


def with_request(**keys: JSON) -> Event:
    """An event with other keys in its request."""
    event: Any = edge_event(body=b"x")
    event["Records"][0]["cf"]["request"] |= keys
    changed: Event = event
    return changed


class TestRequest:
    def test_has_every_part_of_the_event(self) -> None:
        event = edge_event(
            "/caf%C3%A9",
            method="POST",
            query="q=x%20y&sig=%2f",
            headers=[("X-Name", "Café"), ("Accept", "a"), ("Accept", "b")],
            body=b"name=Jane",
        )
        assert request(event) == Request(
            method="POST",
            scheme="https",
            http_version="1.1",
            path="/café",
            raw_path=b"/caf%C3%A9",
            query_string=b"q=x%20y&sig=%2f",
            root_path="",
            headers=[
                (b"x-name", b"Caf\xe9"),
                (b"accept", b"a"),
                (b"accept", b"b"),
                (b"host", b"origin.example.com"),
                (b"content-length", b"9"),
            ],
            body=b"name=Jane",
            client=("203.0.113.178", 0),
            server=("origin.example.com", 443),
        )

    def test_has_the_scheme_of_the_viewer_and_its_port(self) -> None:
        parsed = request(edge_event(headers=[("CloudFront-Forwarded-Proto", "http")]))
        assert (parsed.scheme, parsed.server) == ("http", ("origin.example.com", 80))

    def test_has_one_cookie_because_frameworks_read_only_one(self) -> None:
        parsed = request(edge_event(headers=[("Cookie", "a=1"), ("Cookie", "b=2")]))
        assert [v for name, v in parsed.headers if name == b"cookie"] == [b"a=1; b=2"]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_takes_the_scheme_from_cloudfront(self, scheme: str) -> None:
        event = edge_event(headers={"CloudFront-Forwarded-Proto": scheme})
        assert request(event).scheme == scheme

    @pytest.mark.parametrize("body", [None, {}, {"data": ""}])
    def test_may_have_no_body(self, body: JSON) -> None:
        assert request(with_request(body=body)).body == b""

    def test_may_have_text_for_a_body(self) -> None:
        assert request(with_request(body={"data": "é", "encoding": "text"})).body == "é".encode()

    def test_whose_body_was_cut_off_is_an_error_because_half_of_it_would_be_taken_for_all(
        self,
    ) -> None:
        body: JSON = {"data": "eA==", "encoding": "base64", "inputTruncated": True}
        with pytest.raises(EventError, match="truncated the body"):
            request(with_request(body=body))

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param({}, id="nothing"),
            pytest.param(with_request(method=None), id="no method"),
            pytest.param(with_request(headers=None), id="no headers"),
            pytest.param(with_request(headers={"a": ["b"]}), id="text for a header"),
            pytest.param(with_request(headers={"a": [{"value": 1}]}), id="a number for a value"),
            pytest.param(with_request(uri=[]), id="a list for a path"),
            pytest.param(with_request(body="x"), id="text for a body"),
        ],
    )
    def test_of_what_is_not_such_an_event_is_an_event_error(self, event: Event) -> None:
        with pytest.raises(EventError):
            request(event)


FIELDS = ANY | st.lists(ANY | objects(key=ANY, value=ANY), max_size=2) | objects(value=ANY)
REQUESTS = objects(
    method=st.just("GET") | ANY,
    uri=ANY,
    querystring=ANY,
    clientIp=ANY,
    headers=ANY | st.dictionaries(st.sampled_from(["host", "cookie", "x"]), FIELDS, max_size=3),
    body=ANY | objects(data=ANY, encoding=st.just("base64") | ANY, inputTruncated=st.booleans()),
)


@given(
    objects(
        Records=ANY
        | st.lists(
            ANY | objects(cf=ANY | objects(request=ANY | REQUESTS, response=ANY)), max_size=1
        )
    )
)
def test_any_json_object_is_a_request_or_an_event_error(event: Event) -> None:
    is_http(event)
    check(event, request)


@given(HEADERS, st.binary(max_size=40))
def test_headers_and_body_come_out_of_the_event_as_they_went_in(
    headers: list[tuple[str, str]], body: bytes
) -> None:
    parsed = request(edge_event(headers=headers, body=body))
    expected = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    sent = {name for name, _ in expected}
    assert sorted(field for field in parsed.headers if field[0] in sent) == sorted(expected)
    assert parsed.body == body


class TestRecognition:
    @pytest.mark.parametrize("event_type", ["viewer-request", "origin-request"])
    def test_is_of_both_request_triggers(self, event_type: str) -> None:
        assert is_http(edge_event(event_type=event_type))

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param({"Records": [{"cf": {"request": {}, "response": {}}}]}, id="a response"),
            pytest.param(sqs_event("x"), id="a queue"),
            pytest.param({"Records": []}, id="no record"),
            pytest.param({"Records": {"cf": {}}}, id="no list"),
            pytest.param({"Records": ["cf"]}, id="text for a record"),
            pytest.param({"Records": [{"cf": None}]}, id="null"),
            pytest.param({}, id="nothing"),
        ],
    )
    def test_is_of_nothing_else(self, event: Event) -> None:
        assert not is_http(event)


class TestResponse:
    def test_has_text_for_a_status_and_lists_for_headers(self) -> None:
        headers = [
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
        ]
        assert EDGE.format(Head(201, headers), b"hi") == {
            "status": "201",
            "headers": {
                "content-type": [{"key": "content-type", "value": "text/plain"}],
                "set-cookie": [
                    {"key": "set-cookie", "value": "a=1"},
                    {"key": "set-cookie", "value": "b=2"},
                ],
            },
            "body": "hi",
            "bodyEncoding": "text",
        }

    def test_says_that_bytes_are_base64(self) -> None:
        response = EDGE.format(Head(200, []), b"\xff")
        assert isinstance(response, dict)
        assert (response["body"], response["bodyEncoding"]) == ("/w==", "base64")

    def test_has_no_header_for_which_cloudfront_sends_a_502(self) -> None:
        refused = [
            b"X-Accel-Buffering",
            b"X-Amz-Cf-Id",
            b"X-Amzn-RequestId",
            b"X-Cache",
            b"X-Edge-Location",
            b"X-Forwarded-Proto",
            b"X-Real-IP",
            b"Expect",
            b"Via",
        ]
        allowed = [b"x-amz-meta-a", b"x-amzn-trace-id", b"x-cached"]
        headers = [(name.lower(), b"1") for name in [*refused, *allowed]]
        response = EDGE.format(Head(200, headers), b"x")
        assert isinstance(response, dict)
        assert isinstance(response["headers"], dict)
        assert [name.encode() for name in response["headers"]] == allowed

    @pytest.mark.parametrize("status", [204, 302])
    def test_without_a_body_has_no_field_for_one(self, status: int) -> None:
        assert EDGE.format(Head(status, []), b"") == {"status": str(status), "headers": {}}

    def test_is_never_streamed_and_a_mebibyte_at_most(self) -> None:
        assert (EDGE.streams_in, EDGE.max_response_bytes) == ((), 1024 * 1024)
