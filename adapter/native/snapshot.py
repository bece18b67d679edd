"""The pause of an environment under SnapStart, in which Lambda takes a snapshot.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError
from ..invocation.loggers import get_logger
from ..invocation.snapshot_hooks import run_after_restore, run_before_snapshot
from ..invocation.tasks import unlisted

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..invocation.runner import LoopRunner
    from ..runtime_api.client import RuntimeClient

logger = get_logger("adapter.runtime")

EXIT_BEFORE, EXIT_AFTER = 64, 65


def pause(client: RuntimeClient, runner: LoopRunner, stop: asyncio.Event) -> int | None:
    """Run the hooks before and after the snapshot; return an exit status if a hook failed.

    If ``stop`` is set during the pause, the hooks after a restore do not run.
    """
    try:
        run_before_snapshot(runner)
        restored = runner.run(_is_restored(client, stop))
    except BaseException as error:
        _report(runner, client.init_error(error, "Runtime.BeforeSnapshotError"))
        logger.critical("No snapshot can be taken: %s", error, exc_info=error)
        return EXIT_BEFORE
    finally:
        client.close()  # a connection does not survive the snapshot
    try:
        if restored:
            run_after_restore(runner)
    except BaseException as error:
        _report(runner, client.restore_error(error, "Runtime.AfterRestoreError"))
        logger.critical("The environment cannot go on after its restore: %s", error, exc_info=error)
        client.close()
        return EXIT_AFTER
    return None


async def _is_restored(client: RuntimeClient, stop: asyncio.Event) -> bool:
    """Wait for the restore, or until ``stop`` is set; return whether it was the restore."""
    waiting = unlisted(asyncio.create_task(client.restore_next()))
    stopping = unlisted(asyncio.create_task(stop.wait()))
    done, pending = await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if waiting in done:
        waiting.result()
    return waiting in done


def _report(runner: LoopRunner, report: Coroutine[Any, Any, None]) -> None:
    try:
        runner.run(report)
    except (OSError, AdapterError) as failure:
        logger.critical("Reporting the error failed: %s", failure)
