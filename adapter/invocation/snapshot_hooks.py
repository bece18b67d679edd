"""The hooks around a SnapStart snapshot, and how a runtime calls them.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .runner import current_runner
from .tasks import list_current_task

if TYPE_CHECKING:
    from .runner import LoopRunner

Hook = Callable[[], Any]

before: list[Hook] = []  #: called in reverse order
after: list[Hook] = []  #: called in the order of addition


def run_before_snapshot(runner: LoopRunner) -> None:
    """Call the hooks of this module before a snapshot, and then those of AWS's library."""
    while before:  # a hook may add another
        runner.run(call_hook(before.pop()))
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
    for hook in after:
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
