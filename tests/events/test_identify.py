from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from adapter.events import FUNCTION_URL, HTTP_API, Source, identify, unwrap
from adapter.events.payload_v1 import REST_API
from adapter.samples.api_events import rest_api_event
from adapter.samples.url_event import function_url_event

from .samples import http_api_event

if TYPE_CHECKING:
    from adapter.types import JSON


@pytest.mark.parametrize(
    ("event", "source"),
    [
        pytest.param(function_url_event(), FUNCTION_URL, id="a function URL"),
        pytest.param(http_api_event(), HTTP_API, id="an HTTP API"),
        pytest.param(rest_api_event(), REST_API, id="a REST API"),
        pytest.param(
            {**http_api_event(), "type": "REQUEST", "routeArn": "arn:…"},
            None,
            id="the question of a Lambda authorizer",
        ),
        pytest.param({"Records": [{"eventSource": "aws:sqs"}]}, None, id="a queue"),
        pytest.param({"source": "aws.events"}, None, id="a schedule"),
        pytest.param({}, None, id="an empty object"),
        pytest.param([], None, id="a list"),
        pytest.param("hello", None, id="a string"),
        pytest.param(None, None, id="null"),
    ],
)
def test_an_event_is_told_by_its_shape(event: JSON, source: Source | None) -> None:
    assert identify(event) is source


@pytest.mark.parametrize(
    ("source", "modes"),
    [
        pytest.param(FUNCTION_URL, {"auto", "response_stream"}, id="a function URL"),
        pytest.param(HTTP_API, set(), id="an HTTP API, which cannot stream at all"),
    ],
)
def test_a_source_says_in_which_modes_its_responses_are_streamed(
    source: Source, modes: set[str]
) -> None:
    assert set(source.streams_in) == modes


def test_an_event_that_comes_as_another_mapping_is_unwrapped() -> None:
    event = function_url_event()
    unwrapped = unwrap(MappingProxyType(event))
    assert (type(unwrapped), unwrapped) == (dict, event)


@pytest.mark.parametrize("event", [function_url_event(), ["a"], "hello", 1, None])
def test_every_other_event_stays_what_it_is(event: JSON) -> None:
    assert unwrap(event) is event
