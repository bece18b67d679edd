"""Hooks around a SnapStart snapshot, for code that uses the event loop of the app.

    from adapter import after_restore, before_snapshot

    @before_snapshot
    async def close_pool() -> None: ...

    @after_restore
    async def open_pool() -> None: ...

The hooks run under both runtimes, on the app's event loop. Those before the snapshot run after the
startup of the lifespan. Those after the restore run in each restored environment, before its first
invocation. The hooks of AWS's ``snapshot_restore_py`` run too.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .invocation.registry import get_host
from .invocation.runner import current_runner
from .invocation.tasks import list_current_task

if TYPE_CHECKING:
    from .invocation.runner import LoopRunner

Hook = Callable[[], Any]
H = TypeVar("H", bound=Hook)

_before: list[Hook] = []
_after: list[Hook] = []


def before_snapshot(hook: H) -> H:
    """Call ``hook``, plain or ``async``, before the snapshot; hooks run in reverse order.

    An exception fails the init of the function version.
    """
    get_host()  # patches awslambdaric, so that it calls the hooks of this module
    _before.append(hook)
    return hook


def after_restore(hook: H) -> H:
    """Call ``hook``, plain or ``async``, after each restore, in the order of addition.

    An exception ends the environment.
    """
    get_host()
    _after.append(hook)
    return hook


def run_before_snapshot(runner: LoopRunner) -> None:
    """Call the hooks of this module before a snapshot, and then those of AWS's library."""
    while _before:  # a hook may add another
        runner.run(call_hook(_before.pop()))
    library = _library_hooks("get_before_snapshot")
    while library:
        function, arguments, keywords = library.pop()
        runner.run(call_hook(function, *arguments, **keywords))


def run_after_restore(runner: LoopRunner) -> None:
    """Call the hooks of AWS's library after a restore, and then those of this module."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()  # otherwise all restored environments have the same random numbers
    for function, arguments, keywords in _library_hooks("get_after_restore"):
        runner.run(call_hook(function, *arguments, **keywords))
    for hook in _after:
        runner.run(call_hook(hook))


async def call_hook(hook: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call a hook: on the event loop if it is ``async``, otherwise while the loop is paused."""
    list_current_task()
    if inspect.iscoroutinefunction(hook):
        await hook(*args, **kwargs)
        return
    runner = current_runner()
    assert runner is not None
    result = await runner.call_outside_loop(partial(hook, *args, **kwargs))
    if inspect.isawaitable(result):
        await result


def _library_hooks(
    getter: str,
) -> list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Return the hooks of AWS's library; an empty list if the library has not been imported."""
    library = sys.modules.get("snapshot_restore_py")
    return [] if library is None else getattr(library, getter)()
