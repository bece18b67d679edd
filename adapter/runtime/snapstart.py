"""SnapStart: an environment is started once, kept as a snapshot, and restored many times.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError
from ..loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .client import RuntimeClient
    from .native_bridge import NativeBridge

logger = get_logger("adapter.runtime")

Hook = tuple["Callable[..., object]", tuple[Any, ...], dict[str, Any]]

EXIT_BEFORE, EXIT_AFTER = 64, 65


def pause(client: RuntimeClient, bridge: NativeBridge, stop: asyncio.Event) -> int | None:
    """Run the hooks, with the snapshot between them; return an exit status if one failed.

    Hooks before the snapshot run in the reverse order of their registration, hooks after it in
    order; outside the event loop, so that they may run one of their own, as under AWS's runtime.
    If ``stop`` is set in the snapshot, it is left without hooks.
    """
    try:
        before = _hooks("get_before_snapshot")
        while before:
            _call(before.pop())
        restored = bridge.run(_is_restored(client, stop))
    except BaseException as error:
        logger.critical("No snapshot can be taken: %s", error, exc_info=error)
        _report(bridge, client.init_error(error, "Runtime.BeforeSnapshotError"))
        return EXIT_BEFORE
    finally:
        client.close()  # what is connected before a snapshot is not connected after it
    try:
        for hook in _hooks("get_after_restore") if restored else ():
            _call(hook)
    except BaseException as error:
        logger.critical("The environment cannot go on after its restore: %s", error, exc_info=error)
        _report(bridge, client.restore_error(error, "Runtime.AfterRestoreError"))
        client.close()
        return EXIT_AFTER
    return None


async def _is_restored(client: RuntimeClient, stop: asyncio.Event) -> bool:
    """Wait for the restore, or until ``stop`` is set; return whether it has come."""
    waiting = asyncio.create_task(client.restore_next())
    stopping = asyncio.create_task(stop.wait())
    done, pending = await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if waiting in done:
        waiting.result()
    return waiting in done


def _hooks(getter: str) -> list[Hook]:
    """Return AWS's own list of hooks. Who has not imported its library has none."""
    library = sys.modules.get("snapshot_restore_py")
    hooks: list[Hook] = getattr(library, getter)() if library is not None else []
    return hooks


def _call(hook: Hook) -> None:
    function, arguments, keywords = hook
    function(*arguments, **keywords)


def _report(bridge: NativeBridge, report: Coroutine[Any, Any, None]) -> None:
    try:
        bridge.run(report)
    except (OSError, AdapterError) as failure:
        logger.critical("That could not be reported either: %s", failure)
