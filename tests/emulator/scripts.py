"""Scripts for `raw_runtime`."""

from __future__ import annotations


def for_each_event(*lines: str) -> str:
    """Return a script that runs ``lines`` for each invocation."""
    body = "\n    ".join(lines)
    return f"""
import json
NULS = chr(0) * 8
c = Client()
while True:
    request_id, event = c.next()
    {body}
    c.reply()
"""


ECHO = """
c = Client()
while True:
    request_id, event = c.next()
    assert c.call("POST", f"{API}/invocation/{request_id}/response", body=event)[0] == 202
"""
"""Responds with the event, buffered."""

STREAMED_ECHO = for_each_event(
    "c.stream(request_id)",
    """c.chunk('{"headers":{"content-type":"application/json"}}' + NULS)""",
    "c.chunk(event)",
    "c.end()",
)
"""Responds with the event, behind a prelude."""
