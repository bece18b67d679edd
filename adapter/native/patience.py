"""A startup that goes on after init: the first invocation waits for the rest of it.

Lambda gives init 10 seconds on demand, and starts over if init takes longer; an invocation may take
as long as the function's timeout.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..streams.response_stream import ResponseStream
    from ..streams.streaming_handler import StreamingHandler
    from ..types import JSON, Context

logger = get_logger("adapter.runtime")


class Patient:
    """A handler whose startup may go on when the first event is asked for.

    Args:
        handler: the handler.
        seconds: how long init waits for its startup.
        give_up: called when the startup has failed after that: the environment has to end.
    """

    def __init__(
        self, handler: StreamingHandler, seconds: float, give_up: Callable[[], None]
    ) -> None:
        self._handler = handler
        self._seconds = seconds
        self._give_up = give_up
        self._starting: asyncio.Task[bool] | None = None

    async def startup(self) -> bool:
        """Start the handler; return after ``seconds`` at the latest.

        Raises:
            Exception: the startup failed within that time.
        """
        self._starting = asyncio.ensure_future(self._handler.startup())
        try:
            await asyncio.wait((self._starting,), timeout=self._seconds)
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if self._starting.done():
            starting, self._starting = self._starting, None
            return starting.result()
        logger.warning(
            "The app's startup has taken %g s and goes on: the first invocation waits for it",
            self._seconds,
        )
        return True

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Respond as the handler does, once its startup is over.

        Raises:
            Exception: the startup failed; the environment ends with this invocation.
        """
        if self._starting is not None:
            try:
                await asyncio.shield(self._starting)
            except Exception:
                self._give_up()
                raise
            self._starting = None
        return await self._handler.respond(event, context, stream)

    async def shutdown(self) -> None:
        """Stop the handler, in the middle of its startup if need be."""
        await self._cancel()
        await self._handler.shutdown()

    async def _cancel(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait((self._starting,))


def is_on_demand(environ: Mapping[str, str]) -> bool:
    """Whether init has the 10 seconds of an on-demand environment.

    Before a snapshot, the startup has to be over; with provisioned concurrency and on managed
    instances init has minutes, and an environment that says it is ready should be.
    """
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"
