from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.alb import ALB, ALB_MULTI, is_http, is_multi_value, request
from adapter.samples.api_events import rest_api_event
from adapter.samples.proxy_events import alb_event
from adapter.types import Head, Request

from .fuzz import ANY, HEADERS, MAPS, check, objects

if TYPE_CHECKING:
    from adapter.events import Source
    from adapter.types import Event, Headers

HEALTH_CHECK: Event = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:…"}},
    "httpMethod": "GET",
    "path": "/",
    "queryStringParameters": {},
    "headers": {"user-agent": "ELB-HealthChecker/2.0"},
    "body": "",
    "isBase64Encoded": False,
}
COOKIES: Headers = [
    (b"content-type", b"text/plain"),
    (b"set-cookie", b"a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT"),
    (b"set-cookie", b"b=2"),
    (b"vary", b"accept"),
    (b"vary", b"cookie"),
]
both = pytest.mark.parametrize("multi", [False, True], ids=["single", "multi"])


class TestRequest:
    @both
    def test_has_every_part_of_the_event(self, multi: bool) -> None:
        event = alb_event(
            "/a%20b",
            multi=multi,
            method="post",
            query="q=x%20y",
            headers={"X-Name": "Café", "cookie": "a=1"},
            body=b"{}",
        )
        assert request(event) == Request(
            method="POST",
            scheme="https",
            http_version="1.1",
            path="/a b",
            raw_path=b"/a%20b",
            query_string=b"q=x%20y",
            root_path="",
            headers=[
                (b"x-name", b"Caf\xe9"),
                (b"cookie", b"a=1"),
                (b"host", b"shop.example.com"),
                (b"x-forwarded-port", b"443"),
                (b"x-forwarded-proto", b"https"),
                (b"x-forwarded-for", b"198.51.100.9"),
                (b"content-length", b"2"),
            ],
            body=b"{}",
            client=("198.51.100.9", 0),
            server=("shop.example.com", 443),
        )

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", b""),
            ("q=x%20y", b"q=x%20y"),
            ("sig=a%2Fb%3D%3D&x=%2f", b"sig=a%2Fb%3D%3D&x=%2f"),
            ("a=b+c", b"a=b+c"),
            ("flag", b"flag="),
            ("tag=red&tag=blue", b"tag=red&tag=blue"),
        ],
    )
    def test_passes_the_query_on_undecoded_because_signatures_are_made_over_it(
        self, query: str, expected: bytes
    ) -> None:
        assert request(alb_event(multi=True, query=query)).query_string == expected

    def test_names_the_peer_as_the_client_and_not_the_whole_list(self) -> None:
        event = alb_event(headers={"x-forwarded-for": "10.0.0.1"}, source_ip="198.51.100.9")
        assert request(event).client == ("198.51.100.9", 0)

    def test_of_a_health_check_has_neither_host_nor_client(self) -> None:
        parsed = request(HEALTH_CHECK)
        assert (parsed.server, parsed.client) == (("localhost", 443), None)

    @pytest.mark.parametrize("host", ["[::1]:8080", "[::1]"])
    def test_may_be_for_an_ipv6_host(self, host: str) -> None:
        port = 8080 if host.endswith("8080") else 443
        assert request(alb_event(host=host)).server == ("::1", port)

    @pytest.mark.parametrize(
        "event",
        [
            {**HEALTH_CHECK, "httpMethod": None},
            {**HEALTH_CHECK, "path": []},
            {**HEALTH_CHECK, "headers": "x"},
            {**HEALTH_CHECK, "body": 1},
        ],
        ids=["no method", "a list for a path", "text for headers", "a number for a body"],
    )
    def test_of_what_is_not_such_an_event_is_an_event_error(self, event: Event) -> None:
        with pytest.raises(EventError):
            request(event)


@given(
    objects(
        httpMethod=st.just("GET") | ANY,
        path=ANY,
        headers=MAPS,
        multiValueHeaders=MAPS,
        queryStringParameters=MAPS,
        multiValueQueryStringParameters=MAPS,
        body=ANY,
        isBase64Encoded=ANY,
        requestContext=ANY,
    )
)
def test_any_json_object_is_a_request_or_an_event_error(event: Event) -> None:
    is_http(event)
    is_multi_value(event)
    check(event, request)


@given(HEADERS, st.binary(max_size=40))
def test_headers_and_body_come_out_of_the_event_as_they_went_in(
    headers: list[tuple[str, str]], body: bytes
) -> None:
    parsed = request(alb_event(multi=True, headers=headers, body=body))
    expected = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    sent = {name for name, _ in expected}
    assert sorted(field for field in parsed.headers if field[0] in sent) == sorted(expected)
    assert parsed.body == body


class TestRecognition:
    def test_is_by_the_target_group(self) -> None:
        assert is_http(HEALTH_CHECK)
        assert not is_http(rest_api_event())
        assert not is_http({})

    @both
    def test_of_multi_value_headers_is_by_their_key(self, multi: bool) -> None:
        assert is_multi_value(alb_event(multi=multi)) is multi


class TestResponse:
    def test_without_multi_value_headers_spells_the_name_of_each_cookie_differently(self) -> None:
        assert ALB.format(Head(200, COOKIES), b"hi") == {
            "statusCode": 200,
            "headers": {
                "content-type": "text/plain",
                "set-cookie": "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
                "set-cookiE": "b=2",
                "vary": "accept, cookie",
            },
            "body": "hi",
            "isBase64Encoded": False,
        }

    def test_has_room_for_more_cookies_than_a_browser_keeps(self) -> None:
        response = ALB.format(Head(200, [(b"set-cookie", b"%d" % n) for n in range(180)]), b"")
        assert isinstance(response, dict)
        assert isinstance(response["headers"], dict)
        assert [*response["headers"].values()] == [str(n) for n in range(180)]
        assert {name.lower() for name in response["headers"]} == {"set-cookie"}

    def test_with_multi_value_headers_has_them_all_in_lists(self) -> None:
        assert ALB_MULTI.format(Head(200, COOKIES), b"\xff") == {
            "statusCode": 200,
            "multiValueHeaders": {
                "content-type": ["text/plain"],
                "set-cookie": ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"],
                "vary": ["accept", "cookie"],
            },
            "body": "/w==",
            "isBase64Encoded": True,
        }

    @pytest.mark.parametrize("source", [ALB, ALB_MULTI])
    def test_is_never_streamed_and_a_megabyte_at_most(self, source: Source) -> None:
        assert source.streams_in == ()
        assert source.max_response_bytes == 1_000_000
