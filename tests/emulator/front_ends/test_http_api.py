from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.emulator.front_ends.http_api import http_api_response, http_event
from adapter.emulator.front_ends.source_response import InvalidResponseError
from adapter.events import identify

from ..fidelity import Source, behaviour
from .test_api_gateway import document, request

OWN = [(b"x-own", b"1")]


@pytest.mark.parametrize(
    ("stage", "base_path", "client", "raw_path", "mapped"),
    [
        ("", "", "/a%20b", "/a b", False),
        ("dev", "", "/dev/a%20b", "/dev/a b", False),
        ("", "/shop", "/shop/a%20b", "/a b", True),
    ],
)
@behaviour("The path of an HTTP API has the stage and no base path", Source.REPORTS)
def test_an_http_api_shows_its_stage_and_hides_a_base_path(
    stage: str, base_path: str, client: str, raw_path: str, mapped: bool
) -> None:
    told = document(http_event(request(client), stage=stage, base_path=base_path, aws_region=None))
    assert told["rawPath"] == raw_path
    assert told["cookies"] == ["a=b"]
    source = identify(told)
    assert source is not None
    assert source.request(told).mapped is mapped


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


@pytest.mark.parametrize(
    "payload", [b"no json", b'{"statusCode":200,"headers":{"a":1}}', rb'"half a pair: \ud800"']
)
def test_an_http_api_refuses_an_invalid_response(payload: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        http_api_response(payload, OWN)
