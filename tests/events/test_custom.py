from __future__ import annotations

from typing import Any

import pytest
from mangum.handlers import ALB

from adapter.events.custom import infer
from adapter.samples.proxy_events import alb_event
from adapter.types import Head


class Letter:
    """The handler of an event that is a letter."""

    def __init__(self, event: Any, context: Any, config: Any) -> None:
        self.event, self.context, self.config = event, context, config

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return "letter" in event

    @property
    def scope(self) -> dict[str, Any]:
        return {"type": "http", "method": "POST", "path": "/letters", "asgi": {"version": "2.0"}}

    @property
    def body(self) -> bytes:
        return bytes(self.event["letter"], "utf-8")

    def __call__(self, response: Any) -> Any:
        return [response, self.context, self.config]


class Nobody(Letter):
    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return False


def test_the_first_handler_that_wants_an_event_gets_it() -> None:
    source = infer([Nobody, Letter, ALB], {"letter": "x"}, None, "")
    assert source is not None
    assert source.name == "Letter"
    assert source.handler.body == b"x"


@pytest.mark.parametrize("handlers", [[], [Nobody]], ids=["none", "none of them"])
def test_an_event_that_no_handler_wants_is_left_to_others(handlers: list[type[Letter]]) -> None:
    assert infer(handlers, {"letter": "x"}, None, "") is None


@pytest.mark.parametrize(("base_path", "expected"), [("", "/"), ("/api", "/api")])
def test_a_handler_gets_a_configuration_like_mangums(base_path: str, expected: str) -> None:
    source = infer([Letter], {"letter": "x"}, None, base_path)
    assert source is not None
    assert isinstance(source.handler, Letter)
    config = source.handler.config
    assert config["api_gateway_base_path"] == expected
    assert "text/" in config["text_mime_types"]
    assert config["exclude_headers"] == []


def test_the_result_is_what_the_handler_makes_of_the_response() -> None:
    source = infer([Letter], {"letter": "x"}, None, "")
    assert source is not None
    response = source.format(Head(200, [(b"a", b"b")]), b"body")
    assert isinstance(response, list)
    assert response[0] == {"status": 200, "headers": [[b"a", b"b"]], "body": b"body"}


@pytest.mark.parametrize("state", [None, {"database": 1}])
def test_the_scope_says_what_is_true_of_this_server(state: dict[str, Any] | None) -> None:
    source = infer([Letter], {"letter": "x"}, None, "")
    assert source is not None
    scope = source.http_scope(state)
    assert scope["path"] == "/letters"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert scope.get("state") == state
    assert scope.get("state") is not state or state is None


def test_mangums_own_handlers_fit() -> None:
    source = infer([ALB], alb_event("/x"), None, "")
    assert source is not None
    assert source.http_scope(None)["path"] == "/x"
    response = source.format(Head(200, [(b"content-type", b"text/plain")]), b"hi")
    assert isinstance(response, dict)
    assert response["body"] == "hi"
