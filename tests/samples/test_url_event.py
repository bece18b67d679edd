from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.events import FUNCTION_URL
from adapter.samples.url_event import function_url_event, grouped, join_headers

if TYPE_CHECKING:
    from adapter.types import JSON, Event


def http(event: Event) -> dict[str, JSON]:
    context = event["requestContext"]
    assert isinstance(context, dict)
    part = context["http"]
    assert isinstance(part, dict)
    return part


def test_a_bare_event_has_what_a_captured_one_has() -> None:
    event = function_url_event()
    assert event.keys() == {
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "isBase64Encoded",
    }
    assert event["headers"] == {
        "host": "k2nq7xw4v5m3p6r8t9y2z4b6c8d1e3f5.lambda-url.eu-west-1.on.aws",
        "x-forwarded-for": "198.51.100.23",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def test_an_event_is_json() -> None:
    event = function_url_event("/x", query="a=1", headers={"cookie": "a=1"}, body=b"\xff")
    assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("path", "raw", "decoded"),
    [
        pytest.param("/caf%C3%A9", "/caf%C3%A9", "/café", id="encoded in one place only"),
        pytest.param("", "/", "/", id="never empty"),
    ],
)
def test_the_path_stands_in_the_event_twice(path: str, raw: str, decoded: str) -> None:
    event = function_url_event(path)
    assert event["rawPath"] == raw
    assert http(event)["path"] == decoded


class TestHeaders:
    def test_are_lower_case_and_joined_with_a_comma(self) -> None:
        headers = [("Accept", "a"), ("X", "1"), ("accept", "b")]
        assert join_headers(headers) == {"accept": "a,b", "x": "1"}

    def test_with_cookies_are_joined_with_a_semicolon_because_a_comma_is_part_of_one(self) -> None:
        assert join_headers([("Cookie", "a=1"), ("cookie", "b=2")]) == {"cookie": "a=1; b=2"}

    def test_that_were_given_are_not_replaced(self) -> None:
        headers = {"Host": "localhost:8000", "X-Forwarded-Proto": "http"}
        event = function_url_event(headers=headers)
        assert isinstance(event["headers"], dict)
        assert event["headers"]["host"] == "localhost:8000"
        assert event["headers"]["x-forwarded-proto"] == "http"

    def test_tell_the_user_agent_twice(self) -> None:
        assert http(function_url_event(headers={"User-Agent": "curl"}))["userAgent"] == "curl"


class TestCookies:
    def test_are_a_list_and_the_header_as_well(self) -> None:
        event = function_url_event(headers={"cookie": "a=1; b=2;"})
        assert event["cookies"] == ["a=1", "b=2"]
        assert isinstance(event["headers"], dict)
        assert event["headers"]["cookie"] == "a=1; b=2;"

    def test_are_absent_where_there_are_none(self) -> None:
        assert "cookies" not in function_url_event()


class TestQuery:
    def test_is_there_raw_and_decoded_with_repeats_joined_by_a_comma(self) -> None:
        event = function_url_event(query="tag=red&tag=blue&q=a%20b+c&empty=&bare")
        assert event["rawQueryString"] == "tag=red&tag=blue&q=a%20b+c&empty=&bare"
        assert event["queryStringParameters"] == {
            "tag": "red,blue",
            "q": "a b c",
            "empty": "",
            "bare": "",
        }

    def test_has_no_decoded_form_where_there_is_none(self) -> None:
        assert "queryStringParameters" not in function_url_event()


MILLIONS = """
from adapter.samples.url_event import function_url_event
{statement}
"""


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param('function_url_event(query="q=1&" * 2_000_000)', id="query"),
        pytest.param('function_url_event(headers=[("x-a", "1")] * 2_000_000)', id="headers"),
    ],
)
@pytest.mark.process
def test_a_name_with_millions_of_values_takes_seconds_and_not_minutes(statement: str) -> None:
    program = MILLIONS.format(statement=statement)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_values_are_grouped_by_name_and_stay_in_order_for_sources_that_have_lists() -> None:
    assert grouped([("b", "2"), ("a", "1"), ("b", "1")]) == {"b": ["2", "1"], "a": ["1"]}


class TestBody:
    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/json", "application/xml; charset=utf-8", "TEXT/CSV"],
    )
    def test_is_text_for_the_few_types_that_aws_takes_for_text(self, content_type: str) -> None:
        event = function_url_event(headers={"content-type": content_type}, body="é".encode())
        assert (event["body"], event["isBase64Encoded"]) == ("é", False)

    @pytest.mark.parametrize(
        "content_type",
        ["", "application/x-www-form-urlencoded", "application/problem+json", "image/png"],
    )
    def test_is_base64_for_every_other(self, content_type: str) -> None:
        event = function_url_event(headers={"content-type": content_type}, body=b"a=1")
        assert (event["body"], event["isBase64Encoded"]) == ("YT0x", True)

    def test_is_base64_where_it_lies_about_being_text_because_no_byte_may_be_lost(self) -> None:
        event = function_url_event(headers={"content-type": "text/plain"}, body=b"\xff")
        assert b64decode(str(event["body"])) == b"\xff"

    def test_is_absent_where_it_is_empty(self) -> None:
        assert "body" not in function_url_event(body=b"")

    def test_says_how_long_it_is(self) -> None:
        event = function_url_event(body=b"abc")
        assert isinstance(event["headers"], dict)
        assert event["headers"]["content-length"] == "3"


@given(st.binary(max_size=50), st.sampled_from(["text/plain", "application/json", "image/png"]))
def test_a_body_comes_out_of_the_event_as_it_went_in(body: bytes, content_type: str) -> None:
    event = function_url_event(method="POST", headers={"content-type": content_type}, body=body)
    assert FUNCTION_URL.request(event).body == body
