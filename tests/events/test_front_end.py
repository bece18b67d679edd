"""What a function believes of a request behind a front end, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.events import identify
from adapter.events.front_end import FrontEnd, as_sent_by_viewer, parse_front_end
from adapter.samples.api_events import rest_api_event
from adapter.samples.url_event import function_url_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.types import Event, Request

SECRET, NEXT_SECRET = "a-secret-of-the-front-end", "the-secret-that-comes-next"
HEADER = "x-forwarded-host"
BY_SECRET = parse_front_end(f"x-origin-verify: {SECRET}, {NEXT_SECRET}")
CLOUDFRONT = "arn:aws:sts::856369053181:assumed-role/OriginAccessControlRole/"
BY_CALLER = parse_front_end(CLOUDFRONT + "*")
FROM_VIEWER = {HEADER: "shop.example", "x-origin-verify": SECRET}


def signed(arn: object, version: str = "2.0") -> Event:
    event: dict[str, Any] = function_url_event("/", headers={HEADER: "shop.example"})
    event["requestContext"]["authorizer"] = {"iam": {"userArn": arn}}
    return event | {"version": version}


def received(event: Event, trusted: FrontEnd | None, authorization_header: str = "") -> Request:
    source = identify(event)
    assert source is not None
    return as_sent_by_viewer(
        source.request(event),
        event,
        trusted=trusted,
        host_header=HEADER,
        authorization_header=authorization_header,
    )


def fields(request: Request) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in request.headers}


def with_headers(headers: Mapping[str, str]) -> Event:
    event: Event = function_url_event("/", headers=headers)
    return event


class TestTheViewersHost:
    @pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
    def test_is_that_of_the_app_if_the_front_end_proves_itself(self, secret: str) -> None:
        request = received(with_headers(FROM_VIEWER | {"x-origin-verify": secret}), BY_SECRET)
        assert fields(request)["host"] == "shop.example"
        assert request.server == ("shop.example", 443)

    @pytest.mark.parametrize(
        ("host", "server"),
        [
            ("shop.example:8443", ("shop.example", 8443)),
            ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
            ("[2001:db8::1]", ("2001:db8::1", 443)),
        ],
    )
    def test_may_have_a_port(self, host: str, server: tuple[str, int]) -> None:
        request = received(with_headers(FROM_VIEWER | {HEADER: host}), BY_SECRET)
        assert (fields(request)["host"], request.server) == (host, server)

    @pytest.mark.parametrize(
        "changed",
        [
            {"x-origin-verify": ""},
            {"x-origin-verify": "guessed-by-an-attacker"},
            {"x-origin-verify": SECRET.upper()},
            {"x-origin-verify": f"{SECRET},{SECRET}"},
            {"x-origin-verify": SECRET[:-1]},
        ],
    )
    def test_is_not_believed_without_the_secret(self, changed: dict[str, str]) -> None:
        event = with_headers(FROM_VIEWER | changed)
        assert fields(received(event, BY_SECRET))["host"] == event_host(event)

    @pytest.mark.parametrize(
        "host", ["a.example,b.example", "a.example/x", "user@a.example", "", " ", "a.example:port"]
    )
    def test_has_to_be_a_host(self, host: str) -> None:
        event = with_headers(FROM_VIEWER | {HEADER: host})
        assert fields(received(event, BY_SECRET))["host"] == event_host(event)

    def test_has_to_be_one(self) -> None:
        event: dict[str, Any] = rest_api_event("/", headers={"x-origin-verify": SECRET})
        event["multiValueHeaders"][HEADER] = ["a.example", "b.example"]
        before = fields(identified(event))["host"]
        assert fields(received(event, BY_SECRET))["host"] == before

    @pytest.mark.parametrize("headers", [FROM_VIEWER, {HEADER: "evil.example"}])
    def test_and_its_proof_are_never_shown_to_the_app_which_might_believe_them(
        self, headers: dict[str, str]
    ) -> None:
        shown = fields(received(with_headers(headers), BY_SECRET))
        assert not {HEADER, "x-origin-verify"} & shown.keys()

    def test_is_not_shown_in_the_spelling_that_wsgi_takes_for_the_same_header(self) -> None:
        headers = {"x_forwarded_host": "evil.example", "X_Forwarded-Host": "evil.example"}
        shown = fields(received(with_headers(headers), BY_SECRET))
        assert "evil.example" not in shown.values()


class TestTheCaller:
    @pytest.mark.parametrize("session", ["OriginAccessSession", "EdgeCredentialsProxy+Edge-NRT12"])
    def test_proves_the_front_end_in_any_session(self, session: str) -> None:
        request = received(signed(CLOUDFRONT + session), BY_CALLER)
        assert fields(request)["host"] == "shop.example"

    def test_may_be_named_exactly(self) -> None:
        exactly = parse_front_end(CLOUDFRONT + "one")
        assert fields(received(signed(CLOUDFRONT + "one"), exactly))["host"] == "shop.example"
        assert fields(received(signed(CLOUDFRONT + "other"), exactly))["host"] != "shop.example"

    @pytest.mark.parametrize(
        "event",
        [
            with_headers({HEADER: "evil.example"}),
            signed("arn:aws:sts::123456789012:assumed-role/OriginAccessControlRole/x"),
            signed(None),
            signed([CLOUDFRONT + "x"]),
            with_headers({HEADER: "evil.example", "authorization": f"AWS4 {CLOUDFRONT}x"}),
        ],
    )
    def test_that_is_another_proves_nothing(self, event: Event) -> None:
        assert fields(received(event, BY_CALLER))["host"] == event_host(event)

    def test_is_read_in_payload_2_alone_because_authorizers_write_the_keys_of_the_other(
        self,
    ) -> None:
        event: dict[str, Any] = rest_api_event("/", headers={HEADER: "evil.example"})
        event["requestContext"]["authorizer"] = {"iam": {"userArn": CLOUDFRONT + "x"}}
        before = fields(identified(event))["host"]
        assert fields(received(event, BY_CALLER))["host"] == before


class TestTheAppsOwnAuthorization:
    def test_takes_the_place_of_the_signature(self) -> None:
        headers = {"authorization": "AWS4-HMAC-SHA256 …", "x-authorization": "Bearer token"}
        shown = fields(received(with_headers(headers), None, "x-authorization"))
        assert shown["authorization"] == "Bearer token"
        assert "x-authorization" not in shown

    def test_may_come_alone(self) -> None:
        headers = {"x-authorization": "Bearer token"}
        shown = fields(received(with_headers(headers), None, "x-authorization"))
        assert shown["authorization"] == "Bearer token"

    def test_may_be_missing(self) -> None:
        shown = fields(received(with_headers({"authorization": "Basic x"}), None, "x-token"))
        assert shown["authorization"] == "Basic x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x-origin-verify",
        "x-origin-verify:",
        "x-origin-verify: short",
        f"x-origin-verify: {SECRET}, short",
        f"{SECRET}",
        "arn:aws:cloudfront::123456789012:distribution/E1",
        "arn:aws:sts::*",
        "arn:aws:sts::123456789012:assumed-role/*/x",
    ],
)
def test_what_proves_nothing_is_no_front_end(text: str) -> None:
    assert parse_front_end(text) is None


def identified(event: Event) -> Request:
    source = identify(event)
    assert source is not None
    return source.request(event)


def event_host(event: Event) -> str:
    return fields(identified(event))["host"]
