from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.emulator.front_ends.function_url import (
    buffered_response,
    plain_head,
    streamed_head,
    url_event,
)
from adapter.emulator.front_ends.source_response import InvalidResponseError
from adapter.emulator.host import LOCAL_DOMAIN

from ..fidelity import Source, behaviour

REQUEST = ClientRequest(
    method="GET",
    path="/caf%C3%A9/a%2Fb",
    query="q=a%20b&q=2",
    headers=[(b"host", b"localhost:8000"), (b"accept", b"*/*")],
    body=b"",
    scheme="http",
    port=8000,
    peer="127.0.0.1",
)


def document(request: ClientRequest, **options: Any) -> Any:
    return json.loads(url_event(request, **options).document)


@behaviour("Path and query stay percent-encoded", Source.REPORTS)
def test_path_and_query_stay_as_they_were_sent() -> None:
    event = document(REQUEST)
    assert event["rawPath"] == "/caf%C3%A9/a%2Fb"
    assert event["rawQueryString"] == "q=a%20b&q=2"
    assert event["requestContext"]["http"]["path"] == "/café/a/b"


@behaviour(
    "Host, scheme and port of the event are AWS's",
    Source.DOCS,
    "the local ones; `--as-aws` names AWS's",
)
def test_the_event_names_the_local_address() -> None:
    event = document(REQUEST._replace(peer="192.0.2.7"))
    headers = event["headers"]
    assert headers["host"] == "localhost:8000"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-port"] == "8000"
    assert headers["x-forwarded-for"] == "192.0.2.7"
    assert event["requestContext"]["domainName"] == LOCAL_DOMAIN
    assert event["requestContext"]["http"]["sourceIp"] == "192.0.2.7"


def test_with_a_region_the_event_names_aws() -> None:
    event = document(REQUEST, aws_region="eu-west-1")
    headers = event["headers"]
    assert headers["host"] == event["requestContext"]["domainName"]
    assert headers["host"].endswith(".lambda-url.eu-west-1.on.aws")
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == "443"
    assert headers["x-amzn-tls-version"] == "TLSv1.3"


printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
fields = st.tuples(
    st.sampled_from([b"cookie", b"connection", b"x-a", b"content-type", b"x-amzn-trace-id"]),
    st.text(st.characters(max_codepoint=255), max_size=20).map(lambda v: v.encode("latin-1")),
)


@given(
    path=printable.map(lambda text: "/" + text.replace("?", "")),
    query=printable,
    headers=st.lists(fields, max_size=6),
    body=st.binary(max_size=30),
)
def test_any_request_becomes_an_event_that_has_all_of_it(
    path: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    request = REQUEST._replace(path=path, query=query, headers=headers, body=body)
    event = document(request)
    assert event["rawPath"] == path
    assert event["rawQueryString"] == query
    text = event.get("body", "")
    assert (b64decode(text) if event["isBase64Encoded"] else text.encode()) == body


ADDED = [(b"x-amzn-RequestId", b"id"), (b"X-Amzn-Trace-Id", b"Root=1")]


def test_a_prelude_becomes_status_headers_and_one_line_per_cookie() -> None:
    head = streamed_head(
        {"statusCode": 404, "headers": {"X-A": "é"}, "cookies": ["a=b", "c=d"]}, "id", "Root=1"
    )
    assert head.status == 404
    assert head.headers == [
        (b"X-A", b"\xe9"),
        (b"Set-Cookie", b"a=b"),
        (b"Set-Cookie", b"c=d"),
        *ADDED,
    ]


def test_everything_in_a_prelude_is_optional() -> None:
    assert streamed_head({}, "id", "Root=1") == (200, ADDED)
    assert streamed_head({"headers": None, "cookies": None}, "id", "Root=1") == (200, ADDED)


@pytest.mark.parametrize(
    "name", ["Content-Length", "content-length", "Connection", "Date", "server"]
)
@behaviour(
    "The function's `Date`, `Server`, `Connection` and `Content-Length` are renamed", Source.REPORTS
)
def test_headers_that_the_url_sets_are_renamed(name: str) -> None:
    head = streamed_head({"headers": {name: "x"}}, "id", "Root=1")
    assert head.headers[0] == (f"x-amzn-Remapped-{name}".encode(), b"x")


@behaviour(
    "Lists of header values in a prelude", Source.OPEN, "joined; `multiValueHeaders` are ignored"
)
def test_a_list_of_values_is_joined_and_multi_value_headers_are_ignored() -> None:
    prelude = {"headers": {"Vary": ["a", "b"]}, "multiValueHeaders": {"X": ["1"]}}
    assert streamed_head(prelude, "id", "Root=1").headers == [(b"Vary", b"a, b"), *ADDED]


def test_a_stream_without_prelude_keeps_its_type() -> None:
    assert plain_head("text/csv", "id", "Root=1").headers[0] == (b"Content-Type", b"text/csv")
    assert plain_head("", "id", "Root=1").headers[0][1] == b"application/octet-stream"


def buffered(response: object) -> tuple[int, dict[bytes, bytes], bytes]:
    head, body = buffered_response(json.dumps(response).encode(), "id", "Root=1")
    return head.status, dict(head.headers), body


def test_a_buffered_response_is_mapped() -> None:
    status, headers, body = buffered(
        {
            "statusCode": 201,
            "headers": {"content-type": "text/plain", "Content-Length": "99"},
            "cookies": ["a=b"],
            "body": "aGk=",
            "isBase64Encoded": True,
        }
    )
    assert (status, body) == (201, b"hi")
    assert headers[b"Set-Cookie"] == b"a=b"
    assert headers[b"Content-Length"] == b"2"
    assert headers[b"x-amzn-Remapped-Content-Length"] == b"99"


def test_a_buffered_response_without_content_type_is_json() -> None:
    assert buffered({"statusCode": 200, "body": "hé"})[1][b"Content-Type"] == b"application/json"
    assert buffered({"statusCode": 200})[2] == b""
    status, headers, body = buffered({"statusCode": 204, "body": "x"})
    assert (status, body) == (204, b"")
    assert b"Content-Length" not in headers


@pytest.mark.parametrize("response", [{"a": 1}, "text", [1], None, 3])
@behaviour("JSON without `statusCode` is the body", Source.DOCS)
def test_json_without_status_is_the_body(response: object) -> None:
    status, headers, body = buffered(response)
    assert (status, json.loads(body)) == (200, response)
    assert headers[b"Content-Type"] == b"application/json"


@pytest.mark.parametrize(
    "response",
    [
        {"statusCode": "200"},
        {"statusCode": 200, "headers": {"X": 1}},
        {"statusCode": 200, "headers": {"X": ["a"]}},
        {"statusCode": 200, "body": {}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
    ],
)
def test_a_buffered_response_of_a_wrong_type_is_refused(response: object) -> None:
    with pytest.raises(InvalidResponseError):
        buffered(response)


def test_a_buffered_response_that_is_not_json_is_refused() -> None:
    with pytest.raises(InvalidResponseError, match="not JSON"):
        buffered_response(b'{"statusCode":200}' + bytes(8) + b"body", "id", "Root=1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
preludes = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(100, 650) | json_values,
        "headers": st.dictionaries(st.text(), st.text() | json_values, max_size=3) | json_values,
        "cookies": st.lists(st.text(), max_size=3) | json_values,
        "body": st.text() | json_values,
        "isBase64Encoded": json_values,
    },
)


@given(preludes)
@example({"cookies": ["\f"]})
@example({"headers": {"x": "a\vb"}})
def test_any_prelude_is_refused_or_can_be_sent(prelude: dict[str, Any]) -> None:
    with suppress(InvalidResponseError):
        head = streamed_head(prelude, "id", "Root=1")
        h11.Response(status_code=head.status, headers=head.headers)


@given(st.binary(max_size=30) | (preludes | json_values).map(lambda v: json.dumps(v).encode()))
def test_any_buffered_response_is_refused_or_can_be_sent(payload: bytes) -> None:
    with suppress(InvalidResponseError):
        head, body = buffered_response(payload, "id", "Root=1")
        h11.Response(status_code=head.status, headers=head.headers)
        assert isinstance(body, bytes)


def test_a_deeply_nested_response_is_refused() -> None:
    with pytest.raises(InvalidResponseError):
        buffered_response(b"[" * 100_000, "id", "Root=1")
