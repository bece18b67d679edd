"""Reads the spans that were sent by OTLP over HTTP, and has the trace of a caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

if TYPE_CHECKING:
    from tests.support.collector import Collector

    from .conftest import Instrumented

TRACE_ID, PARENT = "68f0c1d23a4b5c6d7e8f901234567890", "53995c3f42cd8ad8"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{PARENT}-01"}


class Server(NamedTuple):
    """A span of a server: of the app, or of the function."""

    name: str
    trace: str
    span: str
    parent: str
    failed: bool
    errors: list[str]  #: types of the recorded exceptions


def servers(collector: Collector) -> list[Server]:
    """Return the server's spans, and those that stand for the app in the function's."""
    found = []
    for body in collector.bodies("/v1/traces"):
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            spans = [span for scope in resource.scope_spans for span in scope.spans]
            found += [describe(span) for span in spans if not is_other(span)]
    return found


def is_other(span: Span) -> bool:
    """Whether it is the span of a message, or what Logfire sends of a span that has not ended."""
    types = [each.value.string_value for each in span.attributes if each.key == "logfire.span_type"]
    return span.name.endswith((" send", " receive")) or types == ["pending_span"]


def describe(span: Span) -> Server:
    errors = [
        attribute.value.string_value
        for event in span.events
        for attribute in event.attributes
        if attribute.key == "exception.type"
    ]
    failed = span.status.code == Status.STATUS_CODE_ERROR
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Server(span.name, *ids, failed, errors)


def stream_twice(shop: Instrumented, collector: Collector) -> None:
    """Have two streams made; each is a span of the caller's trace, sent before the freeze."""
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}", HEADERS)
        assert (call.first, call.request.content) == (b"one ", b"one two")
        spans = servers(collector)
        assert [span.name for span in spans] == ["GET /stream/{name}"] * number
        assert (spans[-1].trace, spans[-1].parent) == (TRACE_ID, PARENT)
        assert not spans[-1].failed
