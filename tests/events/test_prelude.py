from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError, UnexpectedMessage
from adapter.events.prelude import (
    DELIMITER,
    DROPPED,
    decode,
    encode,
    header_fields,
    prelude,
)

if TYPE_CHECKING:
    from adapter.types import Headers, Prelude

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1).map(str.encode)
NAMES = st.sampled_from(sorted(DROPPED)) | st.sampled_from([b"set-cookie", b"vary"]) | TOKEN
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=12)


class TestHead:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            pytest.param([], {"statusCode": 200, "headers": {}}, id="no headers"),
            pytest.param(
                [(b"content-type", b"text/html"), (b"etag", b'"1"')],
                {"statusCode": 200, "headers": {"content-type": "text/html", "etag": '"1"'}},
                id="one string for each name",
            ),
            pytest.param(
                [(b"vary", b"accept"), (b"x", b"1"), (b"vary", b"cookie")],
                {"statusCode": 200, "headers": {"vary": "accept, cookie", "x": "1"}},
                id="repeats are joined, because a list breaks a REST API",
            ),
            pytest.param(
                [(b"set-cookie", b"a=1; Path=/"), (b"x", b"1"), (b"set-cookie", b"b=2, c")],
                {"statusCode": 200, "headers": {"x": "1"}, "cookies": ["a=1; Path=/", "b=2, c"]},
                id="cookies are never joined, because their dates have commas",
            ),
            pytest.param(
                [(b"x-name", "Café".encode("latin-1")), (b"x-emoji", "☕".encode())],
                {"statusCode": 200, "headers": {"x-name": "Café", "x-emoji": "â\x98\x95"}},
                id="every byte is one latin-1 character",
            ),
            pytest.param(
                [(b"x-empty", b""), (b"x-empty", b"")],
                {"statusCode": 200, "headers": {"x-empty": ", "}},
                id="empty values are values",
            ),
        ],
    )
    def test_is_what_a_function_url_and_a_rest_api_both_read(
        self, headers: Headers, expected: Prelude
    ) -> None:
        assert prelude(200, headers) == expected

    @pytest.mark.parametrize("name", sorted(DROPPED), ids=bytes.decode)
    def test_drops_what_speaks_about_a_connection_that_is_not_the_clients(
        self, name: bytes
    ) -> None:
        assert prelude(200, [(name, b"5"), (b"x", b"1")])["headers"] == {"x": "1"}

    def test_drops_the_length_because_a_gateway_responds_502_when_it_contradicts_the_stream(
        self,
    ) -> None:
        assert b"content-length" in DROPPED


class TestEncode:
    def test_is_compact_json_and_eight_nuls(self) -> None:
        head: Prelude = {"statusCode": 201, "headers": {"a": "b"}, "cookies": ["c=d"]}
        assert encode(head) == (
            b'{"statusCode":201,"headers":{"a":"b"},"cookies":["c=d"]}\0\0\0\0\0\0\0\0'
        )

    @given(st.integers(100, 999), HEADERS)
    def test_never_has_a_nul_in_its_json_or_a_byte_that_is_not_ascii(
        self, status: int, headers: Headers
    ) -> None:
        text = encode(prelude(status, headers)).removesuffix(DELIMITER)
        assert b"\0" not in text
        assert text.isascii()

    @given(st.integers(100, 999), HEADERS, st.binary(max_size=40))
    def test_is_undone_by_decode_whatever_the_body_begins_with(
        self, status: int, headers: Headers, body: bytes
    ) -> None:
        head = prelude(status, headers)
        assert decode(encode(head) + body) == (head, body)

    @given(HEADERS)
    def test_keeps_every_cookie_in_order_and_none_of_them_among_the_headers(
        self, headers: Headers
    ) -> None:
        head = prelude(200, headers)
        sent = [value.decode("latin-1") for name, value in headers if name == b"set-cookie"]
        assert head.get("cookies", []) == sent
        assert "set-cookie" not in head["headers"]


class TestDecode:
    def test_takes_a_body_that_begins_with_nuls_because_the_first_eight_are_the_delimiter(
        self,
    ) -> None:
        assert decode(b"{}" + DELIMITER + b"\0\0\0") == ({}, b"\0\0\0")

    @pytest.mark.parametrize(
        ("stream", "complaint"),
        [
            pytest.param(b"", "has no prelude", id="empty"),
            pytest.param(b'{"statusCode":200}\0\0\0\0\0\0\0', "has no prelude", id="seven NULs"),
            pytest.param(b"hello" + DELIMITER, "is not JSON", id="not JSON"),
            pytest.param(b"\xff" + DELIMITER, "is not JSON", id="not UTF-8"),
            pytest.param(b"[" * 100_000 + DELIMITER, "is not JSON", id="endlessly nested"),
            pytest.param(b"[]" + DELIMITER, "but list", id="a list"),
            pytest.param(DELIMITER, "is not JSON", id="nothing before the delimiter"),
        ],
    )
    def test_says_what_is_wrong_with_a_stream_that_has_no_prelude(
        self, stream: bytes, complaint: str
    ) -> None:
        with pytest.raises(EventError, match=complaint):
            decode(stream)

    @given(st.binary(max_size=30), st.binary(max_size=10))
    def test_raises_nothing_else_whatever_it_is_given(self, text: bytes, body: bytes) -> None:
        stream = text + DELIMITER + body
        try:
            head, _ = decode(stream)
        except EventError:
            return
        assert head == json.loads(stream.partition(DELIMITER)[0])


class TestHeaderFields:
    def test_have_names_in_lower_case_and_their_values_as_they_are(self) -> None:
        assert header_fields([(b"X-Shop", b"caf\xe9"), (b"x", b"")]) == [
            (b"x-shop", b"caf\xe9"),
            (b"x", b""),
        ]

    @pytest.mark.parametrize("field", [("x", b"y"), (b"x", "y"), (1, 2)])
    def test_consist_of_bytes(self, field: tuple[object, object]) -> None:
        with pytest.raises(TypeError, match="is a"):
            header_fields([field])

    @pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"\xe9", b"a\r\nb"])
    def test_have_names_that_are_tokens_of_http(self, name: bytes) -> None:
        said = re.escape(f"{name.decode('latin-1')!r} cannot be the name of a header field.")
        with pytest.raises(UnexpectedMessage, match=f"^{said}$"):
            header_fields([(name, b"x")])

    @pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"\0secret"])
    def test_have_no_line_break_or_nul_in_a_value_which_no_message_repeats(
        self, value: bytes
    ) -> None:
        with pytest.raises(UnexpectedMessage, match="has a line break or a NUL") as caught:
            header_fields([(b"x", value)])
        assert "secret" not in str(caught.value)
