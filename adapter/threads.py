"""The threads in which functions, sources and apps do what would block the event loop."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future, ThreadPoolExecutor

MAX_THREADS = 10_000
"""How many calls may run at once: more than a runtime ever asks for, those it gave up included."""

working: ContextVar[set[Future[Any]]] = ContextVar("working")
"""What the app of this invocation has given to the event loop's threads, and is not done."""


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads for what is called on behalf of the adapter itself.

    They are not the event loop's: a function that waits in the last one of those for a handler of
    ours, which needs one as well, would wait for ever.
    """
    from concurrent.futures import ThreadPoolExecutor  # what an ASGI app need not pay for

    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="handler")


def works_in_thread(task: asyncio.Task[Any]) -> bool:
    """Whether the invocation that ``task`` serves waits for a thread of its app.

    Cancelled now, it would end, and the thread would go on. To be called in a task, in the
    context of the invocation.
    """
    if working.get(()):
        return True
    to_thread = sys.modules.get("anyio.to_thread")  # whose threads are Starlette's; if it is used
    if to_thread is None:
        return False
    return task in to_thread.current_default_thread_limiter().statistics().borrowers
