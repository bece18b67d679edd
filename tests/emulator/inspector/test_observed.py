"""What the diagnosis gets of a recorded invocation."""

from __future__ import annotations

from adapter.diagnosis.observation import Chunk
from adapter.emulator.inspector.observed import BUFFERED_CALL, BUFFERED_URL, observe
from adapter.emulator.inspector.recorded import RecordedInvocation
from adapter.emulator.invocation_steps import Ended, Logged, Responded, Sent, Started, Written
from adapter.emulator.local_invocation import EndOfResponse, ResponseEnd

from .invocations import untold


def record(*, streaming: bool = True) -> RecordedInvocation:
    return RecordedInvocation(1, untold(streaming=streaming), now=0.0, epoch=0.0)


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


def test_a_source_that_buffers_is_named() -> None:
    kept = record(streaming=False)
    assert observe(kept).buffering == BUFFERED_CALL
    kept.take(Responded(1.0, 200, []))
    assert observe(kept).buffering == BUFFERED_URL
