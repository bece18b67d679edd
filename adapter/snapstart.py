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

from typing import TypeVar

from .invocation import snapshot_hooks as hooks
from .sync import get_bridge

H = TypeVar("H", bound=hooks.Hook)


def before_snapshot(hook: H) -> H:
    """Call ``hook``, plain or ``async``, before the snapshot; hooks run in reverse order.

    An exception fails the init of the function version.
    """
    get_bridge()  # patches awslambdaric, so that it calls the hooks of this module
    hooks.before.append(hook)
    return hook


def after_restore(hook: H) -> H:
    """Call ``hook``, plain or ``async``, after each restore, in the order of addition.

    An exception ends the environment.
    """
    get_bridge()
    hooks.after.append(hook)
    return hook
