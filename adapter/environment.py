"""What lives as long as the execution environment does."""

from __future__ import annotations

import os
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import StreamingHandler

priming: ContextVar[bool] = ContextVar("priming", default=False)
"""Whether what runs is a first request of the runtime's own, of which no listener hears."""

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
"""The X-Ray trace header of the invocation, where one variable of the process cannot hold it."""


def xray_trace_id() -> str | None:
    """Return the X-Ray trace header of the invocation that this code runs for, if it has one.

    Under every runtime, and in the threads of an app too. ``_X_AMZN_TRACE_ID`` has the same, but
    not in a concurrent environment: a process has only one of it.
    """
    return trace_id.get() or os.environ.get("_X_AMZN_TRACE_ID")


_made: list[weakref.ref[StreamingHandler]] = []


def register(handler: StreamingHandler) -> None:
    """Remember ``handler`` for as long as anybody else does: some are made for a single call."""
    _made.append(weakref.ref(handler, _made.remove))


def handlers() -> list[StreamingHandler]:
    """Return all handlers of ours, in the order in which they were made.

    Which of them a wrapper stands around nobody knows, so they all start and end with it.
    """
    alive = [reference() for reference in _made]
    return [handler for handler in alive if handler is not None]
