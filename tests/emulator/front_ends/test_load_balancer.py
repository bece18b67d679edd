from __future__ import annotations

import json

import pytest

from adapter.emulator.front_ends.load_balancer import (
    MAX_BODY_BYTES,
    load_balancer_event,
    load_balancer_response,
)
from adapter.emulator.front_ends.source_response import InvalidResponseError

from ..fidelity import Source, behaviour
from .test_api_gateway import HEADERS, document, request


@behaviour("A load balancer adds the client to `X-Forwarded-For`", Source.DOCS)
def test_a_load_balancer_adds_the_client_to_the_addresses() -> None:
    forwarded = request()._replace(headers=[*HEADERS, (b"x-forwarded-for", b"203.0.113.9")])
    told = document(load_balancer_event(forwarded, multi=True))
    assert told["multiValueHeaders"]["x-forwarded-for"] == ["203.0.113.9, 127.0.0.1"]
    assert told["path"] == "/a%20b"
    single = document(load_balancer_event(request(), multi=False))
    assert single["headers"]["x-two"] == "2"
    assert "multiValueHeaders" not in single


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
    "payload", [b"no json", b"{}", b'{"statusCode":200,"body":"' + b"x" * MAX_BODY_BYTES]
)
def test_a_load_balancer_refuses_an_invalid_response(payload: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        load_balancer_response(payload, multi=False)
