"""One invocation as the inspector keeps it, in a bounded amount of memory."""

from __future__ import annotations

from base64 import b64decode
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from ...diagnosis.observation import Chunk
from ..front_ends.prelude_reader import DELIMITER, MAX_PRELUDE_BYTES
from ..invocation_steps import Ended, Logged, Responded, Sent, Started, Written
from ..outcome import InvocationFailure
from .request_line import HttpRequest, read_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...types import Headers
    from ..invocation_steps import InvocationStep
    from ..local_invocation import LocalInvocation
    from ..outcome import ResponseEnd

MAX_CHUNKS = 500
MAX_START_BYTES = 1024
MAX_KEPT_EVENT_BYTES = 128 * 1024
MAX_LINES = 200
MAX_LINE_CHARACTERS = 2000
LEFT_OUT = "\n[…]\n"


class Series:
    """Chunks in the order of time; neighbours are merged if there are too many."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.size = 0
        self.count = 0  #: before any were merged

    def add(self, at: float, size: int) -> None:
        """Add a chunk."""
        self.size += size
        self.count += 1
        self.chunks.append(Chunk(at, size))
        if len(self.chunks) > MAX_CHUNKS:
            pairs = zip(self.chunks[::2], self.chunks[1::2], strict=False)
            odd = self.chunks[-1:] if len(self.chunks) % 2 else []
            self.chunks = [Chunk(b.at, a.size + b.size) for a, b in pairs] + odd


class PreludeSplitter:
    """Separates the prelude of a stream from its body."""

    def __init__(self) -> None:
        self.size = 0
        self.found = b""  #: the prelude without its delimiter
        self._start = b""
        self._waiting: list[Chunk] = []  #: bytes of a prelude, or of a body without a prelude
        self._decided = False

    def split(self, at: float, data: bytes) -> Sequence[Chunk]:
        """Take bytes of the stream; return the chunks that belong to the body."""
        if self._decided:
            return [Chunk(at, len(data))]
        self._start += data
        end = self._start.find(DELIMITER, 0, MAX_PRELUDE_BYTES)
        if self._start[:1] == b"{" and end >= 0:
            self.size = end + len(DELIMITER)
            self.found, rest = self._start[:end], len(self._start) - self.size
            self._decide()
            return [Chunk(at, rest)] if rest else []
        self._waiting.append(Chunk(at, len(data)))
        if self._start[:1] != b"{" or len(self._start) > MAX_PRELUDE_BYTES:
            return self.end()
        return []

    def end(self) -> Sequence[Chunk]:
        """Stop looking for a prelude; return the chunks that turned out to be the body."""
        waiting = self._waiting
        self._decide()
        return waiting

    def _decide(self) -> None:
        self._decided = True
        self._start, self._waiting = b"", []


class RecordedInvocation:
    """The steps of one invocation. Times are in seconds since its submission."""

    def __init__(self, number: int, invocation: LocalInvocation, now: float, epoch: float) -> None:
        self.number = number
        self.request_id = invocation.request_id
        self.streaming = invocation.streaming
        self.event = invocation.event[:MAX_KEPT_EVENT_BYTES]
        self.event_size = len(invocation.event)
        self.client_target = invocation.client_target
        self.client_context = invocation.client_context
        self.tenant_id = invocation.tenant_id
        self.epoch = epoch  #: of the submission, in seconds
        self.version = 0  #: how many steps are recorded
        self.started: float | None = None
        self.environment_pid = ""
        self.cold = False
        self.written = Series()
        self.prelude = PreludeSplitter()
        self.responded: float | None = None
        self.status: int | None = None
        self.headers: Headers = []
        self.sent = Series()
        self.body_start = b""
        self.ended: float | None = None
        self.end: ResponseEnd | None = None
        self.explanation = ""
        self.lines: deque[tuple[float, str]] = deque(maxlen=MAX_LINES)  #: the latest
        self.lines_left_out = 0
        self.last = 0.0
        self._submitted = now

    @cached_property
    def request(self) -> HttpRequest:
        """Return the HTTP request in the event."""
        return read_request(self.event)

    @property
    def replayable(self) -> bool:
        """Whether the whole event is kept."""
        return len(self.event) == self.event_size

    def take(self, step: InvocationStep) -> None:
        """Record a step."""
        at = step.at - self._submitted
        self.version += 1
        if isinstance(step, Written):
            for chunk in self.prelude.split(at, step.data):
                self.written.add(*chunk)
        elif isinstance(step, Sent):
            self._take_sent(at, step.data)
        elif isinstance(step, Logged):
            self._take_line(at, step.line)
            return  # a line may come long after the end
        elif isinstance(step, Started):
            self.started, self.environment_pid, self.cold = at, step.environment_pid, step.cold
        elif isinstance(step, Responded):
            self.responded, self.status, self.headers = at, step.status, step.headers
        else:
            self._take_end(at, step)
        self.last = max(self.last, at)

    def _take_sent(self, at: float, data: bytes) -> None:
        self.sent.add(at, len(data))
        missing = MAX_START_BYTES - len(self.body_start)
        if missing > 0:
            self.body_start += data[:missing]

    def _take_line(self, at: float, line: str) -> None:
        self.lines_left_out += len(self.lines) == MAX_LINES
        self.lines.append((at, shortened(line)))

    def _take_end(self, at: float, step: Ended) -> None:
        for chunk in self.prelude.end():
            self.written.add(*chunk)
        self.ended, self.end = at, step.end
        explanation = step.explanation or explain_trailers(step.end)
        self.explanation = explanation[:MAX_LINE_CHARACTERS]


def shortened(line: str) -> str:
    """Return a long line without its middle: the end of a traceback names the error."""
    if len(line) <= MAX_LINE_CHARACTERS:
        return line
    kept = MAX_LINE_CHARACTERS - len(LEFT_OUT)
    start = kept // 4
    end = line[start - kept :]
    return f"{line[:start]}{LEFT_OUT}{end.partition(chr(10))[2] or end}"


def explain_trailers(end: ResponseEnd) -> str:
    """Return type and message of an error in mid-stream; empty without an error."""
    try:
        payload = b64decode(end.error_body, validate=True)
    except ValueError:
        payload = b""
    return InvocationFailure(end.error_type, payload).explain() if end.error_type else ""
