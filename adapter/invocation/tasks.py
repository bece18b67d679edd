"""Tasks that `asyncio.all_tasks` does not list, so that an app does not cancel them.

An app may cancel all tasks and wait for their end, for example to clean up. The tasks of a runtime
would end too, and the environment with them.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T", bound="asyncio.Future[Any]")


def unlisted(task: T) -> T:
    """Remove ``task`` from `asyncio.all_tasks`, and return the task."""
    asyncio._unregister_task(task)  # type: ignore[arg-type]
    return task


def list_current_task() -> None:
    """Add the current task to `asyncio.all_tasks` again.

    A task that is cancelled before its first step never runs. So a task that serves an invocation,
    unless it starts at once, begins unlisted, and is listed when it can report its cancellation.
    """
    task = asyncio.current_task()
    assert task is not None
    asyncio._register_task(task)
