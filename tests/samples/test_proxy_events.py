from __future__ import annotations

import json
from typing import Any

import pytest

from adapter.samples.proxy_events import alb_event, edge_event, lattice_event


class TestAlb:
    def test_has_single_values_or_lists_and_never_both(self) -> None:
        headers = [("X-A", "1"), ("x-a", "2")]
        single: Any = alb_event(query="a=1&a=2", headers=headers)
        multi: Any = alb_event(query="a=1&a=2", headers=headers, multi=True)
        assert single["headers"]["x-a"] == "2"
        assert single["queryStringParameters"] == {"a": "2"}
        assert multi["multiValueHeaders"]["x-a"] == ["1", "2"]
        assert multi["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
        assert "multiValueHeaders" not in single
        assert "headers" not in multi

    def test_keeps_path_and_query_encoded(self) -> None:
        event: Any = alb_event("/a%20b", query="q=x%20y")
        assert (event["path"], event["queryStringParameters"]) == ("/a%20b", {"q": "x%20y"})

    def test_adds_the_peer_to_the_addresses(self) -> None:
        event: Any = alb_event(headers={"X-Forwarded-For": "10.0.0.1"}, source_ip="198.51.100.9")
        assert event["headers"]["x-forwarded-for"] == "10.0.0.1, 198.51.100.9"

    @pytest.mark.parametrize(
        ("headers", "body", "is_base64"),
        [
            ({"content-type": "text/plain"}, "hi", False),
            ({"content-type": "text/plain", "content-encoding": "br"}, "aGk=", True),
            ({}, "aGk=", True),
        ],
        ids=["text", "compressed", "no type"],
    )
    def test_has_its_body(self, headers: dict[str, str], body: str, is_base64: bool) -> None:
        event = alb_event(headers=headers, body=b"hi")
        assert (event["body"], event["isBase64Encoded"]) == (body, is_base64)

    def test_has_empty_text_where_there_is_no_body(self) -> None:
        assert alb_event("")["body"] == ""


class TestEdge:
    def test_has_a_list_for_each_header_and_no_body_where_there_is_none(self) -> None:
        event: Any = edge_event("", headers=[("X-A", "1"), ("x-a", "2")])
        request = event["Records"][0]["cf"]["request"]
        assert request["headers"]["x-a"] == [
            {"key": "X-A", "value": "1"},
            {"key": "x-a", "value": "2"},
        ]
        assert request["headers"]["host"] == [{"key": "Host", "value": "origin.example.com"}]
        assert request["uri"] == "/"
        assert "body" not in request

    def test_has_its_body_in_base64(self) -> None:
        event: Any = edge_event(body=b"hi", event_type="viewer-request")
        cloudfront = event["Records"][0]["cf"]
        assert cloudfront["request"]["body"]["data"] == "aGk="
        assert cloudfront["config"]["eventType"] == "viewer-request"


class TestLattice:
    def test_has_a_list_for_each_name(self) -> None:
        event: Any = lattice_event("", query="a=1&a=2", headers=[("X-A", "1"), ("x-a", "2")])
        assert event["headers"]["x-a"] == ["1", "2"]
        assert event["queryStringParameters"] == {"a": ["1", "2"]}
        assert event["path"] == "/"
        assert "queryStringParameters" not in lattice_event()

    def test_has_its_body(self) -> None:
        event = lattice_event(headers={"content-type": "application/json"}, body=b"{}")
        assert (event["body"], event["isBase64Encoded"]) == ("{}", False)


@pytest.mark.parametrize("build", [alb_event, edge_event, lattice_event])
def test_an_event_is_json(build: Any) -> None:
    event = build("/x", query="a=1", headers={"a": "b"}, body=b"\xff")
    assert json.loads(json.dumps(event)) == event
