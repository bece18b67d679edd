"""Sentry: https://pypi.org/project/sentry-sdk/"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import NATIVE

from .conftest import lines_of

if TYPE_CHECKING:
    from tests.runtimes.conftest import Runtime
    from tests.support.collector import Collector

    from .conftest import Instrument, Instrumented

TRACE_ID, PARENT = "771a43a4192642f0b136d5159a501700", "53995c3f42cd8ad8"


@pytest.fixture
def sentry(instrument: Instrument, collector: Collector) -> Instrumented:
    return instrument(lines_of("Sentry"), {"SENTRY_DSN": f"http://key@{collector.address}/1"})


def items(collector: Collector, kind: str) -> list[dict[str, Any]]:
    """Return the items of a kind in all envelopes that have arrived."""
    found = []
    for envelope in collector.bodies("/envelope/"):
        lines = envelope.splitlines()[1:]
        for head, payload in zip(lines[::2], lines[1::2], strict=True):
            if json.loads(head)["type"] == kind:
                found.append(json.loads(payload))
    return found


def test_a_stream_is_one_transaction_of_the_callers_trace_sent_before_the_freeze(
    sentry: Instrumented, collector: Collector
) -> None:
    for number in (1, 2):
        headers = {"sentry-trace": f"{TRACE_ID}-{PARENT}-1"}
        call = sentry.get("/stream/ok", f"id-{number}", headers)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        transactions = items(collector, "transaction")
        assert [each["transaction"] for each in transactions] == ["/stream/{name}"] * number
        trace = transactions[-1]["contexts"]["trace"]
        assert (trace["trace_id"], trace["parent_span_id"]) == (TRACE_ID, PARENT)


def test_a_failure_in_mid_stream_is_counted_once(
    sentry: Instrumented, collector: Collector
) -> None:
    sentry.fail("id-1")
    [event] = items(collector, "event")
    [transaction] = items(collector, "transaction")
    assert event["exception"]["values"][-1]["value"] == "in mid-stream"
    assert transaction["contexts"]["trace"]["status"] == "internal_error"
    assert event["contexts"]["trace"]["span_id"] == transaction["contexts"]["trace"]["span_id"]


def test_a_failure_before_the_first_byte_is_counted_once(
    sentry: Instrumented, collector: Collector
) -> None:
    assert sentry.get("/early", "id-1").request.prelude["statusCode"] == 500
    [event] = items(collector, "event")
    assert event["exception"]["values"][-1]["value"] == "before the first byte"
    assert "AwsLambdaIntegration" not in sentry.output


#: Sentry's own quick start for Lambda, and the adapter's three lines.
QUICK_START = """
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

sentry_sdk.init(integrations=[AwsLambdaIntegration()], traces_sample_rate=1.0)

from adapter import LambdaHandler
from main import app
handler = LambdaHandler(app)
"""


def test_its_integration_for_lambda_sends_all_under_awss_runtime_and_is_warned_of_under_ours(
    instrument: Instrument, collector: Collector, runtime: Runtime
) -> None:
    environ = {"SENTRY_DSN": f"http://key@{collector.address}/1"}
    sentry = instrument(QUICK_START, environ)
    call = sentry.get("/stream/ok", "id-1")
    assert (call.first, call.request.content) == (b"one ", b"one two")
    sentry.fail("id-2")
    advised = "on_complete=lambda summary: sentry_sdk.flush(2)" in sentry.output
    assert advised == (runtime is NATIVE)
    if runtime is not NATIVE:
        names = [each["transaction"] for each in items(collector, "transaction")]
        assert names == ["/stream/{name}", "shop"] * 2
        kinds = [each["exception"]["values"][-1]["mechanism"] for each in items(collector, "event")]
        assert [kind["type"] for kind in kinds] == ["starlette", "aws_lambda"]


def test_there_is_no_advice_for_a_handler_that_flushes(
    instrument: Instrument, collector: Collector
) -> None:
    flushing = "LambdaHandler(app, on_complete=lambda summary: sentry_sdk.flush(2))"
    source = QUICK_START.replace("LambdaHandler(app)", flushing)
    sentry = instrument(source, {"SENTRY_DSN": f"http://key@{collector.address}/1"})
    sentry.fail("id-1")
    assert "AwsLambdaIntegration" not in sentry.output
    assert items(collector, "event")
