from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.front_ends.url_request import (
    MAX_EVENT_BYTES,
    UrlRequest,
    url_event,
)
from adapter.emulator.host import LOCAL_DOMAIN

from ..fidelity import Source, behaviour

REQUEST = UrlRequest(
    method="GET",
    path="/caf%C3%A9/a%2Fb",
    query="q=a%20b&q=2",
    headers=[(b"host", b"localhost:8000"), (b"accept", b"*/*")],
    body=b"",
    scheme="http",
    port=8000,
    peer="127.0.0.1",
)


def document(request: UrlRequest, **options: Any) -> Any:
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


def test_a_trace_id_is_generated_unless_the_client_sends_one() -> None:
    made = url_event(REQUEST)
    root, parent, sampled = made.trace_id.split(";")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", root)
    assert re.fullmatch(r"Parent=[0-9a-f]{16}", parent)
    assert sampled == "Sampled=0"
    assert json.loads(made.document)["headers"]["x-amzn-trace-id"] == root
    given = [*REQUEST.headers, (b"x-amzn-trace-id", b"Root=1-2-3;Parent=4;Sampled=1")]
    assert url_event(REQUEST._replace(headers=given)).trace_id == "Root=1-2-3;Parent=4;Sampled=1"


@pytest.mark.parametrize("value", ["", "é", "Root=1\tx", "Root=", "nonsense"])
def test_an_invalid_trace_id_is_replaced(value: str) -> None:
    headers = [*REQUEST.headers, (b"x-amzn-trace-id", value.encode("latin-1"))]
    made = url_event(REQUEST._replace(headers=headers))
    root = made.trace_id.partition(";")[0]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", root)
    assert json.loads(made.document)["headers"]["x-amzn-trace-id"] == root


@behaviour("Headers of the connection do not reach the event", Source.REPORTS)
def test_hop_by_hop_and_forged_headers_are_dropped() -> None:
    headers = [
        *REQUEST.headers,
        (b"connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"expect", b"100-continue"),
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-proto", b"https"),
    ]
    got = document(REQUEST._replace(headers=headers))["headers"]
    assert got.keys() == {
        "host",
        "accept",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    }
    assert got["x-forwarded-for"] == "127.0.0.1"


def test_the_request_id_is_that_of_the_event() -> None:
    event = url_event(REQUEST)
    assert json.loads(event.document)["requestContext"]["requestId"] == event.request_id


def test_an_event_may_be_as_large_as_lambda_takes_and_no_larger() -> None:
    room = MAX_EVENT_BYTES - len(
        url_event(REQUEST._replace(body=b"x", headers=[(b"content-type", b"text/plain")])).document
    )
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"1")]
    fits = REQUEST._replace(body=b"x" * (room + 1), headers=headers)
    assert len(url_event(fits).document) == MAX_EVENT_BYTES
    assert not url_event(fits).too_large
    assert url_event(fits._replace(body=fits.body + b"x")).too_large


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
