"""The ASGI lifespan protocol: startup once per environment, shutdown at its end.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from .errors import LifespanFailed, UnexpectedMessage
from .loggers import get_logger
from .scope import ASGI

if TYPE_CHECKING:
    from .types import ASGIApp, Message

logger = get_logger("adapter.lifespan")


class Lifespan(Protocol):
    """What a handler does with the lifespan of its app."""

    @property
    def state(self) -> dict[str, Any] | None:
        """What startup left for the requests; None if the app has no lifespan."""
        ...

    async def startup(self) -> None:
        """Start the app.

        Raises:
            LifespanFailed: it did not.
        """
        ...

    async def shutdown(self) -> None:
        """Stop the app. Failures are logged; there is nobody left to raise them to."""
        ...


def lifespan(app: ASGIApp, mode: str, *, shared: bool = False) -> Lifespan:
    """Return the lifespan for ``mode``: ``auto``, ``on`` or ``off``, as in uvicorn and Mangum.

    Args:
        app: the ASGI app.
        mode: of the lifespan.
        shared: whether all handlers of the app in this process have one lifespan together.
    """
    if mode == "off":
        return LifespanOff()
    if not shared:
        return LifespanOn(app, required=mode == "on")
    found = _shared.setdefault(id(app), SharedLifespan(app))
    found.required |= mode == "on"
    return found


class LifespanOff:
    """No lifespan."""

    state: dict[str, Any] | None = None

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""


class SharedLifespan:
    """The lifespan of an app that several handlers serve: the first startup starts it.

    A handler that a function makes for each call finds the app started, too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.required = False
        self._app = app
        self._running: LifespanOn | None = None
        self._starting = asyncio.Lock()

    @property
    def state(self) -> dict[str, Any] | None:
        """What startup left for the requests; None if the app has no lifespan."""
        return None if self._running is None else self._running.state

    async def startup(self) -> None:
        """Start the app, unless another handler has started it."""
        async with self._starting:
            if self._running is not None:
                return
            starting = LifespanOn(self._app, required=self.required)
            try:
                await starting.startup()
                self._running = starting
            finally:
                if self.state is None:
                    self._forget()

    async def shutdown(self) -> None:
        """Stop the app, unless another handler has stopped it."""
        ending, self._running = self._running, None
        self._forget()
        if ending is not None:
            await ending.shutdown()

    def _forget(self) -> None:
        if _shared.get(id(self._app)) is self:
            del _shared[id(self._app)]


#: By the identity of the app, which each entry keeps alive: only apps that are starting or started.
_shared: dict[int, SharedLifespan] = {}


class LifespanOn:
    """Runs the app's lifespan in a task of its own, for as long as the environment lives.

    An app that ends before it has answered ``startup`` does not support the protocol: that is
    an error if it is ``required``, and no lifespan otherwise.
    """

    def __init__(self, app: ASGIApp, *, required: bool) -> None:
        self.state: dict[str, Any] | None = {}
        self._app = app
        self._required = required
        self._task: asyncio.Task[BaseException | None] | None = None
        self._questions: asyncio.Queue[Message | None] = asyncio.Queue()
        self._question = ""
        self._understood = False  #: whether the app has read "lifespan.startup"
        self._answer: asyncio.Future[Message] | None = None

    async def startup(self) -> None:
        """Start the app and wait for its answer.

        Raises:
            LifespanFailed: it failed, or it gave none although it is required.
        """
        self._task = asyncio.create_task(self._run())
        try:
            answer = await self._ask("lifespan.startup", self._task)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if answer is None:
            self._unsupported(await self._task)
        elif answer["type"] == "lifespan.startup.failed":
            error = await self._end(self._task)
            raise LifespanFailed(
                f"The app's startup failed: {answer.get('message', '')}".rstrip(": ")
            ) from error

    async def shutdown(self) -> None:
        """Stop the app, wait for its answer and for its end."""
        if self._task is None:
            return
        answer = await self._ask("lifespan.shutdown", self._task)
        error = await self._end(self._task)
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            logger.error("The app's shutdown failed: %s", answer.get("message", ""), exc_info=error)
        elif error is not None:
            logger.error("The app's lifespan failed.", exc_info=error)

    async def _run(self) -> BaseException | None:
        """Return what the app raised: raised by a task, a SystemExit would end the event loop."""
        scope = {"type": "lifespan", "asgi": ASGI.copy(), "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:
            return error
        return None

    async def _ask(self, question: str, task: asyncio.Task[BaseException | None]) -> Message | None:
        """Send ``question`` and return the app's answer; None if it has ended without one."""
        self._question = question
        self._answer = asyncio.get_running_loop().create_future()
        self._questions.put_nowait({"type": question})
        await asyncio.wait((task, self._answer), return_when=asyncio.FIRST_COMPLETED)
        return self._answer.result() if self._answer.done() else None

    async def _end(self, task: asyncio.Task[BaseException | None]) -> BaseException | None:
        """Wait for the end of the app, which has been asked all there is; return what it raised."""
        self._task = None
        self._questions.put_nowait(None)
        error = await task
        return None if isinstance(error, asyncio.CancelledError) else error

    async def _receive(self) -> Message:
        question = await self._questions.get()
        if question is None:  # an app that would wait for ever ends as if it were cancelled
            raise asyncio.CancelledError
        self._understood = True
        return question

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        answers = (f"{self._question}.complete", f"{self._question}.failed")
        if self._answer is None or self._answer.done() or kind not in answers:
            if str(kind).startswith("http."):  # an app that does not look at the scope's type
                self._understood = False
            raise UnexpectedMessage(
                f"The app sent {kind!r} during its lifespan; {self._question!r} takes one answer,"
                f" {answers[0]!r} or {answers[1]!r}."
            )
        self._answer.set_result(message)

    def _unsupported(self, error: BaseException | None) -> None:
        if self._required:
            raise LifespanFailed(
                "lifespan is 'on', but the app ended before it answered 'lifespan.startup'."
            ) from error
        if error is not None and self._understood:
            logger.warning(
                "The app raised during its startup. Because lifespan is 'auto', requests are"
                " served without it. Set lifespan='on' to fail the start instead, or"
                " lifespan='off' if the app has no startup.",
                exc_info=error,
            )
        else:
            logger.debug("The app does not support lifespan.", exc_info=error)
        self.state = self._task = None
