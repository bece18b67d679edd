from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.errors import EventError
from adapter.events.prelude import prelude
from adapter.streams.metadata import HttpResponseStream, head, http_response

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = "text/plain"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param(
            {},
            {"statusCode": 200, "headers": {"content-type": TEXT}},
            id="nothing-is-200-and-the-type-of-the-stream",
        ),
        pytest.param(
            {"statusCode": 404, "headers": {"Content-Type": "text/html", "X-Shop": "café"}},
            {"statusCode": 404, "headers": {"content-type": "text/html", "x-shop": "café"}},
            id="names-become-lower-case",
        ),
        pytest.param(
            {"headers": {"Age": 5, "Vary": ["accept", "origin"], "content-type": TEXT}},
            {
                "statusCode": 200,
                "headers": {"age": "5", "vary": "accept, origin", "content-type": TEXT},
            },
            id="numbers-and-lists-become-text",
        ),
        pytest.param(
            {"headers": {"Via": "one", "A": "b"}, "multiValueHeaders": {"Via": ["two", "three"]}},
            {"statusCode": 200, "headers": {"via": "two, three", "a": "b", "content-type": TEXT}},
            id="the-list-wins-as-behind-API-Gateway",
        ),
        pytest.param(
            {"headers": {"Set-Cookie": "a=1"}, "cookies": ["b=2", "c=3"]},
            {
                "statusCode": 200,
                "headers": {"content-type": TEXT},
                "cookies": ["a=1", "b=2", "c=3"],
            },
            id="all-cookies-go-where-several-survive",
        ),
        pytest.param(
            {"headers": {"Content-Length": "5", "Connection": "close"}, "cookies": None},
            {"statusCode": 200, "headers": {"content-type": TEXT}},
            id="what-speaks-of-another-connection-is-dropped",
        ),
        pytest.param(
            {"statusCode": 304, "headers": None},
            {"statusCode": 304, "headers": {}},
            id="no-type-without-a-body-because-a-cache-would-keep-it",
        ),
    ],
)
def test_the_head_has_the_form_every_front_door_takes(
    metadata: dict[str, Any], expected: dict[str, Any]
) -> None:
    made = head(metadata, TEXT)
    assert prelude(made.status, made.headers) == expected


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"status": 200}, "has the key 'status'; it can have 'statusCode'"),
        ({"statusCode": "200"}, "'statusCode' is '200'"),
        ({"statusCode": True}, "'statusCode' is True"),
        ({"statusCode": 99}, "'statusCode' is 99"),
        ({"headers": [("a", "b")]}, "'headers' must be a dict, not a list"),
        ({"multiValueHeaders": "a"}, "'multiValueHeaders' must be a dict, not a str"),
        ({"cookies": "a=1"}, "'cookies' must be a list, not a str"),
        ({"headers": {"a": None}}, "'a' has a value of type NoneType"),
        ({"headers": {1: "a"}}, "The header 1 has"),
        ({"headers": {"a": "日本"}}, "'a' has characters that are not valid in HTTP"),
        ({"headers": {"ü": "a"}}, "'ü' has characters that are not valid in HTTP"),
        ({"headers": {"a": "b\r\nx: y"}}, "has a line break"),
        ({"headers": {"a b": "c"}}, "cannot be the name of a header field"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_has_been(
    metadata: dict[str, Any], says: str
) -> None:
    with pytest.raises(EventError, match=says):
        head(metadata, TEXT)


def test_a_value_is_never_told_because_it_may_be_a_secret() -> None:
    with pytest.raises(EventError) as caught:
        head({"headers": {"authorization": "s3cret\n"}}, TEXT)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"statusCode": 401, "body": "no"}, 401, b"no"),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": 200, "body": None}, 200, b""),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, b"hi"),
        ({"statusCode": 200, "body": "x", "isBase64Encoded": False, "more": 1}, 200, b"x"),
    ],
)
def test_a_proxy_response_is_a_head_and_a_body(
    result: dict[str, Any], status: int, body: bytes
) -> None:
    response = http_response(result)
    assert response is not None
    assert (response[0].status, response[1]) == (status, body)


def test_a_proxy_response_without_a_type_is_json_as_behind_a_function_url() -> None:
    response = http_response({"statusCode": 200, "headers": {"X": "1"}, "cookies": ["a=1"]})
    assert response is not None
    assert response[0].headers == [
        (b"x", b"1"),
        (b"set-cookie", b"a=1"),
        (b"content-type", b"application/json"),
    ]


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        [],
        {"body": "no status"},
        {"statusCode": "200"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "a", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
    ],
)
def test_any_other_result_is_no_proxy_response(result: Any) -> None:
    assert http_response(result) is None


class Taking:
    """An object in place of a stream."""

    metadata: Mapping[str, Any] | None = None

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata


def test_a_stream_gets_its_metadata_and_is_returned() -> None:
    stream = Taking()
    assert HttpResponseStream.from_(stream, {"statusCode": 201}) is stream
    assert stream.metadata == {"statusCode": 201}
