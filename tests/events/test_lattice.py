from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.lattice import LATTICE, is_http, request
from adapter.samples.proxy_events import lattice_event
from adapter.samples.url_event import function_url_event
from adapter.types import Head, Request

from .fuzz import ANY, HEADERS, MAPS, PARAMETERS, check, objects

if TYPE_CHECKING:
    from adapter.types import Event


class TestRequest:
    def test_has_every_part_of_the_event(self) -> None:
        event = lattice_event(
            "/caf%C3%A9",
            method="POST",
            query="tag=red&tag=blue",
            headers=[("X-Name", "Café"), ("Accept", "a"), ("Accept", "b"), ("Cookie", "a=1")],
            body=b"{}",
        )
        assert request(event) == Request(
            method="POST",
            scheme="https",
            http_version="1.1",
            path="/café",
            raw_path=b"/caf%C3%A9",
            query_string=b"tag=red&tag=blue",
            root_path="",
            headers=[
                (b"x-name", b"Caf\xe9"),
                (b"accept", b"a"),
                (b"accept", b"b"),
                (b"cookie", b"a=1"),
                (b"host", b"orders.example.internal"),
                (b"x-forwarded-port", b"443"),
                (b"x-forwarded-proto", b"https"),
                (b"x-forwarded-for", b"10.0.3.17"),
                (b"content-length", b"2"),
            ],
            body=b"{}",
            client=("10.0.3.17", 0),
            server=("orders.example.internal", 443),
        )

    def test_may_have_text_for_each_header_as_older_events_do(self) -> None:
        event: Event = {**lattice_event(), "headers": {"host": "x", "accept": "a"}}
        assert request(event).headers == [(b"host", b"x"), (b"accept", b"a")]

    @pytest.mark.parametrize(
        ("path", "raw_path", "query"),
        [
            ("/x?a=%2f&b", b"/x", b"a=%2f&b"),
            ("/x?", b"/x", b""),
            ("?a=1", b"/", b"a=1"),
            ("", b"/", b"k=v"),
        ],
    )
    def test_takes_a_query_from_the_path_byte_for_byte(
        self, path: str, raw_path: bytes, query: bytes
    ) -> None:
        parsed = request({**lattice_event(query="k=v"), "path": path})
        assert (parsed.raw_path, parsed.query_string) == (raw_path, query)

    @pytest.mark.parametrize(
        "keys", [{"method": None}, {"path": 5}, {"headers": []}, {"queryStringParameters": "a"}]
    )
    def test_of_what_is_not_such_an_event_is_an_event_error(self, keys: Event) -> None:
        with pytest.raises(EventError):
            request({**lattice_event(), **keys})


@given(
    objects(
        version=ANY,
        method=st.just("GET") | ANY,
        path=ANY,
        headers=MAPS,
        queryStringParameters=MAPS,
        body=ANY,
        isBase64Encoded=ANY,
        requestContext=ANY,
    )
)
def test_any_json_object_is_a_request_or_an_event_error(event: Event) -> None:
    is_http(event)
    check(event, request)


@given(HEADERS, PARAMETERS, st.binary(max_size=40))
def test_headers_query_and_body_come_out_of_the_event_as_they_went_in(
    headers: list[tuple[str, str]], parameters: list[tuple[str, str]], body: bytes
) -> None:
    parsed = request(lattice_event(query=urlencode(parameters), headers=headers, body=body))
    got = parse_qsl(parsed.query_string.decode(), keep_blank_values=True)
    assert sorted(got) == sorted(parameters)
    expected = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    sent = {name for name, _ in expected}
    assert sorted(field for field in parsed.headers if field[0] in sent) == sorted(expected)
    assert parsed.body == body


def test_recognition_is_by_the_service() -> None:
    assert is_http(lattice_event())
    assert not is_http(function_url_event())
    assert not is_http({"version": "2.0"})


class TestResponse:
    def test_has_one_value_for_each_name_and_a_name_for_each_cookie(self) -> None:
        headers = [
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
        ]
        assert LATTICE.format(Head(200, headers), b"hi") == {
            "statusCode": 200,
            "headers": {"content-type": "text/plain", "set-cookie": "a=1", "set-cookiE": "b=2"},
            "body": "hi",
            "isBase64Encoded": False,
        }

    def test_is_never_streamed(self) -> None:
        assert LATTICE.streams_in == ()
