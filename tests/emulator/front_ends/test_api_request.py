"""The events of APIs and load balancers, read back by the adapter's own code for events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adapter.emulator.front_ends.api_request import (
    http_event,
    load_balancer_event,
    path_below,
    rest_event,
)
from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.events import identify

from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from adapter.emulator.front_ends.source_event import SourceEvent

HEADERS = [(b"host", b"127.0.0.1:8000"), (b"x-two", b"1"), (b"x-two", b"2"), (b"cookie", b"a=b")]


def request(path: str = "/a%20b", query: str = "q=1&q=2") -> ClientRequest:
    return ClientRequest("POST", path, query, HEADERS, b"hi", "http", 8000, "127.0.0.1")


def document(event: SourceEvent | None) -> Any:
    assert event is not None
    return json.loads(event.document)


def test_the_path_below_a_stage() -> None:
    assert path_below("/dev/x", "/dev") == "/x"
    assert path_below("/dev", "/dev") == "/"
    assert path_below("/x", "") == "/x"
    assert path_below("/device", "/dev") is None


@pytest.mark.parametrize(
    ("stage", "base_path", "client", "path", "root"),
    [
        ("", "", "/a%20b", "/a%20b", ""),
        ("dev", "", "/dev/a%20b", "/a%20b", "/dev"),
        ("", "/shop", "/shop/a%20b", "/shop/a%20b", ""),
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
    ("stage", "base_path", "client", "raw_path"),
    [
        ("", "", "/a%20b", "/a b"),
        ("dev", "", "/dev/a%20b", "/dev/a b"),
        ("", "/shop", "/shop/a%20b", "/a b"),
    ],
)
@behaviour("The path of an HTTP API has the stage and no base path", Source.REPORTS)
def test_an_http_api_shows_its_stage_and_hides_a_base_path(
    stage: str, base_path: str, client: str, raw_path: str
) -> None:
    told = document(http_event(request(client), stage=stage, base_path=base_path, aws_region=None))
    assert told["rawPath"] == raw_path
    assert told["cookies"] == ["a=b"]
    assert ".lambda-url." not in told["requestContext"]["domainName"]


def test_outside_of_the_stage_there_is_no_event() -> None:
    for make in (rest_event, http_event):
        assert make(request("/x"), stage="dev", base_path="", aws_region=None) is None


def test_as_aws_the_event_names_its_domain() -> None:
    told = document(rest_event(request(), stage="", base_path="", aws_region="eu-west-1"))
    domain = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
    assert told["requestContext"]["domainName"] == domain
    assert told["headers"]["host"] == domain
    assert told["headers"]["x-forwarded-proto"] == "https"


@behaviour("A load balancer adds the client to `X-Forwarded-For`", Source.DOCS)
def test_a_load_balancer_adds_the_client_to_the_addresses() -> None:
    forwarded = request()._replace(headers=[*HEADERS, (b"x-forwarded-for", b"203.0.113.9")])
    told = document(load_balancer_event(forwarded, multi=True))
    assert told["multiValueHeaders"]["x-forwarded-for"] == ["203.0.113.9, 127.0.0.1"]
    assert told["path"] == "/a%20b"
    single = document(load_balancer_event(request(), multi=False))
    assert single["headers"]["x-two"] == "2"
    assert "multiValueHeaders" not in single
