"""Powertools for AWS Lambda: https://docs.powertools.aws.dev/lambda/python/

Its tracer sends X-Ray's segments by UDP, to a daemon that each environment has.
"""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import TRACE, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Instrument, Instrumented

TRACE_ID, PARENT = (part.partition("=")[2] for part in TRACE.split(";")[:2])

#: What the app does with them.
USE = """
import shop
work = shop.parts

async def parts(name):
    with tracer.provider.in_subsegment("work"):
        logger.info("sold")
        metrics.add_metric("Sales", "Count", 1)
        async for part in work(name):
            yield part

shop.parts = parts
"""


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


@pytest.fixture
def shop(instrument: Instrument, daemon: socket.socket) -> Instrumented:
    environ = {
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
        "POWERTOOLS_TRACE_DISABLED": "false",
        "POWERTOOLS_SERVICE_NAME": "shop",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
    }
    return instrument(lines_of("Powertools") + USE, environ)


def segments(daemon: socket.socket) -> list[dict[str, Any]]:
    """Return the segments that have arrived so far."""
    found = []
    while True:
        try:
            found.append(json.loads(daemon.recv(65536).splitlines()[1]))
        except BlockingIOError:
            return found


def logged(shop: Instrumented, key: str) -> list[dict[str, Any]]:
    """Return the records of the log with ``key``; one may follow another text in its line."""
    records = map(json.loads, re.findall(r'\{".*', shop.output))
    return [record for record in records if key in record]


def test_segments_logs_and_metrics_are_out_before_the_freeze(
    shop: Instrumented, daemon: socket.socket
) -> None:
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}")
        assert (call.first, call.request.content) == (b"one ", b"one two")
        sent = {segment["name"]: segment for segment in segments(daemon)}
        function, work = sent.pop("## handler"), sent.pop("work")
        assert not sent
        assert (function["trace_id"], function["parent_id"]) == (TRACE_ID, PARENT)
        assert (work["trace_id"], work["parent_id"]) == (TRACE_ID, function["id"])
        assert logged(shop, "message")[-1]["function_request_id"] == f"id-{number}"
        assert len(logged(shop, "_aws")) == number


def test_a_failure_in_mid_stream_is_counted(shop: Instrumented, daemon: socket.socket) -> None:
    shop.fail("id-1")
    faults = {segment["name"]: segment["fault"] for segment in segments(daemon)}
    assert faults == {"## handler": True, "work": True}
    [metric] = logged(shop, "_aws")
    assert metric["Sales"] == [1.0]
