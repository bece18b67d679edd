"""The invocation that the running code serves: one record, in one context variable."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..observe.summary import Meter


class Current:
    """The record of an invocation, for all code that serves it.

    A runtime creates a record for each event and sets `current`; tasks, and threads that run in a
    copy of the context, see the same record. Outside a runtime, the handler creates a record for
    each call.
    """

    def __init__(
        self, request_id: str = "", *, tenant_id: str | None = None, trace_id: str = ""
    ) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id  #: if the function isolates its tenants
        self.trace_id = trace_id  #: the X-Ray trace header
        self.meter: Meter | None = None  #: measures the invocation, if a listener wants a summary
        self.unfinished: set[object] = set()  #: work in threads that has not returned yet
        self.cancelled = False  #: the task that serves the invocation is cancelled from outside


current: ContextVar[Current] = ContextVar("current")
"""The record of the invocation; not set in code outside an invocation, as in a lifespan."""

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
    """Return the X-Ray trace header of the current invocation, if there is one.

    Works under every runtime, and in the threads of an app. The variable ``_X_AMZN_TRACE_ID`` has
    the same value, but not in a concurrent environment, where one process has many invocations.
    """
    return current_or_fallback().trace_id or os.environ.get("_X_AMZN_TRACE_ID")
