"""Tells what blocks the event loop: for `adapter dev`, and off everywhere else."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from contextvars import copy_context
from typing import TYPE_CHECKING

from ..loggers import get_logger

if TYPE_CHECKING:
    from contextvars import Context as Variables
    from types import FrameType

    from ..stream import ResponseStream
    from ..types import JSON, Context, StreamingHandler

logger = get_logger("adapter.runtime")

TICK = 0.1  # seconds
TICKS = 10  # without a beat, and the loop is blocked


class Watched:
    """A handler whose event loop is watched while it serves an invocation.

    A thread wakes up every `TICK` and looks whether the loop has turned since. It counts its own
    wake-ups and asks no clock: in a frozen environment it does not wake up either, so a freeze is
    no block.
    """

    def __init__(self, handler: StreamingHandler) -> None:
        self._handler = handler
        self._running: list[Variables] = []
        self._beats = 0
        self._armed = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    async def startup(self) -> bool:
        """Start the handler."""
        return await self._handler.startup()

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Have the handler serve one invocation, and the loop watched meanwhile."""
        variables = copy_context()
        self._running.append(variables)
        self._beat()
        if self._thread is None:
            thread = threading.get_ident()
            self._thread = threading.Thread(target=self._watch, args=(thread,), daemon=True)
            self._thread.start()
        self._armed.set()
        try:
            return await self._handler.respond(event, context, stream)
        finally:
            self._running.remove(variables)
            if not self._running:
                self._armed.clear()

    async def shutdown(self) -> None:
        """End the handler."""
        await self._handler.shutdown()

    def _beat(self) -> None:
        """Show that the loop turns, for as long as anything runs on it."""
        self._beats += 1
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._running:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._beat)

    def _watch(self, watched: int) -> None:
        seen, missed = 0, 0
        while True:
            self._armed.wait()
            time.sleep(TICK)
            if self._beats != seen or not self._armed.is_set():
                seen, missed = self._beats, 0
                continue
            missed += 1
            frame = sys._current_frames().get(watched)
            if missed == TICKS and frame is not None:
                self._report(frame)

    def _report(self, frame: FrameType) -> None:
        # Of many invocations nobody knows which one it is.
        running = self._running.copy()
        variables = running[0].copy() if len(running) == 1 else copy_context()
        variables.run(
            logger.warning,
            "The event loop has been blocked for over a second, and nothing else is served"
            " meanwhile. It is in:\n%s",
            stack(frame),
        )


def stack(frame: FrameType) -> str:
    """Return the stack as Python prints it, from where the event loop called into it."""
    frames = list(traceback.walk_stack(frame))
    inner = [number for number, (f, _) in enumerate(frames) if f.f_code.co_name == "_run"]
    cut = next((n for n in inner if frames[n][0].f_globals.get("__name__") == "asyncio.events"), -1)
    summary = traceback.StackSummary.extract(iter(frames[: cut if cut > 0 else None]))
    summary.reverse()
    return "".join(summary.format()).rstrip()
