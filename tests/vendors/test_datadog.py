"""Datadog: https://pypi.org/project/datadog-lambda/ and https://pypi.org/project/ddtrace/

Without its extension, which is a program, it writes traces and metrics into the log, where
Datadog's forwarder finds them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import lines_of

if TYPE_CHECKING:
    from .conftest import Instrument, Instrumented

ENVIRON = {"DD_FLUSH_TO_LOG": "true", "DD_TRACE_STARTUP_LOGS": "false", "AWS_REGION": "eu-west-1"}
TRACE_ID, PARENT = 0x7E8F901234567890, 0x53995C3F42CD8AD8
HEADERS = {
    "x-datadog-trace-id": str(TRACE_ID),
    "x-datadog-parent-id": str(PARENT),
    "x-datadog-sampling-priority": "1",
}


@pytest.fixture
def shop(instrument: Instrument) -> Instrumented:
    return instrument(lines_of("Datadog"), ENVIRON)


def spans(shop: Instrumented) -> list[dict[str, Any]]:
    """Return the spans in the log."""
    lines = re.findall(r'\{"traces": .*', shop.output)
    traces = [trace for line in lines for trace in json.loads(line)["traces"]]
    return [span for trace in traces for span in trace]


def named(shop: Instrumented, name: str) -> list[dict[str, Any]]:
    return [span for span in spans(shop) if span["name"] == name]


def metrics(shop: Instrumented) -> list[str]:
    return re.findall(r'\{"m":"([\w.]+)"', shop.output)


def test_the_span_of_the_app_is_in_that_of_the_function_written_before_the_freeze(
    shop: Instrumented,
) -> None:
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}", HEADERS)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        function, app = named(shop, "aws.lambda"), named(shop, "fastapi.request")
        assert len(function) == len(app) == number
        assert app[-1]["parent_id"] == function[-1]["span_id"]
        assert app[-1]["trace_id"] == function[-1]["trace_id"] == f"{TRACE_ID:X}"
        assert function[-1]["meta"]["http.status_code"] == "200"
    assert metrics(shop) == ["aws.lambda.enhanced.invocations"] * 2


def test_a_failure_in_mid_stream_is_counted(shop: Instrumented) -> None:
    shop.fail("id-1")
    [function], [app] = named(shop, "aws.lambda"), named(shop, "fastapi.request")
    assert function["error"] == app["error"] == 1
    assert function["meta"]["error.type"].endswith("ValueError")
    # One of the exception; one of the 502 that Datadog takes it for, as behind any function URL.
    assert metrics(shop).count("aws.lambda.enhanced.errors") == 2


#: A handler module that knows nothing of the vendor.
PLAIN = """
from adapter import LambdaHandler
from main import app

handler = LambdaHandler(app)
"""


def test_its_own_handler_module_needs_no_change_of_code(instrument: Instrument) -> None:
    environ = ENVIRON | {"DD_LAMBDA_HANDLER": "main.handler", "DD_PATCH_MODULES": "fastapi:true"}
    shop = instrument(PLAIN, environ, "datadog_lambda.handler.handler")
    call = shop.get("/stream/ok", "id-1", HEADERS)
    assert (call.first, call.request.content) == (b"one ", b"one two")
    [function] = named(shop, "aws.lambda")
    assert function["trace_id"] == f"{TRACE_ID:X}"
    shop.fail("id-2")
    assert [span["error"] for span in named(shop, "aws.lambda")] == [0, 1]
