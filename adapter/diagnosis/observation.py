"""One response as it was seen, and the judgement whether it streams. It does no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..events.body import is_for_streaming
from ..events.payload_v1 import MAX_PRELUDE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENT_STREAM = "text/event-stream"


class BufferingSource(StrEnum):
    """An event source that collects a whole response."""

    FUNCTION_URL = "A function URL with the invoke mode BUFFERED"
    REST_API = "A REST API with the response transfer mode BUFFERED"
    HTTP_API = "An HTTP API"
    LOAD_BALANCER = "A load balancer"
    INVOKE_API = "The Invoke API's `invoke`"
    UNKNOWN = "The event source"


class Chunk(NamedTuple):
    """Bytes that were written or received at once."""

    at: float  #: seconds since the request
    size: int


@dataclass(frozen=True)
class Limits:
    """The thresholds of the diagnosis."""

    #: a wait below this is not noticed by a person
    noticeable_seconds: float = 0.2
    #: a response counts as held back if one window has this share of its bytes
    held_share: float = 0.9
    #: chunks within this time, or this share of the duration, count as one
    window_seconds: float = 0.02
    window_share: float = 0.05
    #: CloudFront and edge-optimised REST APIs end a response that is silent for longer
    silence_seconds: float = 30.0
    #: a REST API reads the prelude within the first 16 KB
    head_bytes: int = MAX_PRELUDE_BYTES
    #: Lambda sends this many bytes at full speed, the rest at 2 MiB/s
    burst_bytes: int = 6 * 1024 * 1024


@dataclass(frozen=True)
class Observation:
    """One response. Times are in seconds since the request; sizes are bytes of the body."""

    duration: float
    received: Sequence[Chunk] = ()  #: by the client
    written: Sequence[Chunk] = ()  #: by the runtime; empty if the function runs somewhere else
    head_at: float | None = None  #: when the client had status and headers
    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    head_bytes: int = 0  #: size of the prelude, or of the head of the HTTP response
    body_start: bytes = b""  #: the first KiB of the body
    protocol: str = ""  #: as in HTTP/1.1
    broken: str = ""  #: why the response is incomplete; empty if it is complete
    error: str = ""  #: of the function
    buffering: str = ""  #: an event source that is known to buffer
    middleware: Sequence[str] = ()  #: class names, from the outside to the inside
    log: Sequence[str] = ()
    templates: Sequence[str] = ()  #: places in templates that deploy the app without streaming
    expected_to_stream: bool = False  #: whether the caller says so, as `adapter doctor` does

    def header(self, name: str) -> str:
        """Return a header's value, or an empty string. ``name`` is in lower case."""
        return next((value for field, value in self.headers if field.lower() == name), "")

    @property
    def is_event_stream(self) -> bool:
        """Whether the response is a stream of server-sent events."""
        return self.header("content-type").lower().startswith(EVENT_STREAM)

    @property
    def should_stream(self) -> bool:
        """Whether the response is meant to stream, as far as can be seen."""
        return (
            self.expected_to_stream
            or is_for_streaming(self.header("content-type"))
            or bool(self.header("content-encoding"))  # a compressor may have joined the chunks
            or len(self.written) > 1
        )

    @property
    def has_length(self) -> bool:
        """Whether the length of the body was known before its first byte was sent."""
        return bool(self.header("content-length") or self.header("x-amzn-remapped-content-length"))


class Verdict(StrEnum):
    """Whether a body came over time."""

    STREAMS = "streams"  #: it came in several chunks, over time
    HELD_BACK = "held back"  #: nearly all of it came at once, after a wait
    WHOLE = "whole"  #: it came at once, without a wait
    EMPTY = "empty"  #: there was no body


class Window(NamedTuple):
    """A span of time, and the part of a body that came in it."""

    start: float
    end: float
    size: int


class Gap(NamedTuple):
    """A span of time without a byte."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Return its length."""
        return self.end - self.start


def densest(chunks: Sequence[Chunk], width: float) -> Window:
    """Return the span of at most ``width`` seconds in which most bytes came.

    ``chunks`` is in the order of time and not empty.
    """
    best = Window(chunks[0].at, chunks[0].at, 0)
    size = first = 0
    for chunk in chunks:
        size += chunk.size
        while chunk.at - chunks[first].at > width:
            size -= chunks[first].size
            first += 1
        if size > best.size:
            best = Window(chunks[first].at, chunk.at, size)
    return best


def total(chunks: Sequence[Chunk]) -> int:
    """Return the bytes of all chunks."""
    return sum(chunk.size for chunk in chunks)


def burst(chunks: Sequence[Chunk], duration: float, limits: Limits) -> Window:
    """Return the densest window of a body that took ``duration``."""
    return densest(chunks, max(limits.window_seconds, duration * limits.window_share))


def judge(chunks: Sequence[Chunk], duration: float, limits: Limits) -> Verdict:
    """Judge a body by the times of its chunks."""
    chunks = [chunk for chunk in chunks if chunk.size]
    if not chunks:
        return Verdict.EMPTY
    window = burst(chunks, duration, limits)
    if window.size >= limits.held_share * total(chunks):
        if window.start >= max(limits.noticeable_seconds, duration / 2):
            return Verdict.HELD_BACK
        if chunks[-1].at - chunks[0].at <= max(limits.window_seconds, window.end - window.start):
            return Verdict.WHOLE
    return Verdict.STREAMS


def may_name_middleware(observation: Observation) -> bool:
    """Whether a finding may name the middleware of the app, which has to be imported for that."""
    held = judge(observation.written, observation.duration, Limits()) is Verdict.HELD_BACK
    return held or bool(observation.header("content-encoding"))


def longest_gap(observation: Observation) -> Gap:
    """Return the longest time in which the client received nothing, from the request on."""
    times = [0.0, *(chunk.at for chunk in observation.received), observation.duration]
    gaps = [Gap(start, max(start, end)) for start, end in pairwise(times)]
    return max(gaps, key=lambda gap: gap.seconds)


def delay(observation: Observation) -> float:
    """Return the average time of a byte from the runtime to the client, in seconds.

    It is 0 if the sizes differ, because an event source may add or drop bytes.
    """
    size = total(observation.written)
    if not size or size != total(observation.received):
        return 0.0
    average_at = [
        sum(chunk.at * chunk.size for chunk in chunks) / size
        for chunks in (observation.written, observation.received)
    ]
    return max(0.0, average_at[1] - average_at[0])
