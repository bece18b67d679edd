from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.events.alb import ALB, ALB_MULTI
from adapter.events.edge import EDGE
from adapter.events.identification import identify_other
from adapter.events.lattice import LATTICE
from adapter.events.payload_v1 import HTTP_API_V1, REST_API
from adapter.samples.api_events import http_api_event, rest_api_event
from adapter.samples.proxy_events import alb_event, edge_event, lattice_event
from adapter.samples.record_events import (
    dynamodb_event,
    eventbridge_event,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)

from .fuzz import ANY, objects

if TYPE_CHECKING:
    from adapter.events import Source
    from adapter.types import Event


@pytest.mark.parametrize(
    ("event", "source"),
    [
        pytest.param(rest_api_event(), REST_API, id="a REST API"),
        pytest.param(rest_api_event(mapping="/x"), REST_API, id="a REST API with its own domain"),
        pytest.param(http_api_event(version="1.0"), HTTP_API_V1, id="an HTTP API"),
        pytest.param(alb_event(), ALB, id="a load balancer"),
        pytest.param(alb_event(multi=True), ALB_MULTI, id="a load balancer with several values"),
        pytest.param(edge_event(), EDGE, id="Lambda@Edge"),
        pytest.param(lattice_event(), LATTICE, id="VPC Lattice"),
        pytest.param(sqs_event("x"), None, id="a queue"),
        pytest.param(sns_event("x"), None, id="a topic"),
        pytest.param(s3_event("x"), None, id="a bucket"),
        pytest.param(eventbridge_event({}), None, id="a bus"),
        pytest.param(schedule_event(), None, id="a schedule"),
        pytest.param(dynamodb_event({}), None, id="a table"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_an_event_is_told_by_its_shape(event: Event, source: Source | None) -> None:
    assert identify_other(event) is source


@given(
    objects(
        version=ANY,
        httpMethod=ANY,
        Records=ANY | st.lists(objects(cf=ANY), max_size=1),
        requestContext=ANY | objects(elb=ANY, serviceArn=ANY, http=ANY),
        multiValueHeaders=ANY,
    )
)
def test_any_json_object_is_from_somewhere_or_from_nowhere(event: Event) -> None:
    identify_other(event)
