from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.request import (
    build_request,
    decode_body,
    decode_path,
    encode_latin1,
    encode_path,
    has_prefix,
    method_at,
    object_at,
    path_at,
    string_at,
    strings_at,
)

if TYPE_CHECKING:
    from adapter.types import JSON, Request


def built(headers: dict[str, str] | None = None, **parts: Any) -> Request:
    given: dict[str, Any] = {
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": list((headers or {}).items()),
        "body": None,
        "is_base64": False,
    }
    return build_request(**{**given, **parts})


def test_cookies_that_come_apart_are_the_one_cookie_field_whatever_the_headers_say() -> None:
    fields = built({"Cookie": "forged=1", "accept": "*/*"}, cookie="a=1; b=2").headers
    assert fields == [(b"accept", b"*/*"), (b"cookie", b"a=1; b=2")]


class TestBody:
    @pytest.mark.parametrize("is_base64", [None, False, True], ids=repr)
    @pytest.mark.parametrize("body", [None, ""], ids=repr)
    def test_is_empty_whether_it_is_null_or_empty(self, body: JSON, is_base64: JSON) -> None:
        assert decode_body(body, is_base64) == b""

    @pytest.mark.parametrize(
        ("body", "is_base64", "expected"),
        [
            pytest.param("café", False, "café".encode(), id="text is UTF-8"),
            pytest.param("café", None, "café".encode(), id="text, where the event does not say"),
            pytest.param("Y2Fm6Q==", True, b"caf\xe9", id="base64"),
            pytest.param("Y2Fm6Q==", False, b"Y2Fm6Q==", id="text that looks like base64"),
            pytest.param("\ud800", False, b"\xed\xa0\x80", id="half a character, from bad JSON"),
        ],
    )
    def test_is_what_the_flag_says_and_is_never_guessed(
        self, body: JSON, is_base64: JSON, expected: bytes
    ) -> None:
        assert decode_body(body, is_base64) == expected

    @pytest.mark.parametrize("body", ["!", "YQ", "YQ=", "YQ==\n", "Y Q==", "YQ==YQ==", "é"])
    def test_that_does_not_decode_is_an_event_error_because_it_may_be_cut_off(
        self, body: str
    ) -> None:
        with pytest.raises(EventError, match="is not valid base64"):
            decode_body(body, True)

    @pytest.mark.parametrize("body", [0, False, [], {}, 5, ["a"]], ids=repr)
    def test_that_is_no_string_is_an_event_error(self, body: JSON) -> None:
        with pytest.raises(EventError, match="not a string"):
            decode_body(body, False)

    @pytest.mark.parametrize(("body", "is_base64"), [(b"\xff", False), (b"/w==", True)])
    def test_may_be_bytes_because_tests_give_them_to_mangum(
        self, body: bytes, is_base64: bool
    ) -> None:
        assert decode_body(body, is_base64) == b"\xff"

    @given(st.binary())
    def test_comes_out_as_it_went_in(self, body: bytes) -> None:
        assert decode_body(b64encode(body).decode(), True) == body


class TestHeaders:
    def test_are_lower_case_latin_1_bytes_in_order(self) -> None:
        headers = {"X-B": "é", "x-a": ""}
        assert built(headers).headers == [(b"x-b", b"\xe9"), (b"x-a", b"")]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("é", b"\xe9"), ("☕", "☕".encode()), ("\ud800", b"?")],
        ids=["latin-1", "UTF-8 where latin-1 ends", "half a character"],
    )
    def test_take_any_text_because_a_header_must_not_cost_the_request(
        self, text: str, expected: bytes
    ) -> None:
        assert encode_latin1(text) == expected
        assert built({"x": text}).headers == [(b"x", expected)]

    @pytest.mark.parametrize("name", ["content-length", "Content-Length"])
    def test_have_the_length_of_the_decoded_body_because_gateways_count_before_base64(
        self, name: str
    ) -> None:
        parsed = built({name: "8"}, body="aGVsbG8=", is_base64=True)
        assert parsed.body == b"hello"
        assert parsed.headers == [(b"content-length", b"5")]

    def test_keep_a_length_of_zero(self) -> None:
        assert built({"Content-Length": "0"}).headers == [(b"content-length", b"0")]

    def test_have_no_length_where_there_is_no_body(self) -> None:
        assert built({"content-length": "7"}).headers == []

    def test_have_no_transfer_coding_because_the_body_has_arrived(self) -> None:
        assert built({"Transfer-Encoding": "chunked"}).headers == []


class TestServer:
    @pytest.mark.parametrize(
        ("headers", "server"),
        [
            pytest.param({"host": "example.com"}, ("example.com", 443), id="https is the rule"),
            pytest.param({"host": "localhost:8000"}, ("localhost", 8000), id="a port"),
            pytest.param({"host": "[::1]:8080"}, ("::1", 8080), id="IPv6 with a port"),
            pytest.param({"host": "[2001:db8::7]"}, ("2001:db8::7", 443), id="IPv6"),
            pytest.param({"host": "[::1"}, ("::1", 443), id="half a bracket does not raise"),
            pytest.param({"host": "::1"}, ("", 443), id="no brackets do not raise"),
            pytest.param({"host": "h:port"}, ("h", 443), id="a port that is none"),
            pytest.param({"host": "h:²"}, ("h", 443), id="a digit that is none"),
            pytest.param({"host": "h:999999"}, ("h", 443), id="more than any port"),
            pytest.param({"host": "h:65535"}, ("h", 65535), id="the last port"),
            pytest.param({"host": "h:65536"}, ("h", 443), id="one more than the last port"),
            pytest.param({"host": "h", "x-forwarded-port": "70000"}, ("h", 443), id="forwarded"),
            pytest.param({}, ("localhost", 443), id="no host"),
            pytest.param({"host": "h", "x-forwarded-proto": "http"}, ("h", 80), id="http"),
            pytest.param({"host": "h", "x-forwarded-port": "8443"}, ("h", 8443), id="forwarded"),
            pytest.param(
                {"host": "h:1", "x-forwarded-port": "2"}, ("h", 1), id="the host's own port wins"
            ),
        ],
    )
    def test_is_what_the_client_called_it(
        self, headers: dict[str, str], server: tuple[str, int]
    ) -> None:
        assert built(headers).server == server


class TestTheRest:
    @pytest.mark.parametrize(
        ("headers", "scheme"),
        [
            ({}, "https"),
            ({"x-forwarded-proto": "https"}, "https"),
            ({"X-Forwarded-Proto": "http"}, "http"),
            ({"x-forwarded-proto": "gopher"}, "https"),
        ],
    )
    def test_the_scheme_is_https_unless_the_front_door_says_http(
        self, headers: dict[str, str], scheme: str
    ) -> None:
        assert built(headers).scheme == scheme

    @pytest.mark.parametrize(
        ("protocol", "version"),
        [
            ("HTTP/1.1", "1.1"),
            ("HTTP/1.0", "1.0"),
            ("HTTP/2.0", "2"),
            ("HTTP/2", "2"),
            ("HTTP/3", "3"),
            ("", "1.1"),
            ("HTTP/", "1.1"),
            ("HTTP/9.9", "1.1"),
            ("HTTP/1", "1.1"),
            ("quic", "1.1"),
        ],
    )
    def test_the_http_version_is_spelt_as_asgi_spells_it(self, protocol: str, version: str) -> None:
        assert built(protocol=protocol).http_version == version

    @pytest.mark.parametrize(
        ("client", "expected"), [("::1", ("::1", 0)), (None, None)], ids=["IPv6", "unknown"]
    )
    def test_the_client_has_no_port_because_no_event_names_one(
        self, client: str | None, expected: tuple[str, int] | None
    ) -> None:
        assert built(client=client).client == expected

    def test_the_method_is_upper_case_as_asgi_wants_it(self) -> None:
        assert built(method="patch").method == "PATCH"


class TestParts:
    """What an event has at its keys, or an error that names the key."""

    def test_of_an_object(self) -> None:
        assert object_at({"a": {"b": "c"}}, "a") == {"b": "c"}

    @pytest.mark.parametrize("event", [{}, {"a": None}, {"a": []}, {"a": "b"}])
    def test_of_what_should_be_an_object(self, event: dict[str, JSON]) -> None:
        with pytest.raises(EventError, match="'a' is not an object but"):
            object_at(event, "a")

    @pytest.mark.parametrize(
        ("event", "text"),
        [
            ({"a": "b"}, "b"),
            ({"a": "\xe9"}, "\xe9"),
            ({"a": None}, ""),
            ({}, ""),
            ({"a": "\ud800"}, "?"),
        ],
        ids=["ASCII", "latin-1", "null", "missing", "what cannot be UTF-8"],
    )
    def test_of_text(self, event: dict[str, JSON], text: str) -> None:
        assert string_at(event, "a") == text

    @pytest.mark.parametrize("value", [1, [], {}, True])
    def test_of_what_should_be_text(self, value: JSON) -> None:
        with pytest.raises(EventError, match="'a' is not a string but"):
            string_at({"a": value}, "a")

    def test_several_are_read_as_each_of_them_is(self) -> None:
        event: dict[str, JSON] = {"a": "text", "b": None, "c": "\u00e9\ud800"}
        keys = ("a", "b", "c", "missing")
        assert strings_at(event, *keys) == [string_at(event, key) for key in keys]
        with pytest.raises(EventError, match="'d' is not a string but int"):
            strings_at({"a": "text", "d": 1}, "a", "d")

    @pytest.mark.parametrize(
        ("event", "path"),
        [({"a": "/x"}, "/x"), ({"a": "x"}, "/x"), ({"a": ""}, "/"), ({}, "/"), ({"a": None}, "/")],
    )
    def test_of_a_path_begins_with_a_slash(self, event: dict[str, JSON], path: str) -> None:
        assert path_at(event, "a") == path

    def test_of_a_method(self) -> None:
        assert method_at({"method": "GET"}, "method") == "GET"

    @pytest.mark.parametrize("event", [{}, {"method": ""}, {"method": None}])
    def test_of_a_method_that_is_not_there(self, event: dict[str, JSON]) -> None:
        with pytest.raises(EventError, match="no 'method'"):
            method_at(event, "method")


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("/prod", True), ("/prod/", True), ("/prod/x", True), ("/products", False), ("/", False)],
    )
    def test_begin_with_another_only_at_the_boundary_of_a_segment(
        self, path: str, expected: bool
    ) -> None:
        assert has_prefix(path, "/prod") is expected

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_come_out_as_they_went_in(self, path: str) -> None:
        assert decode_path(encode_path(path).decode("ascii")) == path

    def test_are_encoded_no_more_than_they_must_be(self) -> None:
        assert encode_path("/a+b;c=d@e/\xe9 %") == b"/a+b;c=d@e/%C3%A9%20%25"
