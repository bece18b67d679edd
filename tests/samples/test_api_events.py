from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from adapter.samples.api_events import http_api_event, rest_api_event


class TestHttpApi:
    @pytest.mark.parametrize(
        ("path", "stage", "mapping", "raw_path"),
        [
            pytest.param("/caf%C3%A9", "$default", "", "/café", id="decoded"),
            pytest.param("/a%3Fb", "$default", "", "/a", id="cut off at a question mark"),
            pytest.param("", "$default", "", "/", id="never empty"),
            pytest.param("/x", "prod", "", "/prod/x", id="with the stage in front"),
            pytest.param("/x", "prod", "/shop", "/x", id="without the mapping of a domain"),
        ],
    )
    def test_in_2_0_has_its_path(self, path: str, stage: str, mapping: str, raw_path: str) -> None:
        event: Any = http_api_event(path, stage=stage, mapping=mapping)
        assert event["rawPath"] == raw_path
        assert event["requestContext"]["http"]["path"] == raw_path
        assert (event["requestContext"]["domainName"] == "api.example.com") is bool(mapping)

    def test_in_2_0_has_cookies_only_in_their_list(self) -> None:
        event: Any = http_api_event(headers={"Cookie": "a=1; b=2"})
        assert event["cookies"] == ["a=1", "b=2"]
        assert "cookie" not in event["headers"]

    @pytest.mark.parametrize(
        ("path", "stage", "mapping", "shown"),
        [
            pytest.param("/caf%C3%A9", "$default", "", "/café", id="decoded"),
            pytest.param("", "$default", "", "/", id="never empty"),
            pytest.param("/x", "prod", "", "/prod/x", id="with the stage in front"),
            pytest.param("/x", "prod", "/shop", "/shop/x", id="with the mapping of a domain"),
        ],
    )
    def test_in_1_0_has_its_path(self, path: str, stage: str, mapping: str, shown: str) -> None:
        event: Any = http_api_event(path, version="1.0", stage=stage, mapping=mapping)
        assert event["version"] == "1.0"
        assert event["path"] == event["requestContext"]["path"] == shown

    @pytest.mark.parametrize(
        ("content_type", "body", "is_base64"),
        [("text/plain", "hi", False), ("image/png", "aGk=", True)],
    )
    def test_in_1_0_has_its_body_as_its_type_says(
        self, content_type: str, body: str, is_base64: bool
    ) -> None:
        headers = {"Content-Type": content_type}
        event = http_api_event(version="1.0", headers=headers, body=b"hi")
        assert (event["body"], event["isBase64Encoded"]) == (body, is_base64)

    @pytest.mark.parametrize("version", ["1.0", "2.0"])
    def test_is_json(self, version: Any) -> None:
        event = http_api_event(version=version, query="a=1", headers={"a": "b"}, body=b"\xff")
        assert json.loads(json.dumps(event)) == event


class TestRestApi:
    @pytest.mark.parametrize(
        ("path", "mapping", "shown", "whole", "route"),
        [
            pytest.param("/a%20b", "", "/a%20b", "/prod/a%20b", "/{proxy+}", id="as it came"),
            pytest.param("/x", "/shop", "/shop/x", "/shop/x", "/{proxy+}", id="with a mapping"),
            pytest.param("", "", "/", "/prod/", "/", id="the root, which is another resource"),
        ],
    )
    def test_has_its_path_twice(
        self, path: str, mapping: str, shown: str, whole: str, route: str
    ) -> None:
        event: Any = rest_api_event(path, mapping=mapping)
        assert event["path"] == shown
        assert event["requestContext"]["path"] == whole
        assert event["resource"] == route
        if route != "/":
            assert event["pathParameters"] == {"proxy": path.strip("/")}

    def test_has_every_value_and_the_last_one_and_keeps_the_case_of_names(self) -> None:
        event: Any = rest_api_event(
            query="a=1&a=2&b=x%20y", headers=[("X-A", "1"), ("X-A", "2"), ("HOST", "example.com")]
        )
        assert event["multiValueHeaders"]["X-A"] == ["1", "2"]
        assert event["headers"]["X-A"] == "2"
        assert event["headers"]["HOST"] == "example.com"
        assert "Host" not in event["headers"]
        assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"]}
        assert event["queryStringParameters"] == {"a": "2", "b": "x y"}

    def test_has_null_for_what_there_is_not(self) -> None:
        event = rest_api_event()
        for key in ("body", "queryStringParameters", "multiValueQueryStringParameters"):
            assert event[key] is None
        assert "version" not in event

    @pytest.mark.parametrize("body", [b"hi", b"\xff"])
    def test_has_its_body(self, body: bytes) -> None:
        event = rest_api_event(body=body)
        text = str(event["body"])
        assert (b64decode(text) if event["isBase64Encoded"] else text.encode()) == body
        assert json.loads(json.dumps(event)) == event
