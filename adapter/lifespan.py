"""The ASGI lifespan protocol: startup once per environment, shutdown at its end.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from .errors import LifespanFailed
from .scope import ASGI

if TYPE_CHECKING:
    from .types import ASGIApp, Message

logger = logging.getLogger("adapter.lifespan")


class Lifespan(Protocol):
    """What a handler does with the lifespan of its app."""

    state: dict[str, Any] | None
    """What startup left for the requests; None if the app has no lifespan."""

    async def startup(self) -> None:
        """Start the app.

        Raises:
            LifespanFailed: it did not.
        """
        ...

    async def shutdown(self) -> None:
        """Stop the app. Failures are logged; there is nobody left to raise them to."""
        ...


def lifespan(app: ASGIApp, mode: str) -> Lifespan:
    """Return the lifespan for ``mode``: ``auto``, ``on`` or ``off``, as in uvicorn and Mangum."""
    return LifespanOff() if mode == "off" else LifespanOn(app, required=mode == "on")


class LifespanOff:
    """No lifespan."""

    state: dict[str, Any] | None = None

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""


class LifespanOn:
    """Runs the app's lifespan in a task of its own, for as long as the environment lives.

    An app that raises before it has answered ``startup`` does not support the protocol: that is
    an error if it is ``required``, and the end of it otherwise.
    """

    def __init__(self, app: ASGIApp, *, required: bool) -> None:
        self.state: dict[str, Any] | None = {}
        self._app = app
        self._required = required
        self._task: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()

    async def startup(self) -> None:
        """Start the app and wait for its answer."""
        scope = {"type": "lifespan", "asgi": ASGI.copy(), "state": self.state}
        self._task = asyncio.create_task(
            self._app(scope, self._inbox.get, self._answers.put)  # type: ignore[arg-type]
        )
        answer = await self._ask("lifespan.startup")
        if answer is None:
            self._unsupported(self._task)
        elif answer["type"] == "lifespan.startup.failed":
            raise LifespanFailed(
                f"The app's startup failed: {answer.get('message', '')}".rstrip(": ")
            )

    async def shutdown(self) -> None:
        """Stop the app and wait for its answer."""
        if self._task is None or self._task.done():
            return
        answer = await self._ask("lifespan.shutdown")
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            logger.error("The app's shutdown failed: %s", answer.get("message", ""))
        elif answer is None and (error := self._task.exception()) is not None:
            logger.error("The app's shutdown failed.", exc_info=error)

    async def _ask(self, question: str) -> Message | None:
        """Send ``question`` and return the app's answer; None if it ended without one."""
        assert self._task is not None
        await self._inbox.put({"type": question})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait((self._task, answer), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None

    def _unsupported(self, task: asyncio.Task[None]) -> None:
        error = task.exception()
        if self._required:
            raise LifespanFailed(
                "lifespan is 'on', but the app ended before it answered 'lifespan.startup'."
            ) from error
        if error is not None:
            logger.debug("The app does not support lifespan.", exc_info=error)
        self.state = None
