"""Invocations that run in no environment: a test tells the record what happens to them."""

from __future__ import annotations

from typing import Any

from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.outcome import EndOfResponse, ResponseEnd


def untold(event: bytes = b"{}", **options: Any) -> LocalInvocation:
    """Return an invocation that has ended and has told no listener anything."""
    options.setdefault("request_id", "id-1")
    invocation = LocalInvocation(event, trace_id="", **options)
    invocation.finish(ResponseEnd(EndOfResponse.COMPLETE))
    return invocation
