from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.events import identify
from adapter.events.non_http import explain, is_warm_up
from adapter.samples.record_events import eventbridge_event, sqs_event

if TYPE_CHECKING:
    from adapter.types import JSON, Event

# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
WEBSOCKET: Event = {
    "requestContext": {
        "routeKey": "$default",
        "messageId": "Gx2e5dpDIAMCFNg=",
        "eventType": "MESSAGE",
        "extendedRequestId": "Gx2e5HqBoAMFqfA=",
        "requestTime": "26/Nov/2026:10:00:00 +0000",
        "messageDirection": "IN",
        "stage": "production",
        "connectedAt": 1795687200000,
        "requestTimeEpoch": 1795687201000,
        "identity": {"sourceIp": "203.0.113.7"},
        "requestId": "Gx2e5HqBoAMFqfA=",
        "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "connectionId": "Gx2e4dhWoAMCFNg=",
        "apiId": "a1b2c3d4e5",
    },
    "body": "hello",
    "isBase64Encoded": False,
}
AUTHORIZERS: list[Event] = [
    {"type": "TOKEN", "authorizationToken": "secret", "methodArn": "arn:aws:execute-api:…"},
    {"version": "2.0", "type": "REQUEST", "routeArn": "arn:…", "requestContext": {"http": {}}},
]


@pytest.mark.parametrize(
    "event",
    [
        {"source": "serverless-plugin-warmup"},
        {"warmer": True},
        {"warmer": True, "concurrency": 3},
    ],
)
def test_a_ping_that_keeps_the_environment_warm_is_known_by_its_keys(event: JSON) -> None:
    assert is_warm_up(event)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        "serverless-plugin-warmup",
        {"warmer": "jacket"},
        {"warmer": 1},
        sqs_event("serverless-plugin-warmup"),
        eventbridge_event({"warmer": True}),
    ],
)
def test_no_other_event_is_one(event: JSON) -> None:
    assert not is_warm_up(event)


def test_a_websocket_api_is_named_and_what_streams_instead() -> None:
    assert identify(WEBSOCKET) is None
    assert "WebSocket API" in explain(WEBSOCKET)
    assert "server-sent events" in explain(WEBSOCKET)


@pytest.mark.parametrize("event", AUTHORIZERS)
def test_a_lambda_authorizer_is_named_without_its_token(event: Event) -> None:
    assert identify(event) is None
    assert "Lambda authorizer" in explain(event)
    assert "secret" not in explain(event)


@pytest.mark.parametrize(
    ("event", "what"), [({"Records": []}, "has the keys 'Records'"), ([1], "is a list")]
)
def test_any_other_is_told_by_its_keys_or_its_type(event: JSON, what: str) -> None:
    assert f"The event {what}. Handle it with" in explain(event)
