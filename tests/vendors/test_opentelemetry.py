"""OpenTelemetry: https://opentelemetry.io/docs/languages/python/"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import lines_of
from .otlp import HEADERS, PARENT, TRACE_ID, servers, stream_twice

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.collector import Collector

    from .conftest import Instrument, Instrumented

#: Put at the end of a handler module, which `AwsLambdaInstrumentor` finds by `_HANDLER`.
LAMBDA = """
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

AwsLambdaInstrumentor().instrument()
"""


def environ(collector: Collector) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}


class TestApp:
    """The app alone has spans: `FastAPIInstrumentor`, `OpenTelemetryMiddleware`."""

    @pytest.fixture
    def shop(self, instrument: Instrument, collector: Collector) -> Instrumented:
        return instrument(lines_of("OpenTelemetry"), environ(collector))

    def test_a_stream_is_a_span_of_the_callers_trace_sent_before_the_freeze(
        self, shop: Instrumented, collector: Collector
    ) -> None:
        stream_twice(shop, collector)

    def test_a_failure_in_mid_stream_is_a_failed_span(
        self, shop: Instrumented, collector: Collector
    ) -> None:
        shop.fail("id-1")
        [span] = servers(collector)
        assert span.failed
        assert set(span.errors) == {"ValueError"}  # one of FastAPI's instrumentation, one of ASGI's


class TestFunction:
    """The function has a span, too: `AwsLambdaInstrumentor`."""

    @pytest.fixture
    def shop(self, instrument: Instrument, collector: Collector) -> Instrumented:
        return instrument(lines_of("OpenTelemetry") + LAMBDA, environ(collector))

    def test_the_span_of_the_app_is_in_that_of_the_function(
        self, shop: Instrumented, collector: Collector
    ) -> None:
        call = shop.get("/stream/ok", "id-1", HEADERS)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        spans = {span.name: span for span in servers(collector)}
        function, app = spans["shop"], spans["GET /stream/{name}"]
        assert (function.trace, function.parent) == (TRACE_ID, PARENT)
        assert (app.trace, app.parent) == (TRACE_ID, function.span)

    def test_a_failure_in_mid_stream_fails_both(
        self, shop: Instrumented, collector: Collector
    ) -> None:
        shop.fail("id-1")
        assert {span.name: span.failed for span in servers(collector)} == {
            "shop": True,
            "GET /stream/{name}": True,
        }


#: As `otel_wrapper.py` of OpenTelemetry's layer: it instruments, then imports the function.
WRAPPER = """
import os
from importlib import import_module
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

AwsLambdaInstrumentor().instrument()

module, name = os.environ["ORIG_HANDLER"].rsplit(".", 1)
handler = getattr(import_module(module), name)
"""


def test_the_handler_module_of_its_layer_wraps_the_function(
    instrument: Instrument, collector: Collector, tmp_path: Path
) -> None:
    lines = lines_of("OpenTelemetry").replace("from main import", "from shop import")
    (tmp_path / "original.py").write_text(lines)
    source = f"import sys\nsys.path.append({str(tmp_path)!r})\n{WRAPPER}"
    original = {"ORIG_HANDLER": "original.handler"}
    shop = instrument(source, environ(collector) | original)
    call = shop.get("/stream/ok", "id-1", HEADERS)
    assert (call.first, call.request.content) == (b"one ", b"one two")
    spans = {span.name: span for span in servers(collector)}
    assert spans["GET /stream/{name}"].parent == spans["shop"].span
    shop.fail("id-2")
    assert [span.failed for span in servers(collector) if span.name == "shop"] == [False, True]
