"""The symptoms of a response that does not stream: one function for each symptom.

Such a function takes an observation. It returns the values for the sentence in `findings`, or
``None`` if the symptom is absent. It does no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from .observation import Limits, Observation, Verdict, burst, delay, judge, longest_gap, total

Values = Mapping[str, object]
Detector = Callable[[Observation, Limits], Values | None]

#: Middleware that collects a body, or compresses it in blocks.
BUFFERING_MIDDLEWARE = re.compile(
    r"gzip|brotli|zstd|compress|deflate|etag|conditional|minif|htmlmin|cache", re.IGNORECASE
)
MAX_NAMED = 5  #: names of middleware in a sentence
#: The keys of a buffered response, as a handler returns the response to an event source.
RESPONSE_KEYS = {
    *("statusCode", "headers", "multiValueHeaders", "cookies", "body"),
    *("isBase64Encoded", "statusDescription"),
}
FIRST_KEY = re.compile(r'\{\s*"(\w+)"')
NULS = bytes(8)
DJANGO_SYNC_ITERATOR = "must consume synchronous iterators"
DJANGO_ASYNC_ITERATOR = "must consume asynchronous iterators"
BLOCKED_LOOP = "event loop has been blocked"
TRACEBACK = "Traceback (most recent call last):"
MARGIN = re.compile(r"^[ \xa0]*[|+] ", re.MULTILINE)  #: of the traceback of an exception group
JSON_ERROR = re.compile(
    r'"stackTrace".*"errorType": ("(?:[^"\\]|\\.)*"), "errorMessage": ("(?:[^"\\]|\\.)*")',
    re.DOTALL,
)
MAX_ERROR_CHARACTERS = 300

#: Each row: a response header, a pattern of its value, the proxy or CDN that sends it, and advice.
PROXIES = (
    ("server", r"nginx", "nginx", "set proxy_buffering off, or send X-Accel-Buffering: no"),
    ("x-amz-cf-id", r"", "CloudFront", "turn off its compression for this path"),
    ("cf-ray", r"", "Cloudflare", "turn off its cache and compression for this path"),
    ("x-served-by", r"cache-", "Fastly", "turn on streaming miss for this path"),
    ("x-amz-apigw-id", r"", "API Gateway", "set the response transfer mode STREAM"),
    ("apigw-requestid", r"", "an HTTP API", "use a function URL or a REST API: it cannot stream"),
    ("via", r"", "a proxy", "turn off its buffering for this path"),
)


def seconds(value: float) -> str:
    """Return a time for a sentence: 12 ms, 3.1 s."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def suspects(observation: Observation) -> list[str]:
    """Return the middleware that is known to buffer or compress."""
    return [name for name in observation.middleware if BUFFERING_MIDDLEWARE.search(name)]


def proxies(observation: Observation) -> list[tuple[str, str]]:
    """Return the proxies that the headers name, each with advice."""
    return [
        (name, advice)
        for header, pattern, name, advice in PROXIES
        if (value := observation.header(header)) and re.search(pattern, value, re.IGNORECASE)
    ]


def middleware_suffix(observation: Observation) -> str:
    """Return the end of a sentence that names the middleware that buffers, or else all of it."""
    found = suspects(observation)
    named = found or observation.middleware[:MAX_NAMED]
    if not named:
        return ""
    names = "`, `".join(named)
    if found:
        return f"; `{names}` {'is' if len(found) == 1 else 'are'} in the stack"
    return f"; the middleware in the stack: `{names}`"


def proxies_suffix(found: Sequence[tuple[str, str]]) -> str:
    """Return the end of a sentence that names the proxies."""
    if not found:
        return ""
    names = " and ".join(name for name, _ in found)
    return f"; {names} {'is' if len(found) == 1 else 'are'} on the way"


def burst_values(observation: Observation, limits: Limits, *, by_runtime: bool) -> Values:
    """Return the values of a sentence about bytes that came at once."""
    chunks = observation.written if by_runtime else observation.received
    window = burst(chunks, observation.duration, limits)
    near = proxies(observation)
    share = window.size / total(chunks)
    return {
        "share": f"{share * 100:.0f}",
        "at": seconds(window.start),
        "suspects": middleware_suffix(observation),
        "proxies": proxies_suffix(near),
        "advice": f" {near[0][0]}: {near[0][1]}." if near else "",
    }


def judged(observation: Observation, limits: Limits) -> tuple[Verdict, Verdict]:
    """Return the verdicts on the bytes that were written, and on those that were received."""
    return (
        judge(observation.written, observation.duration, limits),
        judge(observation.received, observation.duration, limits),
    )


def has_failed(observation: Observation) -> bool:
    """Whether the function failed, or the status is no success, so that nothing had to stream."""
    return bool(observation.error) or (observation.status or 200) // 100 != 2


def failed(observation: Observation, _: Limits) -> Values | None:
    """Find an error of the function."""
    return {"error": observation.error.rstrip(".")} if observation.error else None


def refused(observation: Observation, _: Limits) -> Values | None:
    """Find a status that blames the request."""
    return _error_status(observation, range(400, 500))


def app_raised(observation: Observation, _: Limits) -> Values | None:
    """Find the error of an app that has responded with a status of 5xx; the log has it."""
    status = observation.status or 0
    error = logged_error(observation.log) if status >= 500 and not observation.error else ""
    return {"status": status, "error": error} if error else None


def logged_error(log: Sequence[str]) -> str:
    """Return type and message of the last error whose traceback is in a log; empty without one."""
    lines = MARGIN.sub("", "\n".join(log)).splitlines()
    starts = [number for number, line in enumerate(lines) if TRACEBACK in line]
    if starts:
        # Stack frames are indented. "[" begins the next entry, or stands for lines left out.
        found = next((line for line in lines[starts[-1] + 1 :] if line[:1] not in " \xa0["), "")
    else:
        found = next(filter(None, map(_error_in_json, reversed(log))), "")
    return found.partition("\n")[0].rstrip(".")[:MAX_ERROR_CHARACTERS]


def _error_in_json(entry: str) -> str:
    """Return type and message of the error in an entry in JSON, whose middle may be left out."""
    found = JSON_ERROR.search(entry)
    try:
        return ": ".join(map(json.loads, found.groups())) if found else ""
    except ValueError:
        return ""


def server_error(observation: Observation, limits: Limits) -> Values | None:
    """Find a status that blames the server, without an error of the function or the app."""
    if app_raised(observation, limits) is not None:
        return None
    return _error_status(observation, range(500, 600))


def _error_status(observation: Observation, statuses: range) -> Values | None:
    status = observation.status
    found = observation.expected_to_stream and status in statuses and not observation.error
    return {"status": status} if found else None


def redirected(observation: Observation, _: Limits) -> Values | None:
    """Find a redirect."""
    place = observation.header("location")
    moved = observation.expected_to_stream and 300 <= (observation.status or 0) < 400 and place
    return {"status": observation.status, "place": place} if moved else None


def broken_off(observation: Observation, limits: Limits) -> Values | None:
    """Find an incomplete response, unless it hung before it was cut off."""
    if not observation.broken or hung(observation, limits) is not None:
        return None
    return {"size": total(observation.received), "reason": observation.broken}


def json_in_body(observation: Observation, _: Limits) -> Values | None:
    """Find a buffered response that was taken for a stream."""
    start = observation.body_start
    return {} if NULS not in start and is_buffered_response(start) else None


def is_buffered_response(start: bytes) -> bool:
    """Whether a body begins with a buffered response, which has no keys but `RESPONSE_KEYS`.

    Lines of JSON may have the key ``statusCode`` too, but more than one line. Of a long body only
    the start is known.
    """
    text = start.decode("utf-8", "replace").strip()
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        first = FIRST_KEY.match(text)
        return first is not None and first[1] in RESPONSE_KEYS and '"statusCode"' in text
    is_response = isinstance(found, dict) and found.keys() <= RESPONSE_KEYS
    return is_response and "statusCode" in found and end == len(text)


def prelude_in_body(observation: Observation, _: Limits) -> Values | None:
    """Find a prelude that the event source has passed on as body."""
    start = observation.body_start
    found = start.lstrip()[:1] == b"{" and NULS in start
    return {} if found else None


def buffered_by_source(observation: Observation, limits: Limits) -> Values | None:
    """Find an event source that collects a response which is meant to stream."""
    written, received = judged(observation, limits)
    lost = written is Verdict.STREAMS and received is not Verdict.STREAMS
    missed = observation.expected_to_stream and received is not Verdict.STREAMS
    if observation.buffering and (lost or missed or observation.is_event_stream):
        return {"source": observation.buffering}
    return None


def held_by_app(observation: Observation, limits: Limits) -> Values | None:
    """Find a stream that the runtime has written at once."""
    return _held(observation, limits) if observation.should_stream else None


def came_late(observation: Observation, limits: Limits) -> Values | None:
    """Find a body of one chunk that may or may not be meant to stream."""
    return None if observation.should_stream else _held(observation, limits)


def _held(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that the runtime has written at once, after a wait, for an unknown reason."""
    held = judged(observation, limits)[0] is Verdict.HELD_BACK
    known = observation.buffering or observation.has_length or has_failed(observation)
    if not held or known or any(find(observation, limits) is not None for find in COLLECTED):
        return None
    return burst_values(observation, limits, by_runtime=True)


def held_on_the_way(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that was written over time and received at once."""
    written, received = judged(observation, limits)
    if written is not Verdict.STREAMS or observation.buffering or has_failed(observation):
        return None
    if received in (Verdict.STREAMS, Verdict.EMPTY):
        return None
    return burst_values(observation, limits, by_runtime=False)


def held_anywhere(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that came at once, from a function that runs somewhere else."""
    if observation.written or observation.has_length or has_failed(observation):
        return None
    if any(detect(observation, limits) is not None for detect in (json_in_body, prelude_in_body)):
        return None  # these findings say more
    if judged(observation, limits)[1] is not Verdict.HELD_BACK:
        return None
    return burst_values(observation, limits, by_runtime=False)


def delayed(observation: Observation, limits: Limits) -> Values | None:
    """Find chunks that reach the client late, although it gets them one after the other."""
    late = delay(observation)
    received = judged(observation, limits)[1]
    throttled = total(observation.received) > limits.burst_bytes
    if late < limits.noticeable_seconds or throttled or received is not Verdict.STREAMS:
        return None
    return {"late": seconds(late)}


def length_known(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that was complete before its first byte was sent."""
    came_at_once = Verdict.STREAMS not in judged(observation, limits)
    known = observation.expected_to_stream and observation.has_length and not observation.buffering
    found = known and came_at_once and observation.received and not has_failed(observation)
    return {} if found else None


def hung(observation: Observation, limits: Limits) -> Values | None:
    """Find a response without a body that stays open."""
    if observation.received or observation.head_at is None or observation.error:
        return None
    open_for = observation.duration - observation.head_at
    return {"open": seconds(open_for)} if open_for >= limits.noticeable_seconds else None


def sync_iterator(observation: Observation, _: Limits) -> Values | None:
    """Find Django's warning about a synchronous iterator."""
    return {} if any(DJANGO_SYNC_ITERATOR in line for line in observation.log) else None


def async_iterator(observation: Observation, _: Limits) -> Values | None:
    """Find Django's warning about an asynchronous iterator, which a WSGI app gives."""
    return {} if any(DJANGO_ASYNC_ITERATOR in line for line in observation.log) else None


COLLECTED = (sync_iterator, async_iterator)


def blocked_loop(observation: Observation, _: Limits) -> Values | None:
    """Find the watchdog's warning about a blocked event loop."""
    return {} if any(BLOCKED_LOOP in line for line in observation.log) else None


def compressed(observation: Observation, _: Limits) -> Values | None:
    """Find a compressed stream."""
    coding = observation.header("content-encoding")
    if not coding or coding == "identity" or observation.has_length:
        return None
    found = suspects(observation)
    return {"coding": coding, "by": f" by `{found[0]}`" if found else ""}


def silence(observation: Observation, limits: Limits) -> Values | None:
    """Find a long time without a byte."""
    gap = longest_gap(observation)
    if gap.seconds < limits.silence_seconds:
        return None
    return {"gap": seconds(gap.seconds), "start": seconds(gap.start)}


def large_head(observation: Observation, limits: Limits) -> Values | None:
    """Find status and headers that a REST API refuses."""
    if observation.head_bytes <= limits.head_bytes:
        return None
    return {"size": f"{observation.head_bytes:,}", "limit": f"{limits.head_bytes:,}"}


def unfit_template(observation: Observation, _: Limits) -> Values | None:
    """Find a template that deploys the app without streaming."""
    return {"places": "; ".join(observation.templates)} if observation.templates else None


def old_protocol(observation: Observation, _: Limits) -> Values | None:
    """Find HTTP/1.0, which has no chunks."""
    return {} if observation.protocol == "HTTP/1.0" else None


def cached(observation: Observation, _: Limits) -> Values | None:
    """Find a response that a cache has sent."""
    hit = re.search(r"\bhit\b", observation.header("x-cache"), re.IGNORECASE)
    return {} if hit or observation.header("cf-cache-status").lower() == "hit" else None


def came_whole(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that was ready at once."""
    written, received = judged(observation, limits)
    if received is not Verdict.WHOLE or written is Verdict.STREAMS or observation.has_length:
        return None
    if not observation.should_stream or has_failed(observation):
        return None
    return {"at": seconds(observation.received[0].at)}


def slowed_down(observation: Observation, limits: Limits) -> Values | None:
    """Find a body that is larger than Lambda sends at full speed."""
    size = total(observation.received)
    return {"size": f"{size / 1024**2:.1f}"} if size > limits.burst_bytes else None
