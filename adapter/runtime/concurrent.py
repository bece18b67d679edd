"""Workers of a concurrent environment: many in one process, on one event loop.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..environment import trace_id
from ..errors import AdapterError
from ..loggers import get_logger
from .client import RuntimeClient
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..types import StreamingHandler
    from .bridge import Bridge
    from .executor import Threads
    from .invocation import Invocation
    from .stream import RuntimeStream

logger = get_logger("adapter.runtime")

DELAYS = [min(0.1 * 2**attempt, 5.0) for attempt in range(20)]
"""Seconds between the tries of a worker that gets no event; after 77 of them it is lost."""

LINGER = 0.5
"""Seconds after its deadline in which an app may still come to its end by itself."""

Zombies = set["asyncio.Task[None]"]


class ConcurrentWorker(Worker):
    """Serves one invocation at a time, beside others, and lets nothing be their trouble.

    A refusal never ends the process. An app that outlives its deadline is left running, as one of
    the ``zombies``, and its worker takes the next event: nothing is frozen here, nor is anybody
    killed for being late. One that gets no event goes on asking while any other of its ``crew``
    does better: nobody would replace it.
    """

    def __init__(
        self,
        handler: StreamingHandler,
        address: str,
        bridge: Bridge,
        threads: Threads,
        zombies: Zombies,
        crew: Sequence[ConcurrentWorker],
    ) -> None:
        super().__init__(handler, RuntimeClient(address), bridge)
        self._address = address
        self._threads = threads
        self._zombies = zombies
        self._crew = crew
        self._lost = False  #: all its tries have failed, and the next one is not yet due

    async def _take(self) -> None:
        invocation = await self._next()
        self._idle = None
        trace_id.set(invocation.trace_id)
        serving = asyncio.create_task(self._serve(invocation))
        left = invocation.deadline_ms / 1000 - time.time()
        try:
            await asyncio.wait((serving,), timeout=max(left, 0) + LINGER)
        except asyncio.CancelledError:
            serving.cancel()
            await asyncio.wait((serving,))
            raise
        if not serving.done():
            self._leave(serving, invocation)

    async def _next(self) -> Invocation:
        delays = iter(DELAYS)
        while True:
            self._lost = False
            try:
                return await self._client.next()
            except (OSError, AdapterError) as error:
                delay = next(delays, None)
                self._lost = delay is None
                if all(worker._lost for worker in self._crew):
                    raise
                delay = delay or DELAYS[-1]
                logger.warning("No event could be had; next try in %.1f s: %s", delay, error)
            await asyncio.sleep(delay)

    async def _settle(self, stream: RuntimeStream) -> None:
        try:
            await super()._settle(stream)
        except AdapterError as error:
            logger.error("The outcome was refused: %s", error)

    def _leave(self, serving: asyncio.Task[None], invocation: Invocation) -> None:
        """Go on without the app, on a connection of one's own."""
        client, self._client = self._client, RuntimeClient(self._address)
        self._zombies.add(serving)
        self._threads.make_room(1)
        logger.error(
            "The app of %s has outlived its deadline and runs on; so do %d in all.",
            invocation.request_id,
            len(self._zombies),
        )

        def ended(task: asyncio.Task[None]) -> None:
            self._zombies.discard(task)
            self._threads.make_room(-1)
            client.close()

        serving.add_done_callback(ended)
