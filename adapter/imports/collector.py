"""The garbage collector while the handler's module is imported.

An import makes many objects, which stay, and hardly any garbage. The collector would go through
these objects again and again: 3 % of the instructions of a cold start of FastAPI.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAUSED_THRESHOLD = 1_000_003
"""How many objects more make the collector run in a pause. A prime number: see `resumed`."""


@contextmanager
def pause(environ: Mapping[str, str]) -> Iterator[None]:
    """Pause the collector; afterwards it ignores the objects that exist by then (`gc.freeze`).

    Only the threshold is changed, so that a module finds the collector enabled, and may disable
    it. Nothing is done outside of Lambda, on managed instances, which start rarely and may fork,
    and in a process that has set up its collector.
    """
    before = gc.get_threshold()
    is_wanted = "AWS_LAMBDA_RUNTIME_API" in environ and "AWS_LAMBDA_MAX_CONCURRENCY" not in environ
    if not is_wanted or not gc.isenabled() or not before[0]:
        yield
        return
    gc.set_threshold(PAUSED_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        if gc.isenabled() and not gc.get_freeze_count():
            gc.freeze()
        gc.set_threshold(resumed(before[0]), *gc.get_threshold()[1:])


def resumed(before: int) -> int:
    """Return the first threshold as it was before the pause, or as the app has set it.

    An app may set a multiple of the threshold that it has read in the pause.
    """
    now = gc.get_threshold()[0]
    factor, rest = divmod(now, PAUSED_THRESHOLD)
    return now if rest else factor * before
