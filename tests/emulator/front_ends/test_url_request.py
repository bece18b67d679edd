from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.emulator.front_ends.url_request import url_event
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
