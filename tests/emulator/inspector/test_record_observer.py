"""What the diagnosis gets of a recorded invocation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adapter.diagnosis.observation import BufferingSource, Chunk
from adapter.emulator.inspector.record_observer import observe
from adapter.emulator.inspector.recorded import MAX_KEPT_EVENT_BYTES, RecordedInvocation
from adapter.emulator.invocation_steps import Ended, Logged, Responded, Sent, Started, Written
from adapter.emulator.outcome import EndOfResponse, ResponseEnd
from adapter.samples.api_events import http_api_event, rest_api_event
from adapter.samples.proxy_events import alb_event, lattice_event
from adapter.samples.url_event import function_url_event

from .invocations import untold

if TYPE_CHECKING:
    from adapter.types import JSON


def record(event: JSON = None, *, streaming: bool = True) -> RecordedInvocation:
    invocation = untold(json.dumps(event).encode(), streaming=streaming)
    return RecordedInvocation(1, invocation, now=0.0, epoch=0.0)


def test_times_count_from_the_event_so_that_a_cold_start_does_not_look_like_a_buffer() -> None:
    kept = record()
    kept.take(Started(5.0, "1", True))
    kept.take(Written(6.0, b"body"))
    kept.take(Responded(6.5, 200, [(b"content-type", b"text/event-stream")]))
    kept.take(Sent(7.0, b"body"))
    kept.take(Logged(7.0, "a line"))
    kept.take(Ended(8.0, ResponseEnd(EndOfResponse.COMPLETE)))
    seen = observe(kept, ["GZipMiddleware"])
    assert (seen.duration, seen.head_at) == (3.0, 1.5)
    assert list(seen.written) == [Chunk(1.0, 4)]
    assert list(seen.received) == [Chunk(2.0, 4)]
    assert seen.is_event_stream
    assert (seen.log, seen.middleware) == (["a line"], ["GZipMiddleware"])
    assert (seen.broken, seen.error, seen.buffering) == ("", "", "")


def test_the_platforms_text_about_a_failure_is_not_a_body_of_the_function() -> None:
    kept = record()
    kept.take(Ended(1.0, ResponseEnd(EndOfResponse.COMPLETE, "Function.A"), "A: b"))
    kept.take(Sent(1.1, b"Internal Server Error"))
    seen = observe(kept)
    assert (list(seen.received), seen.error) == ([], "A: b")


def test_a_stream_that_the_runtime_left_is_broken() -> None:
    kept = record()
    kept.take(Written(0.5, b"half"))
    kept.take(Ended(1.0, ResponseEnd(EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse")))
    assert observe(kept).broken == "the runtime stopped in the middle of it"


@pytest.mark.parametrize(
    ("event", "source"),
    [
        (function_url_event(), BufferingSource.FUNCTION_URL),
        (rest_api_event(), BufferingSource.REST_API),
        (http_api_event(), BufferingSource.HTTP_API),
        (alb_event(), BufferingSource.LOAD_BALANCER),
        (lattice_event(), BufferingSource.UNKNOWN),
        (function_url_event(body=b"x" * MAX_KEPT_EVENT_BYTES), BufferingSource.UNKNOWN),
    ],
    ids=["function URL", "REST API", "HTTP API", "load balancer", "another", "cut off"],
)
def test_a_source_that_buffers_is_named(event: JSON, source: BufferingSource) -> None:
    kept = record(event, streaming=False)
    assert observe(kept).buffering == BufferingSource.INVOKE_API
    kept.take(Responded(1.0, 200, []))
    assert observe(kept).buffering == source
