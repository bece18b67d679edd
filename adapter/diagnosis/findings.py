"""The findings about a response: a table of symptoms, each with a sentence and advice.

The inspector and ``adapter doctor`` show the same findings. It does no I/O.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from . import symptoms
from .observation import Limits, Observation, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .symptoms import Detector


class Severity(StrEnum):
    """The weight of a finding."""

    FAULT = "fault"  #: the response does not stream, or not everywhere
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """A symptom of one response."""

    symptom: str
    severity: Severity
    text: str
    advice: str


class Rule(NamedTuple):
    """A row of the table. Sentence and advice are format strings for the values of ``detect``."""

    symptom: str
    severity: Severity
    detect: Detector
    sentence: str
    advice: str


def diagnose(observation: Observation, limits: Limits | None = None) -> list[Finding]:
    """Return all findings, the most severe first."""
    limits = limits or Limits()
    found = []
    for rule in RULES:
        values = rule.detect(observation, limits)
        if values is not None:
            text, advice = rule.sentence.format(**values), rule.advice.format(**values)
            found.append(Finding(rule.symptom, rule.severity, text, advice))
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def streams(
    observation: Observation, findings: Sequence[Finding], limits: Limits | None = None
) -> bool:
    """Whether the client got the body over time, and without a fault."""
    verdict = judge(observation.received, observation.duration, limits or Limits())
    faults = [finding for finding in findings if finding.severity is Severity.FAULT]
    return verdict is Verdict.STREAMS and not faults


FAULT, WARNING, NOTE = Severity

RULES: tuple[Rule, ...] = (
    Rule(
        "failed",
        FAULT,
        symptoms.failed,
        "The function failed: {error}.",
        "The log lines of the invocation say where.",
    ),
    Rule(
        "status",
        FAULT,
        symptoms.refused,
        "The status is {status}, so this is not the response that streams.",
        "Check the path, the method and the headers of the request.",
    ),
    Rule(
        "app-raised",
        FAULT,
        symptoms.app_raised,
        "The status is {status}, and the app raised {error}.",
        "The traceback is in the log lines of this request.",
    ),
    Rule(
        "server-error",
        FAULT,
        symptoms.server_error,
        "The status is {status}, an error of the app or of a server in front of the app.",
        "If the app failed, the function's log says where.",
    ),
    Rule(
        "redirect",
        FAULT,
        symptoms.redirected,
        "The status is {status}, a redirect to {place}.",
        "Request that path instead.",
    ),
    Rule(
        "broken",
        FAULT,
        symptoms.broken_off,
        "The response broke off after {size:,} bytes: {reason}.",
        "An error in mid-stream, the function's timeout or the idle timeout of a proxy ends a "
        "response like this. The function's log says which.",
    ),
    Rule(
        "json-in-body",
        FAULT,
        symptoms.json_in_body,
        "The body is a Lambda response in JSON, statusCode included: the function buffers, and "
        "the invoke mode of its URL is RESPONSE_STREAM.",
        "Stream from the handler (for an app: invoke_mode auto or response_stream), or set the "
        "InvokeMode of the URL to BUFFERED.",
    ),
    Rule(
        "prelude-in-body",
        FAULT,
        symptoms.prelude_in_body,
        "The body begins with a prelude (JSON and 8 NUL bytes): the function streams, and the "
        "event source in front of it does not.",
        "Set InvokeMode to RESPONSE_STREAM on a function URL, or the response transfer mode STREAM "
        "on a REST API.",
    ),
    Rule(
        "buffering-source",
        FAULT,
        symptoms.buffered_by_source,
        "{source} collects the whole response before it sends the first byte.",
        "Use a function URL with InvokeMode RESPONSE_STREAM, or a REST API with the response "
        "transfer mode STREAM.",
    ),
    Rule(
        "held-by-app",
        FAULT,
        symptoms.held_by_app,
        "One chunk carried {share} % of the bytes, {at} after the request: something between your "
        "generator and `send` buffers{suspects}.",
        "Remove middleware that buffers for this path. In the generator, `yield` each part when it "
        "is ready, and `await` between the parts.",
    ),
    Rule(
        "held-on-the-way",
        FAULT,
        symptoms.held_on_the_way,
        "The runtime wrote the body over time, and the client got {share} % of it at once, {at} "
        "after the request{proxies}.",
        "Something between the function and the client buffers.{advice}",
    ),
    Rule(
        "held",
        FAULT,
        symptoms.held_anywhere,
        "{share} % of the bytes came at once, {at} after the request: the app, its middleware, the "
        "event source or a proxy buffers{proxies}.",
        "Run `adapter doctor TARGET` to see whether the app is the cause.{advice}",
    ),
    Rule(
        "hung",
        FAULT,
        symptoms.hung,
        "The response has no body, and its connection stayed open for {open}.",
        "Send at least one byte: some function URLs keep such a response open until the timeout.",
    ),
    Rule(
        "sync-iterator",
        FAULT,
        symptoms.sync_iterator,
        "Django has collected a synchronous iterator: under ASGI only an asynchronous one streams.",
        "Give StreamingHttpResponse an `async def` generator, or serve the project's WSGI app: "
        "WsgiToAsgi of adapter.wsgi.",
    ),
    Rule(
        "async-iterator",
        FAULT,
        symptoms.async_iterator,
        "Django has collected an asynchronous iterator: under WSGI only a synchronous one streams.",
        "Give StreamingHttpResponse a generator without `async`, or serve the project's ASGI app.",
    ),
    Rule(
        "template",
        FAULT,
        symptoms.unfit_template,
        "A template deploys the app without streaming: {places}.",
        "Set InvokeMode, or ResponseTransferMode for a REST API, to RESPONSE_STREAM there.",
    ),
    Rule(
        "large-head",
        WARNING,
        symptoms.large_head,
        "Status and headers have {size} bytes, and a REST API reads at most {limit}.",
        "Behind a REST API, send fewer or shorter headers and cookies.",
    ),
    Rule(
        "delayed",
        WARNING,
        symptoms.delayed,
        "Bytes reached the client {late} after the runtime had written them, on average.",
        "Something on the way holds each chunk until the next one comes. Send larger events, or a "
        "comment after each event.",
    ),
    Rule(
        "compressed",
        WARNING,
        symptoms.compressed,
        "The stream is compressed with {coding}{by}: a compressor can hold bytes back until it "
        "has enough of them.",
        "Do not compress this path, or flush after each part.",
    ),
    Rule(
        "silence",
        WARNING,
        symptoms.silence,
        "No byte came for {gap}, from {start} after the request on. CloudFront and edge-optimised "
        "REST APIs end a response after 30 s of silence.",
        "Send a heartbeat, such as the comment `: ping`, at least every 20 s.",
    ),
    Rule(
        "blocked-loop",
        WARNING,
        symptoms.blocked_loop,
        "The event loop was blocked for over a second, and nothing was sent in that time.",
        "The log shows the stack. Move the blocking call to a thread, or use an async library.",
    ),
    Rule(
        "old-protocol",
        WARNING,
        symptoms.old_protocol,
        "The response came over HTTP/1.0, which cannot tell a complete body from a broken one.",
        "Set proxy_http_version 1.1 in nginx, or the same setting of another proxy.",
    ),
    Rule(
        "cached",
        WARNING,
        symptoms.cached,
        "A cache has sent this response, not the function.",
        "Send Cache-Control: no-store, or turn off the cache for this path.",
    ),
    Rule(
        "length-known",
        NOTE,
        symptoms.length_known,
        "The response has a Content-Length: the whole body existed before its first byte was sent.",
        "To stream, return a streaming response of your framework.",
    ),
    Rule(
        "late",
        NOTE,
        symptoms.came_late,
        "The whole body came in one chunk, {at} after the request{suspects}.",
        "If the app sends it in parts, something between its generator and `send` buffers.",
    ),
    Rule(
        "whole",
        NOTE,
        symptoms.came_whole,
        "The whole body came at once, {at} after the request, so there was nothing to stream.",
        "To see a stream, request a path whose body takes time.",
    ),
    Rule(
        "bandwidth",
        NOTE,
        symptoms.slowed_down,
        "The body has {size} MiB. Lambda sends the first 6 MiB at full speed, the rest at 2 MiB/s.",
        "For large files, redirect to a presigned URL of S3.",
    ),
)
"""The table. The order is that in which findings of the same severity are shown."""
