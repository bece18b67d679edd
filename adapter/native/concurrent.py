"""The workers of a concurrent environment: several in one process, on one event loop.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..errors import AdapterError
from ..invocation.loggers import get_logger
from ..invocation.tasks import list_current_task, unlisted
from ..runtime_api.client import RuntimeClient
from ..runtime_api.delivery import Delivery
from ..runtime_api.served_invocation import ServedInvocation
from .worker import Worker, is_after_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..runtime_api.invocation import Invocation
    from ..streams.streaming_handler import StreamingHandler
    from ..sync.bridge import Bridge
    from .thread_pools import Threads

logger = get_logger("adapter.runtime")

DELAYS_SECONDS = [min(0.1 * 2**attempt, 5.0) for attempt in range(20)]
"""The delays between the retries of a failed ``next``.

After 76 seconds the worker counts as lost; it still retries while another worker gets events.
"""

OVERDUE_GRACE_SECONDS = 0.5
"""The time after its deadline in which an app may end by itself."""

Overdue = set["asyncio.Task[None]"]


class ConcurrentWorker(Worker):
    """Serves one invocation at a time. Its failures do not affect the other workers.

    A refusal never ends the process. Lambda does not freeze a managed instance or kill its
    processes at a timeout. So the task of an app that still runs after its deadline is added to
    ``overdue``, and its worker takes the next event. A worker whose ``next`` fails retries while
    another one of ``workers`` gets events, because Lambda would not replace the worker.
    """

    def __init__(
        self,
        handler: StreamingHandler,
        address: str,
        bridge: Bridge,
        threads: Threads,
        overdue: Overdue,
        workers: Sequence[ConcurrentWorker],
    ) -> None:
        super().__init__(handler, RuntimeClient(address), bridge)
        self._address = address
        self._threads = threads
        self._overdue = overdue
        self._workers = workers
        self._idle: asyncio.Task[None] | None = None  #: waits for an event
        self._lost = False  #: all retries have failed, and the next one is not due yet

    async def run(self) -> None:
        """Serve until stopped, each invocation in a new task with new context variables.

        Raises:
            RuntimeApiError: no worker gets events any more.
            OSError: the Runtime API cannot be reached.
        """
        while not self._stopping:
            self._idle = unlisted(asyncio.create_task(self._serve_next()))
            await self._idle

    def stop(self) -> None:
        """Take no more events. The current invocation is finished."""
        self._stopping = True
        if self._idle is not None:
            self._idle.cancel()

    async def _serve_next(self) -> None:
        invocation = await self._next()
        self._idle = None
        served = ServedInvocation(Delivery(self._client, invocation))
        serving = unlisted(asyncio.create_task(self._serve_until_reply(served)))
        left = invocation.deadline_ms / 1000 - time.time()
        try:
            await asyncio.wait((serving,), timeout=max(left, 0) + OVERDUE_GRACE_SECONDS)
        except asyncio.CancelledError:
            served.cancel(serving)
            await asyncio.wait((serving,))
            raise
        if not serving.done():
            self._abandon(serving, invocation)

    async def _serve_until_reply(self, served: ServedInvocation) -> None:
        list_current_task()
        try:
            await self._serve(served)
        except BaseException as error:
            if not is_after_outcome(error, served.delivery):
                raise
        try:
            await served.delivery.wait_for_reply(served)
        except AdapterError as error:
            logger.error("The outcome of an invocation was not delivered: %s", error)

    async def _next(self) -> Invocation:
        delays = iter(DELAYS_SECONDS)
        while True:
            self._lost = False
            try:
                return await self._client.next()
            except (OSError, AdapterError) as error:
                delay = next(delays, None)
                self._lost = delay is None
                if all(worker._lost for worker in self._workers):
                    raise
                delay = delay or DELAYS_SECONDS[-1]
                logger.warning("GET next failed; retrying in %.1f s: %s", delay, error)
            await asyncio.sleep(delay)

    def _abandon(self, serving: asyncio.Task[None], invocation: Invocation) -> None:
        """Let the app run on its connection, and serve the next invocation on a new connection."""
        client, self._client = self._client, RuntimeClient(self._address)
        self._overdue.add(serving)
        self._threads.make_room(1)
        logger.error(
            "Invocation %s is still running after its deadline. Such invocations: %d",
            invocation.request_id,
            len(self._overdue),
        )

        def ended(task: asyncio.Task[None]) -> None:
            self._overdue.discard(task)
            self._threads.make_room(-1)
            client.close()

        serving.add_done_callback(ended)
