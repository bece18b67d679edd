"""Pauses the garbage collector while the runtime and the handler's module are imported.

An import creates many objects that stay, and nearly no garbage. The collector would visit these
objects repeatedly, which is 3 % of the instructions of a cold start of FastAPI, and more without a
framework.
"""

from __future__ import annotations

import gc
import os

TYPE_CHECKING = False  # not from `typing`, which is imported in the pause
if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec

PAUSED_THRESHOLD = 1_000_003
"""The collector's threshold in the pause, in objects. A prime number: see `threshold_after`."""


class pause:
    """A context in which the collector is paused.

    At its end, the objects that exist are frozen (`gc.freeze`), so that the collector ignores them,
    unless a module has disabled the collector or frozen objects itself. Only the threshold is
    changed, so that a module sees an enabled collector, and may disable the collector. There is no
    pause outside Lambda, on managed instances, which start rarely and may fork, and in a process
    that has disabled its collector.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        on_demand = "AWS_LAMBDA_MAX_CONCURRENCY" not in environ
        self._is_wanted = "AWS_LAMBDA_RUNTIME_API" in environ and on_demand
        self._threshold = 0  #: before the pause; 0 without a pause
        self._frozen = 0

    def __enter__(self) -> None:
        threshold, *others = gc.get_threshold()
        self._threshold = threshold if self._is_wanted and gc.isenabled() else 0
        if self._threshold:
            self._frozen = gc.get_freeze_count()
            gc.set_threshold(PAUSED_THRESHOLD, *others)

    def __exit__(self, *error: object) -> None:
        if not self._threshold:
            return
        # Without a freeze by the app, the count can only fall, when frozen objects are freed.
        if gc.isenabled() and gc.get_freeze_count() <= self._frozen:
            gc.freeze()
        gc.set_threshold(threshold_after(self._threshold), *gc.get_threshold()[1:])


def pause_during_import(spec: ModuleSpec) -> None:
    """Pause the collector while the module of ``spec`` is executed.

    AWS's runtime imports the handler's module itself. The loader stays, because apps look at it.
    """
    from contextlib import ContextDecorator  # lazy: cold start

    class PausedCalls(pause, ContextDecorator):
        """Pauses the collector in calls of a function, without a frame of this module.

        With such a frame, each traceback of the app's import would show a line of this module.
        """

    loader = spec.loader
    if loader is not None:
        loader.exec_module = PausedCalls(os.environ)(loader.exec_module)  # type: ignore[method-assign]


def threshold_after(before: int) -> int:
    """Return the threshold of generation 0 after the pause; ``before`` is the one before the pause.

    A value that an app has set during the pause is kept. A multiple of `PAUSED_THRESHOLD` means
    that the app has multiplied the value that it read, so ``before`` is multiplied.
    """
    now = gc.get_threshold()[0]
    factor, rest = divmod(now, PAUSED_THRESHOLD)
    return now if rest else factor * before
