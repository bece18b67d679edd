"""Pydantic Logfire: https://pypi.org/project/logfire/"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtimes.conftest import NATIVE

from .conftest import lines_of
from .otlp import HEADERS, PARENT, servers, stream_twice

if TYPE_CHECKING:
    from tests.runtimes.conftest import Runtime
    from tests.support.collector import Collector

    from .conftest import Instrument, Instrumented


#: Logfire flushes by itself where it finds AWS's client, which it patches.
NO_FLUSH = lines_of("Logfire").replace(", on_complete=lambda summary: logfire.force_flush()", "")
ADVICE = "on_complete=lambda summary: logfire.force_flush()"


@pytest.fixture
def environ(collector: Collector) -> dict[str, str]:
    return {
        "LOGFIRE_TOKEN": "token",
        "LOGFIRE_BASE_URL": f"http://{collector.address}",
        "LOGFIRE_DISTRIBUTED_TRACING": "true",
    }


@pytest.fixture
def shop(instrument: Instrument, environ: dict[str, str]) -> Instrumented:
    return instrument(lines_of("Logfire"), environ)


def test_a_stream_is_a_span_of_the_callers_trace_sent_before_the_freeze(
    shop: Instrumented, collector: Collector
) -> None:
    stream_twice(shop, collector)
    assert ADVICE not in shop.output


def test_a_failure_in_mid_stream_is_a_failed_span(shop: Instrumented, collector: Collector) -> None:
    shop.fail("id-1")
    [span] = servers(collector)
    assert span.failed
    assert set(span.errors) == {"ValueError"}  # one of FastAPI's instrumentation, one of ASGI's


def test_its_own_flush_sends_all_under_awss_runtime_and_is_warned_of_under_ours(
    instrument: Instrument, collector: Collector, environ: dict[str, str], runtime: Runtime
) -> None:
    shop = instrument(NO_FLUSH, environ)
    shop.fail("id-1")
    assert (ADVICE in shop.output) == (runtime is NATIVE)
    if runtime is not NATIVE:
        assert [span.failed for span in servers(collector)] == [True]


def test_the_span_of_the_function_is_sent_without_on_complete(
    instrument: Instrument, collector: Collector, environ: dict[str, str]
) -> None:
    shop = instrument(f"{NO_FLUSH}logfire.instrument_aws_lambda(handler)\n", environ)
    call = shop.get("/stream/ok", "id-1", HEADERS)
    assert (call.first, call.request.content) == (b"one ", b"one two")
    spans = {span.name: span for span in servers(collector)}
    assert spans["GET /stream/{name}"].parent == spans["shop"].span
    assert spans["shop"].parent == PARENT
    shop.fail("id-2")
    assert [span.failed for span in servers(collector) if span.name == "shop"] == [False, True]
    assert ADVICE not in shop.output


def test_the_warning_needs_no_instrumentation(
    instrument: Instrument, environ: dict[str, str], runtime: Runtime
) -> None:
    instrumentation = next(line for line in NO_FLUSH.splitlines() if "instrument_" in line)
    shop = instrument(NO_FLUSH.replace(instrumentation, ""), environ)
    shop.get("/stream/ok", "id-1")
    assert (ADVICE in shop.output) == (runtime is NATIVE)
