"""The invocation that the running code belongs to: one record, in one context variable."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summary import Meter


class Current:
    """What is known of an invocation wherever code runs for it.

    A runtime makes one for each event and sets `current`; tasks, and threads that run in a copy of
    the context, see the same record. Outside a runtime, the handler makes one for each call.
    """

    def __init__(
        self, request_id: str = "", *, tenant_id: str | None = None, trace_id: str = ""
    ) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id  #: where the function isolates its tenants
        self.trace_id = trace_id  #: the X-Ray trace header
        self.meter: Meter | None = None  #: measures the invocation, if a listener wants a summary
        self.unfinished: set[object] = set()  #: work in threads that the app has not got back yet
        self.cancelled = False  #: the task that serves the invocation is cancelled from outside


current: ContextVar[Current] = ContextVar("current")
"""The record of the invocation; not set in code that serves none, as a lifespan is."""

_fallback = Current()


def set_fallback(record: Current) -> None:
    """Set the record for threads without a context. Not for a concurrent environment."""
    global _fallback
    _fallback = record


def current_or_fallback() -> Current:
    """Return the record of the invocation; in a thread without a context, of the latest one.

    Outside any invocation, and in the threads of a concurrent environment, the record is empty.
    """
    return current.get(_fallback)


def xray_trace_id() -> str | None:
    """Return the X-Ray trace header of the invocation that this code runs for, if it has one.

    Under every runtime, and in the threads of an app too. ``_X_AMZN_TRACE_ID`` has the same, but
    not in a concurrent environment: a process has only one of it.
    """
    return current_or_fallback().trace_id or os.environ.get("_X_AMZN_TRACE_ID")
