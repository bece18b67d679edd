from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import EventError
from adapter.events.event_path import event_request, event_response, leads_to
from adapter.samples.record_events import sqs_event

from .fuzz import JSONS

if TYPE_CHECKING:
    from adapter.types import JSON, Headers

PATH = "/lambda-events"
JSON_TYPE: Headers = [(b"content-type", b"application/json")]


class TestRequest:
    def test_is_a_post_of_the_event_as_json(self) -> None:
        event = sqs_event("Ümlaut")
        request = event_request(PATH, event)
        assert (request.method, request.path, request.raw_path) == ("POST", PATH, PATH.encode())
        assert json.loads(request.body) == event
        headers = dict(request.headers)
        assert headers[b"content-type"] == b"application/json"
        assert headers[b"content-length"] == str(len(request.body)).encode()

    @pytest.mark.parametrize("event", [b"bytes", {"amount": Decimal(1)}], ids=["bytes", "decimal"])
    def test_cannot_be_made_of_an_event_that_is_not_json(self, event: Any) -> None:
        with pytest.raises(EventError, match="event_path"):
            event_request(PATH, event)

    @given(JSONS)
    def test_has_any_event_there_is_as_its_body(self, event: JSON) -> None:
        assert json.dumps(json.loads(event_request(PATH, event).body)) == json.dumps(event)


class TestResponse:
    @pytest.mark.parametrize(
        ("headers", "body", "response"),
        [
            pytest.param(
                JSON_TYPE,
                b'{"batchItemFailures": [{"itemIdentifier": "message-2"}]}',
                {"batchItemFailures": [{"itemIdentifier": "message-2"}]},
                id="JSON",
            ),
            pytest.param(
                [(b"content-type", b"application/vnd.x+JSON; charset=utf-8")],
                b"[1]",
                [1],
                id="+json",
            ),
            pytest.param(JSON_TYPE, b"", None, id="nothing"),
            pytest.param([(b"content-type", b"text/plain")], b"ok", "ok", id="text"),
            pytest.param([], b"ok", "ok", id="no type"),
        ],
    )
    def test_is_that_of_the_app(self, headers: Headers, body: bytes, response: JSON) -> None:
        assert event_response(PATH, 200, headers, body) == response

    @pytest.mark.parametrize("status", [199, 302, 307, 404, 422, 500])
    def test_other_than_2xx_fails_the_invocation_so_that_the_event_is_not_lost(
        self, status: int
    ) -> None:
        with pytest.raises(EventError, match=rf"at /lambda-events with {status}\.$"):
            event_response(PATH, status, [], b"no such order")

    @pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
    def test_that_is_not_the_json_it_says_fails_the_invocation(self, body: bytes) -> None:
        with pytest.raises(EventError, match="is not JSON"):
            event_response(PATH, 200, JSON_TYPE, body)


class TestClosed:
    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("/lambda-events", id="itself"),
            pytest.param("/lambda-events/", id="with a slash, which a framework may redirect"),
            pytest.param("//lambda-events", id="with two slashes"),
            pytest.param("/prod/lambda-events", id="behind a stage or mapping"),
            pytest.param("/a/b/lambda-events", id="behind a prefix that the app knows of"),
            pytest.param("/./lambda-events", id="behind a dot"),
            pytest.param("/x/../lambda-events", id="behind two dots"),
            pytest.param("/lambda-events/x/..", id="in front of two dots"),
            pytest.param("/lambda%2Devents", id="encoded"),
            pytest.param("/%6C%61mbda-events", id="encoded letters"),
            pytest.param("/lambda%252Devents", id="encoded twice"),
            pytest.param("/lambda%25252525252525252Devents", id="encoded endlessly"),
            pytest.param("%2Flambda-events", id="an encoded slash"),
            pytest.param("/LAMBDA-Events", id="in capitals"),
            pytest.param("lambda-events", id="without a slash"),
            pytest.param("/lambda-events ", id="with a blank behind it"),
            pytest.param("/lambda-\u200bevents", id="with a character that is not seen"),
            pytest.param("/lambda-events\nx", id="with a line behind it"),
        ],
    )
    def test_is_every_way_to_it(self, path: str) -> None:
        assert leads_to(path, PATH)
        assert leads_to(path, f"{PATH}/")

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "",
            "/orders",
            "/my-lambda-events",
            "/lambda-events/7",
            "/lambda-eventsx",
            "/100%",
            ".",
            "/orders\n",
            "/orders of\tMay",
        ],
    )
    def test_is_no_other(self, path: str) -> None:
        assert not leads_to(path, PATH)

    def test_is_a_path_of_several_segments_as_a_whole(self) -> None:
        assert leads_to("/v1/internal/events", "/internal/events")
        assert not leads_to("/other/events", "/internal/events")

    @given(st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=4))
    def test_is_one_with_control_characters_anywhere_in_it(self, controls: str) -> None:
        for position in range(len(PATH) + 1):
            path = f"/prod{PATH[:position]}{controls}{PATH[position:]}"
            assert leads_to(path, PATH)
            assert leads_to(quote(path), PATH)

    @given(st.text(max_size=20))
    def test_can_be_asked_about_any_path(self, path: str) -> None:
        assert leads_to(f"/{quote(path)}{PATH}", PATH)
        leads_to(path, PATH)
