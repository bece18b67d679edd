"""The invocation that the running code serves: one record, in one context variable."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from contextvars import ContextVar
from typing import Self


class Current:
    """The record of an invocation, for all code that serves it.

    A runtime creates a record for each event and sets `current`; tasks, and threads that run in a
    copy of the context variables, see the same record. Outside a runtime, the handler creates a
    record for each call.
    """

    def __init__(
        self, request_id: str = "", *, tenant_id: str | None = None, trace_id: str = ""
    ) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id  #: if the function isolates its tenants
        self.trace_id = trace_id  #: the X-Ray trace header
        self.unfinished: set[object] = set()  #: work in threads that has not returned yet
        self.cancelled = False  #: the task that serves the invocation is cancelled from outside
        self.is_first: bool | None = None  #: in its environment; None outside a runtime

    def for_nested_call(self) -> Self:
        """Return a record for a call inside the invocation, which can be cancelled separately."""
        record = object.__new__(type(self))
        vars(record).update(vars(self), cancelled=False)
        return record


async def drop_pending_app_cancellation(record: Current) -> None:
    """Drop a pending cancellation that the app has requested.

    The app runs in the task that serves the invocation. Code of the app may cancel this task when
    the app returns or has returned: for example a task that waits for ``http.disconnect``. The next
    ``await`` of the adapter would raise that cancellation, or the task would end as cancelled.
    """
    # Before Python 3.13, `uncancel` does not remove a pending cancellation.
    if getattr(asyncio.current_task(), "_must_cancel", False) and not record.cancelled:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)


def drop_caught_app_cancellation(record: Current | None) -> bool:
    """Drop a cancellation by the app, which the task that serves an invocation has just caught.

    Return False, and drop nothing, if the task was cancelled from outside, or if there is no record
    because the task has not run the app.
    """
    if record is None or record.cancelled:
        return False
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()
    return True


current: ContextVar[Current] = ContextVar("current")
"""The record of the invocation; not set in code outside an invocation, as in a lifespan."""


class Fallback:
    """The latest record, for threads without context variables; not in a concurrent environment.

    It is the attribute of an object. An assignment to a class would empty Python's caches of the
    class and of its subclasses at each invocation.
    """

    def __init__(self) -> None:
        self.record = Current()


fallback = Fallback()


def current_or_fallback() -> Current:
    """Return the record of the invocation; in a thread without context variables, the latest one.

    Outside any invocation, and in the threads of a concurrent environment, the record is empty.
    """
    return current.get(fallback.record)


def xray_trace_id() -> str | None:
    """Return the X-Ray trace header of the current invocation, if there is one.

    Works under every runtime, and in the threads of an app. The variable ``_X_AMZN_TRACE_ID`` has
    the same value, but not in a concurrent environment, where one process has many invocations.
    """
    return current_or_fallback().trace_id or os.environ.get("_X_AMZN_TRACE_ID")
