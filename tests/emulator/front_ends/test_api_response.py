from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.emulator.front_ends.api_response import (
    MAX_LOAD_BALANCER_BYTES,
    http_api_response,
    load_balancer_response,
    rest_response,
    rest_stream_head,
)
from adapter.emulator.front_ends.prelude_reader import PRELUDE_CONTENT_TYPE
from adapter.emulator.front_ends.source_response import InvalidResponseError

from ..fidelity import Source, behaviour

OWN = [(b"x-own", b"1")]


def rest(response: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    head, body = rest_response(json.dumps(response).encode(), "application/json", OWN)
    return head.status, dict(head.headers), body


@behaviour("A REST API merges `headers` and `multiValueHeaders`", Source.DOCS)
def test_a_rest_api_merges_headers_and_their_lists() -> None:
    head, body = rest_response(
        json.dumps(
            {
                "statusCode": 201,
                "headers": {"X-A": "lost", "X-B": "2", "Server": "mine"},
                "multiValueHeaders": {"x-a": ["1", "2"]},
                "body": "aGk=",
                "isBase64Encoded": True,
            }
        ).encode(),
        "application/json",
        OWN,
    )
    assert head.status == 201
    assert head.headers == [
        (b"Content-Type", b"application/json"),
        (b"X-B", b"2"),
        (b"x-amzn-Remapped-Server", b"mine"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x-own", b"1"),
        (b"Content-Length", b"2"),
    ]
    assert body == b"hi"


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ({"statusCode": 200, "cookies": ["a=b"]}, "does not accept 'cookies' in a response"),
        ({"statusCode": 200, "body": {"a": 1}}, "body is not a string"),
        (["a list"], "is not a JSON object"),
        ({"statusCode": 200, "multiValueHeaders": {"a": "b"}}, "is not a list of strings"),
        ({"statusCode": "abc"}, "statusCode is 'abc'"),
    ],
)
@behaviour("An unknown key in a response to a REST API, such as `cookies`, is 502", Source.REPORTS)
def test_a_rest_api_refuses_what_it_does_not_know(response: Any, says: str) -> None:
    with pytest.raises(InvalidResponseError, match=says):
        rest(response)


@behaviour("A stream behind a BUFFERED integration loses its body", Source.DOCS)
def test_a_stream_behind_a_buffered_rest_api_loses_its_body() -> None:
    payload = b'{"statusCode":202,"headers":{"x-a":"b"}}' + bytes(8) + b"body"
    head, body = rest_response(payload, PRELUDE_CONTENT_TYPE, OWN)
    assert (head.status, body) == (202, b"")
    assert (b"x-a", b"b") in head.headers


@behaviour("A list in the `headers` of a prelude is 502", Source.REPORTS)
def test_the_prelude_of_a_rest_api_has_lists_in_their_own_key_and_a_length() -> None:
    prelude = {
        "headers": {"content-length": "3", "date": "x"},
        "multiValueHeaders": {"vary": ["a", "b"]},
        "cookies": ["a=1", "b=2"],
    }
    assert rest_stream_head(prelude, OWN).headers == [
        (b"content-length", b"3"),
        (b"x-amzn-Remapped-date", b"x"),
        (b"vary", b"a"),
        (b"vary", b"b"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"x-own", b"1"),
    ]
    for wrong in ({"headers": {"vary": ["a", "b"]}}, {"body": "x"}):
        with pytest.raises(InvalidResponseError):
            rest_stream_head(wrong, OWN)


@pytest.mark.parametrize(
    ("response", "status", "content_type", "body"),
    [
        ({"statusCode": 201, "body": "hi"}, 201, b"text/plain; charset=utf-8", b"hi"),
        ({"statusCode": 200, "headers": {"content-type": "a/b"}}, 200, b"a/b", b""),
        ({"hello": 1}, 200, b"application/json", b'{"hello": 1}'),
        ("text", 200, b"application/json", b"text"),
    ],
)
@behaviour("An HTTP API infers a response from any JSON", Source.DOCS)
def test_an_http_api_infers_a_response(
    response: Any, status: int, content_type: bytes, body: bytes
) -> None:
    head, sent = http_api_response(json.dumps(response).encode(), OWN)
    fields = {name.lower(): value for name, value in head.headers}
    assert (head.status, fields[b"content-type"], sent) == (status, content_type, body)
    assert fields[b"x-own"] == b"1"


@pytest.mark.parametrize("payload", [b"no json", b'{"statusCode":200,"headers":{"a":1}}'])
def test_an_http_api_refuses_an_invalid_response(payload: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        http_api_response(payload, OWN)


BOTH = {
    "statusCode": 200,
    "headers": {"x-a": "single"},
    "multiValueHeaders": {"x-a": ["1", "2"]},
    "body": "hi",
}


@pytest.mark.parametrize(("multi", "values"), [(False, [b"single"]), (True, [b"2", b"1"])])
@behaviour("A load balancer reads `headers` or `multiValueHeaders`, by its setting", Source.DOCS)
def test_a_load_balancer_reads_one_kind_of_headers(multi: bool, values: list[bytes]) -> None:
    head, body = load_balancer_response(json.dumps(BOTH).encode(), multi=multi)
    assert [value for name, value in head.headers if name == b"x-a"] == values
    assert body == b"hi"


@pytest.mark.parametrize(
    "payload", [b"no json", b"{}", b'{"statusCode":200,"body":"' + b"x" * MAX_LOAD_BALANCER_BYTES]
)
def test_a_load_balancer_refuses_an_invalid_response(payload: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        load_balancer_response(payload, multi=False)
