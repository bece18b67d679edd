from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from adapter import LambdaHandler
from adapter.observe.access_log import fields, write
from adapter.observe.summary import Outcome, Summary
from adapter.testing import function_url_event, sqs_event

if TYPE_CHECKING:
    from adapter.types import Receive, Scope, Send

SUMMARY = Summary("id-1", Outcome.COMPLETE, 200, True, 0.0125, 1.5, 4096, 3)._replace(
    method="GET",
    target="/items/7?q=1",
    http_version="1.1",
    client="203.0.113.9:0",
    route="/items/{id}",
    source="function URL",
    cold_start=True,
    first_body=0.25,
)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged, with the level that Lambda's root logger has."""
    caplog.set_level(logging.NOTSET, "adapter.access")  # and afterwards as before
    return caplog


def test_a_line_is_as_uvicorn_writes_it(lines: pytest.LogCaptureFixture) -> None:
    write(SUMMARY)
    [record] = lines.records
    assert record.getMessage() == '203.0.113.9:0 - "GET /items/7 HTTP/1.1" 200'
    assert (record.name, record.levelno) == ("adapter.access", logging.INFO)


def test_a_query_is_left_out_because_it_may_have_a_token(lines: pytest.LogCaptureFixture) -> None:
    write(SUMMARY._replace(target="/callback?code=hunter2"))
    assert "hunter2" not in repr([vars(record) for record in lines.records])


def test_a_record_has_the_summary_for_a_json_formatter(lines: pytest.LogCaptureFixture) -> None:
    write(SUMMARY)
    assert json.dumps(fields(SUMMARY))
    expected = {
        "method": "GET",
        "route": "/items/{id}",
        "status": 200,
        "outcome": "complete",
        "source": "function URL",
        "streamed": True,
        "coldStart": True,
        "durationMs": 1500.0,
        "firstByteMs": 12.5,
        "firstBodyMs": 250.0,
        "bytes": 4096,
        "chunks": 3,
    }
    assert expected == fields(SUMMARY)
    assert expected.items() <= vars(lines.records[0]).items()


def test_what_is_not_known_is_a_dash(lines: pytest.LogCaptureFixture) -> None:
    write(Summary("id", Outcome.FAILED, None, False, None, 0.1, 0, 0, source="REST API"))
    assert lines.messages == ['- - "- - HTTP/1.1" -']


def test_an_event_that_is_not_a_request_has_no_line(lines: pytest.LogCaptureFixture) -> None:
    write(SUMMARY._replace(source=""))
    assert lines.messages == []


def test_the_level_of_the_app_is_left_alone(lines: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("adapter.access")
    logger.setLevel(logging.ERROR)
    write(SUMMARY)
    assert lines.messages == []


def handler_of(app: Any, **options: Any) -> LambdaHandler:
    return LambdaHandler(app, lifespan="off", **options)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


def test_it_is_off_unless_it_is_turned_on(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler_of(hello)(function_url_event("/"), None)
    assert lines.messages == []
    monkeypatch.setenv("ADAPTER_ACCESS_LOG", "on")
    handler_of(hello)(function_url_event("/a%20b", query="c=d"), None)
    [line] = lines.messages
    assert line.endswith('"GET /a%20b HTTP/1.1" 404')


def test_a_queue_is_no_request(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_ACCESS_LOG", "on")
    handler_of(hello, on_event=lambda event, context: None)(sqs_event("x"), None)
    assert lines.messages == []
