"""The option `watchdog`: logs the code that blocks the event loop. `adapter dev` turns it on."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from contextvars import copy_context
from typing import TYPE_CHECKING

from ..invocation.loggers import get_logger
from ..invocation.runner import LoopRunner, current_runner

if TYPE_CHECKING:
    from contextvars import Context as Variables
    from types import FrameType

    from ..streams.response_stream import ResponseStream
    from ..streams.streaming_handler import StreamingHandler
    from ..types import JSON, Context

logger = get_logger("adapter.runtime")

TICK_SECONDS = 0.1
MAX_MISSED_TICKS = 10
"""The number of ticks without a turn of the event loop after which a report is logged."""


class WatchedHandler:
    """A handler whose event loop is watched while it serves an invocation.

    A thread wakes up every `TICK_SECONDS` and checks whether the loop has run since then. The
    thread counts its wake-ups and reads no clock: it does not wake up in a frozen environment, so a
    freeze is not reported as a block.
    """

    def __init__(self, handler: StreamingHandler) -> None:
        self._handler = handler
        self._running: list[Variables] = []
        self._turns = 0
        self._runner: LoopRunner | None = None
        self._has_invocations = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    async def startup(self) -> bool:
        """Start the handler."""
        return await self._handler.startup()

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Serve one invocation with the handler, and watch the loop during it."""
        variables = copy_context()
        self._running.append(variables)
        self._count_turn()
        self._runner = current_runner()
        if self._thread is None:
            thread = threading.get_ident()
            self._thread = threading.Thread(target=self._watch, args=(thread,), daemon=True)
            self._thread.start()
        self._has_invocations.set()
        try:
            return await self._handler.respond(event, context, stream)
        finally:
            # By identity: `list.remove` would compare the values of the app's variables.
            self._running = [each for each in self._running if each is not variables]
            if not self._running:
                self._has_invocations.clear()

    async def shutdown(self) -> None:
        """End the handler."""
        await self._handler.shutdown()

    def _count_turn(self) -> None:
        """Count a turn of the loop, every `TICK_SECONDS` during an invocation."""
        self._turns += 1
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._running:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._count_turn)

    def _watch(self, watched: int) -> None:
        seen, missed = 0, 0
        while True:
            self._has_invocations.wait()
            time.sleep(TICK_SECONDS)
            # The loop is paused while a synchronous function runs. That may take long.
            paused = self._runner is not None and self._runner.paused
            if self._turns != seen or paused or not self._has_invocations.is_set():
                seen, missed = self._turns, 0
                continue
            missed += 1
            frame = sys._current_frames().get(watched)
            if missed == MAX_MISSED_TICKS and frame is not None:
                self._report(frame)

    def _report(self, frame: FrameType) -> None:
        # With several invocations, it is not known which of them blocks.
        running = self._running.copy()
        variables = running[0].copy() if len(running) == 1 else copy_context()
        variables.run(
            logger.warning,
            "The event loop has been blocked for over a second; no other request is served"
            " until it runs again. The code that blocks it:\n%s",
            stack(frame),
        )


def stack(frame: FrameType) -> str:
    """Return the stack as Python prints it, from the call by the event loop on."""
    frames = list(traceback.walk_stack(frame))
    inner = [number for number, (f, _) in enumerate(frames) if f.f_code.co_name == "_run"]
    cut = next((n for n in inner if frames[n][0].f_globals.get("__name__") == "asyncio.events"), -1)
    summary = traceback.StackSummary.extract(iter(frames[: cut if cut > 0 else None]))
    summary.reverse()
    return "".join(summary.format()).rstrip()
