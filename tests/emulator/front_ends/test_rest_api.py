from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.emulator.front_ends.prelude_reader import PRELUDE_CONTENT_TYPE
from adapter.emulator.front_ends.rest_api import rest_event, rest_response, rest_stream_head
from adapter.emulator.front_ends.source_response import InvalidResponseError
from adapter.events import identify

from ..fidelity import Source, behaviour
from .test_api_gateway import document, request

OWN = [(b"x-own", b"1")]


@pytest.mark.parametrize(
    ("stage", "base_path", "client", "path", "root"),
    [
        ("", "", "/a%20b", "/a%20b", ""),
        ("dev", "", "/dev/a%20b", "/a%20b", "/dev"),
        ("", "/shop", "/shop/a%20b", "/shop/a%20b", "/shop"),
    ],
)
@behaviour("The path of a REST API has the base path and no stage", Source.DOCS)
def test_a_rest_api_hides_its_stage_and_shows_a_base_path(
    stage: str, base_path: str, client: str, path: str, root: str
) -> None:
    event = rest_event(request(client), stage=stage, base_path=base_path, aws_region=None)
    told = document(event)
    assert event is not None
    assert told["path"] == path
    assert told["requestContext"]["path"] == client
    assert told["requestContext"]["requestId"] == event.request_id
    assert told["multiValueHeaders"]["x-two"] == ["1", "2"]
    assert told["headers"]["host"] == "127.0.0.1:8000"
    assert told["headers"]["x-forwarded-port"] == "8000"
    assert told["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    source = identify(told)
    assert source is not None
    read = source.request(told)
    assert read.root_path == root
    assert read.path == client.replace("%20", " ")


@pytest.mark.parametrize(
    ("base_path", "domain"),
    [("", "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"), ("/x", "api.example.com")],
)
def test_as_aws_the_event_names_its_domain(base_path: str, domain: str) -> None:
    told = document(
        rest_event(request("/x"), stage="", base_path=base_path, aws_region="eu-west-1")
    )
    assert told["requestContext"]["domainName"] == domain
    assert told["headers"]["host"] == domain
    assert told["headers"]["x-forwarded-proto"] == "https"


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
        ({"statusCode": 200, "body": "half a pair: \ud800"}, "body is not UTF-8"),
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
