"""The option `async_init`: a startup may continue after init, and the first invocation waits.

On demand, Lambda gives init 10 seconds, and repeats an init that takes longer. An invocation may
take as long as the function's timeout.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ..errors import DeadlineExceeded
from ..invocation.deadline import seconds_until_deadline
from ..invocation.loggers import get_logger
from ..invocation.tasks import unlisted
from ..options import deadline_margin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..streams.response_stream import ResponseStream
    from ..streams.streaming_handler import StreamingHandler
    from ..types import JSON, Context

logger = get_logger("adapter.runtime")


class AsyncInitHandler:
    """A handler whose startup may still run when the runtime asks for the first event.

    Args:
        handler: the handler.
        seconds: how long init waits for the startup.
        give_up: called if the startup fails after that, because the environment has to end.
    """

    def __init__(
        self, handler: StreamingHandler, seconds: float, give_up: Callable[[], None]
    ) -> None:
        self._handler = handler
        self._seconds = seconds
        self._give_up = give_up
        self._startup_task: asyncio.Task[bool] | None = None

    async def startup(self) -> bool:
        """Start the handler; return after ``seconds`` at most.

        Raises:
            Exception: the startup failed within that time.
        """
        self._startup_task = unlisted(asyncio.ensure_future(self._handler.startup()))
        try:
            await asyncio.wait((self._startup_task,), timeout=self._seconds)
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if self._startup_task.done():
            starting, self._startup_task = self._startup_task, None
            return starting.result()
        logger.warning(
            "The app's startup has taken %g s and continues: the first invocation waits for it",
            self._seconds,
        )
        return True

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Wait for the startup, and respond as the handler does.

        Raises:
            DeadlineExceeded: the startup still runs. It continues with the next invocation; Lambda
                would end the process at the timeout, and the startup would begin again.
            Exception: the startup failed; the environment ends with this invocation.
        """
        if self._startup_task is not None:
            seconds = seconds_until_deadline(context, deadline_margin(os.environ))
            await asyncio.wait((self._startup_task,), timeout=seconds)
            if not self._startup_task.done():
                raise DeadlineExceeded(
                    "The startup of the app was still running at the deadline. It continues with"
                    " the next invocation."
                )
            try:
                self._startup_task.result()
            except Exception:
                self._give_up()
                raise
            self._startup_task = None
        return await self._handler.respond(event, context, stream)

    async def shutdown(self) -> None:
        """Stop the handler; cancel its startup if that still runs."""
        await self._cancel()
        await self._handler.shutdown()

    async def _cancel(self) -> None:
        if self._startup_task is not None:
            self._startup_task.cancel()
            await asyncio.wait((self._startup_task,))


def is_on_demand(environ: Mapping[str, str]) -> bool:
    """Whether init is limited to the 10 seconds of an on-demand environment.

    A snapshot needs a finished startup. With provisioned concurrency and on managed instances,
    init has minutes, and Lambda sends invocations to an environment as soon as its init is over.
    """
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"
