"""New Relic: https://pypi.org/project/newrelic-lambda/

Without its extension, which is a program, it writes each invocation's data into the log.
"""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Instrument, Instrumented

TRACE_ID, PARENT = "68f0c1d23a4b5c6d7e8f901234567890", "53995c3f42cd8ad8"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{PARENT}-01"}
ENVIRON = {"NEW_RELIC_SERVERLESS_MODE_ENABLED": "true", "NEW_RELIC_ACCOUNT_ID": "1"}


@pytest.fixture
def shop(instrument: Instrument) -> Instrumented:
    return instrument(lines_of("New Relic"), ENVIRON)


def written(shop: Instrumented, kind: str) -> list[Any]:
    """Return the data of a kind, of each invocation that has it, from the log."""
    lines = re.findall(r'\[1,"NR_LAMBDA_MONITORING","(.*?)"\]', shop.output)
    data = [json.loads(gzip.decompress(b64decode(line)))["data"] for line in lines]
    return [each[kind] for each in data if kind in each]


def transactions(shop: Instrumented) -> list[dict[str, Any]]:
    """Return the attributes of each transaction: the intrinsic ones, and the package's."""
    events = [event for data in written(shop, "analytic_event_data") for event in data[2]]
    return [intrinsic | others for intrinsic, _, others in events]


def test_a_stream_is_one_transaction_of_the_callers_trace_written_before_the_freeze(
    shop: Instrumented,
) -> None:
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}", HEADERS)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        assert len(transactions(shop)) == number
        transaction = transactions(shop)[-1]
        assert transaction["name"] == "WebTransaction/Function/shop:stream"
        assert (transaction["traceId"], transaction["parentSpanId"]) == (TRACE_ID, PARENT)
        assert (transaction["aws.requestId"], transaction["http.statusCode"]) == (
            f"id-{number}",
            200,
        )
    assert not written(shop, "error_event_data")


def test_a_failure_in_mid_stream_is_counted_once(shop: Instrumented) -> None:
    shop.fail("id-1")
    [transaction] = transactions(shop)
    [[_, _, [[error, _, _]]]] = written(shop, "error_event_data")
    assert error["error.message"] == "in mid-stream"
    assert error["nr.transactionGuid"] == transaction["guid"]
    assert transaction["error"]
    assert "http.statusCode" not in transaction  # the wrapper got an exception, and no result


#: As `newrelic_lambda_wrapper.py` of New Relic's layer, whose handler is a function of its own.
WRAPPER = """
import os
from importlib import import_module
import newrelic.agent
from newrelic_lambda.lambda_handler import lambda_handler

newrelic.agent.initialize()

module, name = os.environ["NEW_RELIC_LAMBDA_HANDLER"].rsplit(".", 1)
wrapped = getattr(import_module(module), name)

@lambda_handler()
def handler(event, context):
    context.iopipe = None
    return wrapped(event, context)
"""
#: A handler module that knows nothing of the vendor.
PLAIN = """
from adapter import LambdaHandler
from shop import app

handler = LambdaHandler(app)
"""


def test_the_handler_module_of_its_layer_needs_no_change_of_code(
    instrument: Instrument, tmp_path: Path
) -> None:
    (tmp_path / "original.py").write_text(PLAIN)
    source = f"import sys\nsys.path.append({str(tmp_path)!r})\n{WRAPPER}"
    shop = instrument(source, ENVIRON | {"NEW_RELIC_LAMBDA_HANDLER": "original.handler"})
    call = shop.get("/stream/ok", "id-1", HEADERS)
    assert (call.first, call.request.content) == (b"one ", b"one two")
    shop.fail("id-2")
    assert ["error" in transaction for transaction in transactions(shop)] == [False, True]
    assert transactions(shop)[0]["parentSpanId"] == PARENT
