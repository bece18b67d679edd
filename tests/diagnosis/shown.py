"""For each symptom a response that has it."""

from __future__ import annotations

from dataclasses import replace

from adapter.diagnosis.observation import Chunk, Observation

OVER_TIME = [Chunk(0.5 * number, 10) for number in range(6)]
AT_ONCE = [Chunk(2.5, 60)]
GOOD = Observation(
    expected_to_stream=True,
    duration=2.6,
    received=OVER_TIME,
    written=OVER_TIME,
    head_at=0.01,
    status=200,
    headers=[("content-type", "text/event-stream")],
    protocol="HTTP/1.1",
)
REMOTE = replace(GOOD, written=())

SHOWN = {
    "failed": replace(GOOD, error="Boom: no luck"),
    "status": replace(GOOD, status=404),
    "app-raised": replace(
        GOOD,
        status=500,
        log=[
            "[ERROR] The app failed: GET /sse\nTraceback (most recent call last):\nKeyError: 'id'"
        ],
    ),
    "server-error": replace(GOOD, status=500),
    "redirect": replace(GOOD, status=307, headers=[("location", "/sse/")]),
    "broken": replace(GOOD, broken="the connection was closed"),
    "json-in-body": replace(GOOD, body_start=b'{"statusCode": 200, "body": "x"}'),
    "prelude-in-body": replace(GOOD, body_start=b'{"statusCode":200}' + bytes(8) + b"x"),
    "buffering-source": replace(GOOD, received=AT_ONCE, buffering="The URL"),
    "held-by-app": replace(GOOD, received=AT_ONCE, written=AT_ONCE),
    "held-on-the-way": replace(GOOD, received=AT_ONCE),
    "held": replace(REMOTE, received=AT_ONCE),
    "hung": replace(GOOD, received=(), written=()),
    "sync-iterator": replace(GOOD, log=["Warning: must consume synchronous iterators in order"]),
    "async-iterator": replace(GOOD, log=["Warning: must consume asynchronous iterators in order"]),
    "template": replace(GOOD, templates=["template.yaml: Function has no InvokeMode"]),
    "large-head": replace(GOOD, head_bytes=16_001),
    "delayed": replace(GOOD, received=[Chunk(at + 0.5, size) for at, size in OVER_TIME]),
    "compressed": replace(GOOD, headers=[("content-encoding", "gzip")]),
    "silence": replace(GOOD, duration=40),
    "blocked-loop": replace(GOOD, log=["The event loop has been blocked for over a second"]),
    "old-protocol": replace(GOOD, protocol="HTTP/1.0"),
    "cached": replace(GOOD, headers=[("X-Cache", "Hit from cloudfront")]),
    "length-known": replace(REMOTE, received=AT_ONCE, headers=[("content-length", "60")]),
    "late": replace(GOOD, expected_to_stream=False, headers=(), received=AT_ONCE, written=AT_ONCE),
    "whole": replace(REMOTE, received=[Chunk(0.1, 60)]),
    "bandwidth": replace(GOOD, received=[Chunk(at, 2 * 1024**2) for at, _ in OVER_TIME]),
}
