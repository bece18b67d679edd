from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.multi_value import (
    client_address,
    encode_query,
    header_pairs,
    join_cookies,
    multi_value_prelude,
    pairs,
    query_pairs,
)

from .fuzz import PARAMETERS

if TYPE_CHECKING:
    from adapter.types import JSON, Event


class TestPairs:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            pytest.param(None, [], id="null"),
            pytest.param({}, [], id="none"),
            pytest.param({"a": "1"}, [("a", "1")], id="one value"),
            pytest.param({"a": ["1", "2"]}, [("a", "1"), ("a", "2")], id="a list of values"),
            pytest.param({"a": []}, [], id="an empty list"),
            pytest.param({"a": None}, [("a", "")], id="null for a value"),
            pytest.param({"\ud800": "\ud800"}, [("?", "?")], id="what is not UTF-8"),
        ],
    )
    def test_are_one_for_each_value(self, values: JSON, expected: list[tuple[str, str]]) -> None:
        assert pairs({"headers": values}, "headers") == expected

    @pytest.mark.parametrize("values", ["a=1", [], {"a": 1}, {"a": [1]}, {"a": {"b": "c"}}])
    def test_of_something_else_are_an_event_error(self, values: JSON) -> None:
        with pytest.raises(EventError, match="headers"):
            pairs({"headers": values}, "headers")


class TestHeaders:
    def test_keep_every_value_where_the_event_has_them_all(self) -> None:
        event: Event = {"headers": {"Accept": "b"}, "multiValueHeaders": {"Accept": ["a", "b"]}}
        assert header_pairs(event) == [("Accept", "a"), ("Accept", "b")]

    def test_that_stand_only_among_the_single_ones_are_not_lost(self) -> None:
        event: Event = {
            "headers": {"accept": "b", "x": "1"},
            "multiValueHeaders": {"Accept": ["a"]},
        }
        assert header_pairs(event) == [("Accept", "a"), ("x", "1")]

    def test_have_one_cookie_because_frameworks_read_only_one(self) -> None:
        event: Event = {"multiValueHeaders": {"Cookie": ["a=1", "b=2"], "x": ["1"]}}
        assert header_pairs(event) == [("x", "1"), ("cookie", "a=1; b=2")]


def test_one_cookie_stays_where_it_is() -> None:
    headers = [("Cookie", "a=1"), ("x", "1")]
    assert join_cookies(headers) == headers


class TestQuery:
    def test_has_every_value_of_a_name(self) -> None:
        event: Event = {
            "queryStringParameters": {"a": "2"},
            "multiValueQueryStringParameters": {"a": ["1", "2"]},
        }
        assert query_pairs(event) == [("a", "1"), ("a", "2")]

    def test_may_stand_only_among_the_single_ones(self) -> None:
        assert query_pairs({"queryStringParameters": {"a": "2"}}) == [("a", "2")]

    def test_is_encoded_as_browsers_do_because_a_plus_is_not_a_blank_everywhere(self) -> None:
        assert encode_query([("a b", "c&d"), ("e", ""), ("ü", "+")]) == b"a%20b=c%26d&e=&%C3%BC=%2B"

    @given(PARAMETERS)
    def test_comes_out_as_it_went_in(self, parameters: list[tuple[str, str]]) -> None:
        query = encode_query(parameters).decode("ascii")
        assert parse_qsl(query, keep_blank_values=True) == parameters


class TestNearestAddress:
    @pytest.mark.parametrize(
        ("values", "address"),
        [
            pytest.param([], None, id="none"),
            pytest.param([""], None, id="an empty one"),
            pytest.param(["203.0.113.7"], ("203.0.113.7", 0), id="one"),
            pytest.param(
                ["1.1.1.1, 203.0.113.7"], ("203.0.113.7", 0), id="the last: others can be made up"
            ),
            pytest.param(["1.1.1.1", "203.0.113.7"], ("203.0.113.7", 0), id="in several fields"),
            pytest.param(["203.0.113.7:4711"], ("203.0.113.7", 4711), id="with a port"),
            pytest.param(["2001:db8::7"], ("2001:db8::7", 0), id="IPv6"),
            pytest.param(["[2001:db8::7]:4711"], ("2001:db8::7", 4711), id="IPv6 with a port"),
            pytest.param(["[2001:db8::7]"], ("2001:db8::7", 0), id="IPv6 in brackets"),
            pytest.param(["a:999999999"], ("a:999999999", 0), id="what is no port"),
            pytest.param(["a:65536"], ("a:65536", 0), id="one more than the last port"),
        ],
    )
    def test_is_who_connected_to_the_load_balancer(
        self, values: list[str], address: tuple[str, int] | None
    ) -> None:
        headers = [("host", "x"), *(("X-Forwarded-For", value) for value in values)]
        assert client_address(headers) == address

    @given(st.text(max_size=30))
    def test_is_found_in_whatever_a_client_writes_there(self, value: str) -> None:
        address = client_address([("x-forwarded-for", value)])
        assert address is None or 0 <= address[1] <= 65535


class TestPrelude:
    def test_keeps_repeated_fields_apart(self) -> None:
        headers = [
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"www-authenticate", b"Basic"),
            (b"www-authenticate", b"Bearer"),
            (b"x-name", b"Caf\xe9"),
        ]
        assert multi_value_prelude(401, headers) == {
            "statusCode": 401,
            "headers": {"content-type": "text/plain", "x-name": "Café"},
            "multiValueHeaders": {
                "set-cookie": ["a=1", "b=2"],
                "www-authenticate": ["Basic", "Bearer"],
            },
        }

    def test_has_no_key_for_what_there_is_not(self) -> None:
        assert multi_value_prelude(204, []) == {"statusCode": 204, "headers": {}}

    def test_drops_what_speaks_about_one_connection(self) -> None:
        headers = [(b"connection", b"close"), (b"content-length", b"5")]
        assert multi_value_prelude(200, headers)["headers"] == {}
