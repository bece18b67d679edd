"""Elastic APM: https://pypi.org/project/elastic-apm/"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import lines_of

if TYPE_CHECKING:
    from tests.support.collector import Collector

    from .conftest import Instrument, Instrumented

TRACE_ID, PARENT = "68f0c1d23a4b5c6d7e8f901234567890", "53995c3f42cd8ad8"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{PARENT}-01"}


@pytest.fixture
def shop(instrument: Instrument, collector: Collector) -> Instrumented:
    environ = {"ELASTIC_APM_SERVER_URL": f"http://{collector.address}"}
    return instrument(lines_of("Elastic APM"), environ)


def items(collector: Collector, kind: str) -> list[dict[str, Any]]:
    """Return the items of a kind that have arrived."""
    lines = b"".join(collector.bodies("/intake/")).splitlines()
    return [item[kind] for item in map(json.loads, lines) if kind in item]


def test_a_stream_is_one_transaction_of_the_callers_trace_sent_before_the_freeze(
    shop: Instrumented, collector: Collector
) -> None:
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}", HEADERS)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        transactions = items(collector, "transaction")
        assert [each["name"] for each in transactions] == ["GET /stream/{name}"] * number
        assert (transactions[-1]["trace_id"], transactions[-1]["parent_id"]) == (TRACE_ID, PARENT)


def test_a_failure_in_mid_stream_is_counted_once(shop: Instrumented, collector: Collector) -> None:
    shop.fail("id-1")
    [error] = items(collector, "error")
    [transaction] = items(collector, "transaction")
    assert error["exception"]["message"] == "ValueError: in mid-stream"
    assert error["transaction_id"] == transaction["id"]
    assert (transaction["outcome"], transaction["result"]) == ("success", "HTTP 2xx")  # as it began
