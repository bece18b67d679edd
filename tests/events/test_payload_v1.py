from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError, ResponseTooLarge
from adapter.events.payload_v1 import (
    HTTP_API_V1,
    REST_API,
    is_http,
    is_http_api,
    request,
    response,
)
from adapter.events.prelude import DELIMITER
from adapter.samples.api_events import http_api_event, rest_api_event
from adapter.types import Head, Request

from .fuzz import ANY, HEADERS, MAPS, PARAMETERS, check, objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.events import Source
    from adapter.types import JSON, Event


def http_api(path: str = "/", **keys: Any) -> Event:
    return http_api_event(path, version="1.0", **keys)


def with_context(event: Event, **keys: JSON) -> Event:
    context = event["requestContext"]
    assert isinstance(context, dict)
    return {**event, "requestContext": {**context, **keys}}


def path_of(event: Event) -> tuple[str, bytes, str]:
    parsed = request(event)
    return parsed.path, parsed.raw_path, parsed.root_path


class TestRestApiPath:
    @pytest.mark.parametrize(
        ("sent", "path", "raw_path"),
        [
            pytest.param("/", "/prod/", b"/prod/", id="the root"),
            pytest.param("", "/prod/", b"/prod/", id="empty is the root"),
            pytest.param("/items/7", "/prod/items/7", b"/prod/items/7", id="segments"),
            pytest.param("/items/", "/prod/items/", b"/prod/items/", id="a slash at the end"),
            pytest.param("/caf%C3%A9", "/prod/café", b"/prod/caf%C3%A9", id="UTF-8"),
            pytest.param("/a%2Fb", "/prod/a/b", b"/prod/a%2Fb", id="an encoded slash"),
            pytest.param("/a%252Fb", "/prod/a%2Fb", b"/prod/a%252Fb", id="decoded once"),
            pytest.param("/%FF", "/prod/\ufffd", b"/prod/%FF", id="invalid UTF-8"),
            pytest.param("/prod/x", "/prod/prod/x", b"/prod/prod/x", id="named like the stage"),
        ],
    )
    def test_is_the_whole_one_decoded_once_and_the_stage_is_its_root(
        self, sent: str, path: str, raw_path: bytes
    ) -> None:
        assert path_of(rest_api_event(sent)) == (path, raw_path, "/prod")

    @pytest.mark.parametrize(
        ("path", "root_path"),
        [("/items/7", "/shop"), ("/", "/shop"), ("/caf%C3%A9/x", "/shop"), ("/shop/x", "/shop")],
    )
    def test_of_a_custom_domain_begins_with_the_mapping(self, path: str, root_path: str) -> None:
        parsed = request(rest_api_event(path, mapping="/shop"))
        assert parsed.path.startswith("/shop/")
        assert parsed.root_path == root_path

    @pytest.mark.parametrize(
        ("resource", "parameters", "path", "root_path"),
        [
            pytest.param("/items/{id}", {"id": "7"}, "/shop/items/7", "/shop", id="a parameter"),
            pytest.param("/{a}/{b+}", {"a": "x", "b": "y/z"}, "/x/y/z", "", id="no mapping"),
            pytest.param("/items", None, "/v1/shop/items", "/v1/shop", id="of two segments"),
            pytest.param("/{proxy+}", {"proxy": "/x/y"}, "/shop/x/y", "/shop", id="with a slash"),
            pytest.param("/{proxy+}", {"proxy": "other"}, "/shop/x", "", id="not of this path"),
            pytest.param("/", None, "/shop", "/shop", id="all of it"),
            pytest.param(None, None, "/shop/x", "", id="no route"),
        ],
    )
    def test_of_a_custom_domain_tells_the_mapping_by_the_route(
        self, resource: JSON, parameters: JSON, path: str, root_path: str
    ) -> None:
        event = with_context(rest_api_event(), domainName="api.example.com", path=path)
        event |= {"path": path, "resource": resource, "pathParameters": parameters}
        assert request(event).root_path == root_path

    @pytest.mark.parametrize("shown", ["/{proxy+}", "/elsewhere", None, ""])
    def test_is_its_own_where_the_whole_one_is_not_there(self, shown: str | None) -> None:
        event = with_context(rest_api_event("/x"), path=shown)
        assert path_of(event) == ("/x", b"/x", "")

    def test_may_be_decoded_in_one_place_only(self) -> None:
        event = {**rest_api_event("/caf%C3%A9"), "path": "/café"}
        assert path_of(event) == ("/prod/café", b"/prod/caf%C3%A9", "/prod")


class TestHttpApiPath:
    @pytest.mark.parametrize(
        ("sent", "stage", "path", "raw_path", "root_path"),
        [
            pytest.param("/", "$default", "/", b"/", "", id="the root"),
            pytest.param("/caf%C3%A9", "$default", "/café", b"/caf%C3%A9", "", id="UTF-8"),
            pytest.param("/a%252Fb", "$default", "/a%2Fb", b"/a%252Fb", "", id="decoded once"),
            pytest.param("/x", "prod", "/prod/x", b"/prod/x", "/prod", id="a stage"),
            pytest.param("/", "prod", "/prod/", b"/prod/", "/prod", id="only the stage"),
        ],
    )
    def test_comes_decoded_and_begins_with_the_stage(
        self, sent: str, stage: str, path: str, raw_path: bytes, root_path: str
    ) -> None:
        assert path_of(http_api(sent, stage=stage)) == (path, raw_path, root_path)

    def test_has_no_stage_in_it_that_only_looks_like_one(self) -> None:
        event = with_context(http_api("/products"), stage="prod")
        assert path_of(event) == ("/products", b"/products", "")

    def test_of_a_custom_domain_tells_the_mapping_by_the_route(self) -> None:
        event = http_api("/items/7", mapping="/shop")
        event |= {"resource": "/items/{id}", "pathParameters": {"id": "7"}}
        assert path_of(event) == ("/shop/items/7", b"/shop/items/7", "/shop")

    def test_of_a_custom_domain_with_the_default_route_cannot_tell_it(self) -> None:
        assert path_of(http_api("/items/7", mapping="/shop"))[2] == ""


class TestRequest:
    def test_has_every_part_of_the_event(self) -> None:
        event = rest_api_event(
            "/orders",
            method="post",
            query="tag=red&tag=blue&q=a%20b",
            headers=[("X-Name", "Café"), ("Accept", "a"), ("Accept", "b"), ("Cookie", "a=1")],
            body=b"{}",
            source_ip="2001:db8::7",
        )
        assert request(event) == Request(
            method="POST",
            scheme="https",
            http_version="1.1",
            path="/prod/orders",
            raw_path=b"/prod/orders",
            query_string=b"tag=red&tag=blue&q=a%20b",
            root_path="/prod",
            headers=[
                (b"x-name", b"Caf\xe9"),
                (b"accept", b"a"),
                (b"accept", b"b"),
                (b"cookie", b"a=1"),
                (b"host", b"a1b2c3d4e5.execute-api.us-east-2.amazonaws.com"),
                (b"x-forwarded-for", b"2001:db8::7"),
                (b"x-forwarded-port", b"443"),
                (b"x-forwarded-proto", b"https"),
                (b"content-length", b"2"),
            ],
            body=b"{}",
            client=("2001:db8::7", 0),
            server=("a1b2c3d4e5.execute-api.us-east-2.amazonaws.com", 443),
        )

    @pytest.mark.parametrize(
        "keys",
        [
            ("body",),
            ("headers", "multiValueHeaders"),
            ("queryStringParameters", "multiValueQueryStringParameters"),
            ("pathParameters", "resource"),
            ("isBase64Encoded",),
        ],
        ids=" and ".join,
    )
    def test_takes_what_is_missing_for_empty(self, keys: tuple[str, ...]) -> None:
        event = rest_api_event()
        missing: Event = {name: value for name, value in event.items() if name not in keys}
        assert request(missing) == request({**event, **dict.fromkeys(keys)})

    @pytest.mark.parametrize("identity", [None, {}, {"sourceIp": None}])
    def test_has_no_client_where_the_event_names_none(self, identity: JSON) -> None:
        assert request(with_context(rest_api_event(), identity=identity)).client is None

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param({"httpMethod": "GET"}, id="no context"),
            pytest.param({**rest_api_event(), "httpMethod": None}, id="no method"),
            pytest.param({**rest_api_event(), "path": 5}, id="a number for a path"),
            pytest.param({**rest_api_event(), "headers": []}, id="a list of headers"),
            pytest.param({**rest_api_event(), "body": {}}, id="an object for a body"),
            pytest.param(with_context(rest_api_event(), identity=[]), id="a list for an identity"),
            pytest.param(with_context(rest_api_event(), path=5), id="a number for the whole path"),
        ],
    )
    def test_of_what_is_not_such_an_event_is_an_event_error(self, event: Event) -> None:
        with pytest.raises(EventError):
            request(event)


@given(
    objects(
        version=ANY,
        httpMethod=st.just("GET") | ANY,
        path=ANY,
        resource=ANY | st.just("/{a}/{b+}"),
        pathParameters=ANY | st.dictionaries(st.sampled_from("ab"), ANY),
        headers=MAPS,
        multiValueHeaders=MAPS,
        queryStringParameters=MAPS,
        multiValueQueryStringParameters=MAPS,
        body=ANY,
        isBase64Encoded=ANY,
        requestContext=ANY
        | objects(path=ANY, stage=ANY, identity=MAPS, protocol=ANY, domainName=ANY),
    )
)
def test_any_json_object_is_a_request_or_an_event_error(event: Event) -> None:
    is_http(event)
    is_http_api(event)
    check(event, request)


@pytest.mark.parametrize("build", [rest_api_event, http_api])
@given(headers=HEADERS, parameters=PARAMETERS, body=st.binary(max_size=40))
def test_headers_query_and_body_come_out_of_the_event_as_they_went_in(
    build: Callable[..., Event],
    headers: list[tuple[str, str]],
    parameters: list[tuple[str, str]],
    body: bytes,
) -> None:
    parsed = request(build(query=urlencode(parameters), headers=headers, body=body))
    got = parse_qsl(parsed.query_string.decode(), keep_blank_values=True)
    assert sorted(got) == sorted(parameters)
    assert parsed.body == body
    expected = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    sent = {name for name, _ in expected}
    assert sorted(field for field in parsed.headers if field[0] in sent) == sorted(expected)


class TestRecognition:
    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            pytest.param(rest_api_event(), True, id="a REST API"),
            pytest.param(http_api(), True, id="an HTTP API"),
            pytest.param(http_api_event(), False, id="payload 2.0"),
            pytest.param({}, False, id="nothing"),
            pytest.param({"httpMethod": "GET"}, False, id="no context"),
            pytest.param({"httpMethod": "GET", "requestContext": None}, False, id="null"),
            pytest.param(
                {**rest_api_event(), "type": "REQUEST", "methodArn": "arn:…"},
                False,
                id="the question of a Lambda authorizer",
            ),
            pytest.param(
                {"requestContext": {"connectionId": "x", "eventType": "CONNECT"}},
                False,
                id="a WebSocket",
            ),
        ],
    )
    def test_is_by_the_method_and_the_context(self, event: Event, expected: bool) -> None:
        assert is_http(event) is expected

    def test_of_an_http_api_is_by_the_version_because_a_rest_api_has_none(self) -> None:
        assert is_http_api(http_api())
        assert not is_http_api(rest_api_event())


class TestResponse:
    @pytest.mark.parametrize("source", [REST_API, HTTP_API_V1], ids=lambda source: source.name)
    def test_has_the_five_keys_that_a_rest_api_takes_and_no_other(self, source: Source) -> None:
        headers = [
            (b"content-type", b"text/plain"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
        ]
        assert source.format(Head(200, headers), b"hi") == {
            "statusCode": 200,
            "headers": {"content-type": "text/plain"},
            "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
            "body": "hi",
            "isBase64Encoded": False,
        }

    def test_adds_no_content_type_because_a_304_has_none(self) -> None:
        assert response({"statusCode": 304, "headers": {}}, b"") == {
            "statusCode": 304,
            "headers": {},
            "multiValueHeaders": {},
            "body": "",
            "isBase64Encoded": False,
        }

    def test_of_a_rest_api_has_a_head_of_16000_bytes_at_most(self) -> None:
        bare = len(b'{"statusCode":200,"headers":{"x":""}}' + DELIMITER)
        fitting, larger = (
            REST_API.prelude(200, [(b"x", b"y" * (n - bare))]) for n in (16_000, 16_001)
        )
        assert len(REST_API.encode(fitting)) == 16_000
        with pytest.raises(ResponseTooLarge, match="16,001 bytes of JSON, and a REST API reads 16"):
            REST_API.encode(larger)

    def test_of_a_rest_api_is_streamed_where_that_was_asked_for_and_of_an_http_api_never(
        self,
    ) -> None:
        assert REST_API.streams_in == ("response_stream",)
        assert HTTP_API_V1.streams_in == ()
