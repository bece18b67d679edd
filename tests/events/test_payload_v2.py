from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events import FUNCTION_URL, HTTP_API, identify, payload_v2
from adapter.events.payload_v2 import response
from adapter.samples.url_event import function_url_event
from adapter.types import JSON, Event, Request

from .fuzz import check
from .samples import http_api_event, with_http, without

if TYPE_CHECKING:
    from adapter.types import Prelude


def request(event: Event) -> Request:
    return payload_v2.request(event, from_function_url=identify(event) is FUNCTION_URL)


def cookies(event: Event) -> list[bytes]:
    return [value for name, value in request(event).headers if name == b"cookie"]


class TestPath:
    @pytest.mark.parametrize(
        ("raw", "path", "raw_path"),
        [
            pytest.param("/", "/", b"/", id="the root"),
            pytest.param("", "/", b"/", id="empty is the root"),
            pytest.param("/a b/ü", "/a b/ü", "/a b/ü".encode(), id="unencoded, as no AWS sends it"),
            pytest.param("/caf%C3%A9", "/café", b"/caf%C3%A9", id="UTF-8"),
            pytest.param("/caf%c3%a9", "/café", b"/caf%c3%a9", id="lower-case hex is kept as sent"),
            pytest.param("/a%2Fb", "/a/b", b"/a%2Fb", id="an encoded slash"),
            pytest.param("/a%252Fb", "/a%2Fb", b"/a%252Fb", id="decoded once, and not twice"),
            pytest.param("/100%25", "/100%", b"/100%25", id="a percent sign"),
            pytest.param("/100%", "/100%", b"/100%", id="a lone percent sign"),
            pytest.param("/%zz", "/%zz", b"/%zz", id="an encoding that is none"),
            pytest.param("/%FF", "/\ufffd", b"/%FF", id="invalid UTF-8 is replaced, not raised"),
            pytest.param("/a+b", "/a+b", b"/a+b", id="a plus is a plus"),
            pytest.param("/a%3Fb", "/a?b", b"/a%3Fb", id="a question mark"),
            pytest.param("//a//b/", "//a//b/", b"//a//b/", id="empty segments are kept"),
            pytest.param('/[x]|"<>', '/[x]|"<>', b'/[x]|"<>', id="raw_path is what was sent"),
        ],
    )
    def test_of_a_function_url_is_decoded_once_and_kept_as_it_was_sent(
        self, raw: str, path: str, raw_path: bytes
    ) -> None:
        parsed = request({**function_url_event(), "rawPath": raw})
        assert (parsed.path, parsed.raw_path) == (path, raw_path)

    @pytest.mark.parametrize(
        ("raw", "path", "raw_path"),
        [
            pytest.param("/", "/", b"/", id="the root"),
            pytest.param("", "/", b"/", id="empty is the root"),
            pytest.param("/café", "/café", b"/caf%C3%A9", id="UTF-8"),
            pytest.param("/a b", "/a b", b"/a%20b", id="a blank"),
            pytest.param("/a%2Fb", "/a%2Fb", b"/a%252Fb", id="decoded by the API, and not again"),
            pytest.param("/100%", "/100%", b"/100%25", id="a percent sign"),
            pytest.param("/a+b;c=d@e", "/a+b;c=d@e", b"/a+b;c=d@e", id="what may stand unencoded"),
        ],
    )
    def test_of_an_http_api_comes_decoded_so_that_only_raw_path_is_made_up(
        self, raw: str, path: str, raw_path: bytes
    ) -> None:
        parsed = request(http_api_event(raw))
        assert (parsed.path, parsed.raw_path) == (path, raw_path)

    @pytest.mark.parametrize("event", [function_url_event("/x"), http_api_event("/x")])
    def test_of_a_test_event_without_raw_path_is_the_path_that_mangum_reads(
        self, event: Event
    ) -> None:
        assert request(without(event, "rawPath")).path == "/x"

    @pytest.mark.parametrize(
        ("stage", "raw", "root_path"),
        [
            pytest.param("prod", "/prod/notes/42", "/prod", id="in front of the path"),
            pytest.param("prod", "/prod", "/prod", id="all of the path"),
            pytest.param("prod", "/prod/", "/prod", id="all but a slash"),
            pytest.param("prod", "/products", "", id="only at the boundary of a segment"),
            pytest.param("prod", "/notes", "", id="not there behind a custom domain"),
            pytest.param("prod", "/prod/prod/x", "/prod", id="once"),
            pytest.param("$default", "/notes", "", id="$default is never in the path"),
            pytest.param("$default", "/$default/x", "", id="$default is not in a path like it"),
            pytest.param("", "/notes", "", id="an empty stage"),
        ],
    )
    def test_begins_with_the_stage_of_an_http_api_which_is_the_root_path(
        self, stage: str, raw: str, root_path: str
    ) -> None:
        parsed = request(http_api_event(raw, stage=stage))
        assert (parsed.path, parsed.root_path) == (raw, root_path)

    def test_has_no_root_where_the_event_has_no_stage(self) -> None:
        event = http_api_event("/None/x")
        context = event["requestContext"]
        assert isinstance(context, dict)
        assert request({**event, "requestContext": without(context, "stage")}).root_path == ""

    @pytest.mark.parametrize(
        ("domain", "mapped"),
        [
            pytest.param("api.example.com", True, id="a domain of its own"),
            pytest.param("x.execute-api.eu-west-1.amazonaws.com", False, id="the API's own"),
            pytest.param("", False, id="an empty one"),
            pytest.param(None, False, id="none"),
        ],
    )
    def test_of_an_http_api_lacks_the_mapping_of_a_custom_domain(
        self, domain: str | None, mapped: bool
    ) -> None:
        event = http_api_event("/x")
        context = event["requestContext"]
        assert isinstance(context, dict)
        event = {**event, "requestContext": {**context, "domainName": domain}}
        assert request(event).mapped is mapped

    def test_of_a_function_url_has_no_stage_in_it(self) -> None:
        assert request(function_url_event("/$default/x")).root_path == ""


class TestQuery:
    @pytest.mark.parametrize(
        "query",
        ["", "a=1&a=2&b", "q=a%20b+c", "x=%2f%2F", "&&=&", "sig=a%3D%3D", "caf%C3%A9=ü"],
        ids=repr,
    )
    def test_is_passed_on_byte_for_byte_because_signatures_are_made_over_it(
        self, query: str
    ) -> None:
        event = {**function_url_event(), "rawQueryString": query}
        assert request(event).query_string == query.encode()


class TestCookies:
    @pytest.mark.parametrize(
        ("list_", "header", "expected"),
        [
            pytest.param(["a=1", "b=2"], None, [b"a=1; b=2"], id="only the list: an HTTP API"),
            pytest.param(None, "a=1; b=2", [b"a=1; b=2"], id="only the header: a test event"),
            pytest.param(["a=1"], "a=1", [b"a=1"], id="both: a function URL"),
            pytest.param(["a=1", "b=2"], "a=1,b=2", [b"a=1; b=2"], id="the list wins"),
            pytest.param([], "a=1", [b"a=1"], id="an empty list says nothing"),
            pytest.param(None, None, [], id="neither"),
        ],
    )
    @pytest.mark.parametrize("name", ["cookie", "Cookie"])
    def test_are_one_header_because_frameworks_read_only_one(
        self, list_: list[JSON] | None, header: str | None, expected: list[bytes], name: str
    ) -> None:
        headers: dict[str, JSON] = {"host": "x"}
        if header is not None:
            headers[name] = header
        assert cookies({**function_url_event(), "headers": headers, "cookies": list_}) == expected


#: A list that is JSON, but not of strings.
MIXED: list[JSON] = ["a", 1]


class TestRequest:
    def test_has_every_part_of_the_event(self) -> None:
        event = function_url_event(
            "/orders",
            method="post",
            query="a=1",
            headers={"X-Name": "Café", "cookie": "a=1"},
            body=b"{}",
            domain="example.lambda-url.eu-west-1.on.aws",
            source_ip="2001:db8::7",
        )
        assert request(event) == Request(
            method="POST",
            scheme="https",
            http_version="1.1",
            path="/orders",
            raw_path=b"/orders",
            query_string=b"a=1",
            root_path="",
            headers=[
                (b"x-name", b"Caf\xe9"),
                (b"host", b"example.lambda-url.eu-west-1.on.aws"),
                (b"x-forwarded-for", b"2001:db8::7"),
                (b"x-forwarded-port", b"443"),
                (b"x-forwarded-proto", b"https"),
                (b"cookie", b"a=1"),
                (b"content-length", b"2"),
            ],
            body=b"{}",
            client=("2001:db8::7", 0),
            server=("example.lambda-url.eu-west-1.on.aws", 443),
        )

    @pytest.mark.parametrize(
        "keys", [("body",), ("headers",), ("cookies",), ("rawQueryString",), ("isBase64Encoded",)]
    )
    def test_takes_what_is_missing_for_empty(self, keys: tuple[str, ...]) -> None:
        event = function_url_event(headers={"host": "x"})
        missing, null = without(event, *keys), {**event, **dict.fromkeys(keys)}
        assert request(missing) == request(null)

    def test_has_no_client_where_the_event_names_none(self) -> None:
        assert request(with_http(function_url_event(), sourceIp=None)).client is None

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(without(function_url_event(), "requestContext"), id="no context"),
            pytest.param({**function_url_event(), "requestContext": []}, id="a list for a context"),
            pytest.param({"requestContext": {"http": None}}, id="null for http"),
            pytest.param(with_http(function_url_event(), method=None), id="no method"),
            pytest.param(with_http(function_url_event(), method=""), id="an empty method"),
            pytest.param(with_http(function_url_event(), method=5), id="a number for a method"),
            pytest.param(with_http(function_url_event(), sourceIp=[]), id="a list for an address"),
            pytest.param(with_http(function_url_event(), protocol=1.1), id="a protocol number"),
            pytest.param({**function_url_event(), "rawPath": 5}, id="a number for a path"),
            pytest.param({**function_url_event(), "rawQueryString": {}}, id="an object as query"),
            pytest.param({**function_url_event(), "headers": []}, id="a list of headers"),
            pytest.param({**function_url_event(), "headers": {"a": ["b"]}}, id="a list as a value"),
            pytest.param({**function_url_event(), "cookies": "a=1"}, id="a string of cookies"),
            pytest.param({**function_url_event(), "cookies": {"a": 1}}, id="an object of cookies"),
            pytest.param({**function_url_event(), "cookies": MIXED}, id="a number for a cookie"),
            pytest.param({**function_url_event(), "body": {}}, id="an object for a body"),
            pytest.param(http_api_event(stage="x") | {"requestContext": 1}, id="no object at all"),
        ],
    )
    def test_of_what_is_not_such_an_event_is_an_event_error(self, event: Event) -> None:
        with pytest.raises(EventError):
            request(event)


JSONS: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
# Any JSON value at each key we read; and among the texts what JSON can spell but UTF-8 cannot.
ANY = JSONS | st.sampled_from(["\ud800", "/%\ud800", "/%FF", "YQ==", "HTTP/", "[", "[::1]:99999"])
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "version": ANY,
        "rawPath": ANY,
        "rawQueryString": ANY,
        "headers": ANY | st.dictionaries(st.text(max_size=5) | st.just("host"), ANY, max_size=3),
        "cookies": ANY | st.lists(ANY, max_size=2),
        "body": ANY,
        "isBase64Encoded": ANY,
        "requestContext": ANY
        | st.fixed_dictionaries(
            {
                "http": ANY
                | st.fixed_dictionaries(
                    {"method": st.just("GET") | ANY}, optional={"sourceIp": ANY, "protocol": ANY}
                )
            },
            optional={"domainName": ANY | st.just("x.lambda-url.y"), "stage": ANY},
        ),
    },
)


@given(EVENTS, st.booleans())
def test_any_json_object_is_a_request_or_an_event_error_because_nothing_else_is_caught(
    event: Event, from_function_url: bool
) -> None:
    identify(event)
    check(event, partial(payload_v2.request, from_function_url=from_function_url))


class TestRecognition:
    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            pytest.param(function_url_event(), True, id="a function URL"),
            pytest.param(http_api_event(), True, id="an HTTP API"),
            pytest.param({}, False, id="nothing"),
            pytest.param({"version": "2.0"}, False, id="a version alone"),
            pytest.param({"version": "2.0", "requestContext": None}, False, id="a null context"),
            pytest.param(
                {"version": "2.0", "requestContext": {"serviceArn": "x"}}, False, id="VPC Lattice"
            ),
            pytest.param(
                {"version": "1.0", "rawPath": "/", "requestContext": {"http": {}}},
                False,
                id="payload 1.0, whatever else it carries",
            ),
        ],
    )
    def test_is_by_the_version_and_the_http_part(self, event: Event, expected: bool) -> None:
        assert (identify(event) in (FUNCTION_URL, HTTP_API)) is expected

    def test_of_a_function_url_is_by_its_domain_because_nothing_else_differs(self) -> None:
        event = function_url_event()
        assert identify(event) is FUNCTION_URL
        context = event["requestContext"]
        assert isinstance(context, dict)
        for other in (without(context, "domainName"), {**context, "domainName": "example.com"}):
            assert identify({**event, "requestContext": other}) is HTTP_API


class TestResponse:
    def test_has_the_keys_of_payload_2(self) -> None:
        head: Prelude = {
            "statusCode": 201,
            "headers": {"content-type": "text/plain"},
            "cookies": ["a=1", "b=2"],
        }
        assert response(head, b"hi") == {
            "statusCode": 201,
            "headers": {"content-type": "text/plain"},
            "cookies": ["a=1", "b=2"],
            "body": "hi",
            "isBase64Encoded": False,
        }

    def test_has_no_cookies_where_none_were_set(self) -> None:
        rendered = response({"statusCode": 204, "headers": {}}, b"")
        assert isinstance(rendered, dict)
        assert rendered["cookies"] == []
