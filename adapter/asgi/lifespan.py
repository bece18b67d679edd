"""The ASGI lifespan protocol: startup once per app and environment, shutdown at its end.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import LifespanFailed, UnexpectedMessage, error_message, error_type, traceback_of
from ..invocation.loggers import get_logger
from ..types import ASGI

if TYPE_CHECKING:
    from typing import Protocol

    from ..types import ASGIApp, Message

    class Lifespan(Protocol):
        """The lifespan of an app, as its handler uses it."""

        @property
        def state(self) -> dict[str, Any] | None:
            """The state that startup has set for the requests; None if the app has no lifespan."""
            ...

        async def startup(self) -> None:
            """Start the app.

            Raises:
                LifespanFailed: the startup failed.
            """
            ...

        async def shutdown(self) -> None:
            """Stop the app. Failures are logged, not raised."""
            ...


logger = get_logger("adapter.lifespan")

END_SECONDS = 0.1
"""How long an app that has reported a failure may continue, and again after its cancellation."""


def lifespan(app: ASGIApp, mode: str, *, shared: bool = False) -> Lifespan:
    """Return the lifespan for ``mode``: ``auto``, ``on`` or ``off``, as in uvicorn and Mangum.

    Args:
        app: the ASGI app.
        mode: the option ``lifespan``.
        shared: whether all handlers of the app in this process share one lifespan.
    """
    if mode == "off":
        return LifespanOff()
    if not shared:
        return LifespanOn(app, required=mode == "on")
    found = _shared.setdefault(id(app), SharedLifespan(app))
    found.required |= mode == "on"
    return found


class LifespanOff:
    """The lifespan of an app whose ``lifespan`` option is ``off``."""

    state: dict[str, Any] | None = None

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""


class SharedLifespan:
    """The lifespan of an app with several handlers: the first startup starts the app.

    So a function can create a handler for each call, and the app is started once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.required = False
        self._app = app
        self._running: LifespanOn | None = None
        self._startup_lock = asyncio.Lock()

    @property
    def state(self) -> dict[str, Any] | None:
        """The state that startup has set for the requests; None if the app has no lifespan."""
        return None if self._running is None else self._running.state

    async def startup(self) -> None:
        """Start the app, unless another handler has started it.

        Raises:
            LifespanFailed: the startup failed, also if another handler has begun it.
        """
        async with self._startup_lock:
            if self._running is not None:
                if self.required and self.state is None:
                    raise LifespanFailed(
                        "lifespan is 'on', but the app raised during its startup, which another"
                        " handler of the app had begun with lifespan 'auto'. The exception is in"
                        " the log."
                    )
                return
            starting = LifespanOn(self._app, required=self.required)
            try:
                await starting.startup()
                self._running = starting
            finally:
                # Kept if the app has a lifespan, or has read its startup message and raised (so it
                # is not started again). Otherwise forgotten, so that the app can be freed.
                if self._running is None or (self.state is None and not starting.understood):
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


#: The lifespans of apps that are starting or started, by ``id(app)``. Each keeps its app alive.
_shared: dict[int, SharedLifespan] = {}


class LifespanOn:
    """Runs the app's lifespan in a task, until the environment ends.

    An app that ends before it has confirmed its startup does not support the protocol. That is
    an error if the lifespan is ``required``.
    """

    def __init__(self, app: ASGIApp, *, required: bool) -> None:
        self.state: dict[str, Any] | None = {}
        self._app = app
        self._required = required
        self._task: asyncio.Task[BaseException | None] | None = None
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._phase = ""  #: the type of the last message to the app
        self._reply: asyncio.Future[Message] | None = None
        self._early_failure = ""  #: the message of a failure that came before the shutdown
        self.understood = False  #: whether the app has read "lifespan.startup"

    async def startup(self) -> None:
        """Start the app and wait until it confirms.

        Raises:
            LifespanFailed: the startup failed, or the app has no lifespan and must have one.
        """
        self._task = asyncio.create_task(self._run())
        reply = await self._notify("lifespan.startup", self._task)
        if reply is None:
            self._unsupported(await self._task)
        elif reply["type"] == "lifespan.startup.failed":
            error = await self._end(self._task, reply)
            raise _startup_failure(str(reply.get("message", "")), error) from error

    async def shutdown(self) -> None:
        """Stop the app and wait for the end of its task."""
        if self._task is None or self._task.done():  # done: `_log_early_end` has logged the failure
            return
        reply = await self._notify("lifespan.shutdown", self._task)
        error = await self._end(self._task, reply)
        if reply is not None and reply["type"] == "lifespan.shutdown.failed":
            logger.error("The app's shutdown failed: %s", reply.get("message", ""), exc_info=error)
        elif error is not None:
            logger.error("The app's lifespan failed.", exc_info=error)
        elif self._early_failure:  # the app went on after it, until now
            logger.error("The app's lifespan failed: %s", self._early_failure)

    async def _run(self) -> BaseException | None:
        """Run the app; return its exception, because a SystemExit in a task ends the event loop."""
        scope = {"type": "lifespan", "asgi": ASGI.copy(), "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:
            self._log_early_end(error)
            return error
        self._log_early_end(None)
        return None

    def _log_early_end(self, error: BaseException | None) -> None:
        """Log a lifespan that fails while requests are served: Lambda may never send a shutdown."""
        if not self._is_serving or isinstance(error, asyncio.CancelledError):
            return
        if error is not None or self._early_failure:
            message = f": {self._early_failure}" if error is None else ""
            logger.error(
                "The app's lifespan failed before its shutdown; requests are still served%s",
                message,
                exc_info=error,
            )

    @property
    def _is_serving(self) -> bool:
        """Whether the app has confirmed its startup, and has not been told to shut down."""
        reply = self._reply.result() if self._reply is not None and self._reply.done() else {}
        return reply.get("type") == "lifespan.startup.complete"

    async def _notify(self, phase: str, task: asyncio.Task[BaseException | None]) -> Message | None:
        """Send the message ``phase`` and return the app's reply; None if the app ended first."""
        self._phase = phase
        self._reply = asyncio.get_running_loop().create_future()
        self._messages.put_nowait({"type": phase})
        try:
            await asyncio.wait((task, self._reply), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        return self._reply.result() if self._reply.done() else None

    async def _end(
        self, task: asyncio.Task[BaseException | None], reply: Message | None
    ) -> BaseException | None:
        """Wait for the end of the lifespan task, and return the app's exception.

        A failure that the app has reported does not wait for an app that never returns.
        """
        self._task = None
        self._messages.put_nowait(None)
        has_failed = reply is not None and reply["type"].endswith(".failed")
        seconds = END_SECONDS if has_failed else None
        try:
            await asyncio.wait((task,), timeout=seconds)
        finally:
            task.cancel()
        await asyncio.wait((task,), timeout=seconds)
        error = task.result() if task.done() else None
        return None if isinstance(error, asyncio.CancelledError) else error

    async def _receive(self) -> Message:
        message = await self._messages.get()
        if message is None:  # end of messages: stop an app that calls receive() for ever
            raise asyncio.CancelledError
        self.understood = True
        return message

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "lifespan.shutdown.failed" and self._is_serving:  # Starlette, for any failure
            self._early_failure = str(message.get("message") or "no message")
            return
        replies = (f"{self._phase}.complete", f"{self._phase}.failed")
        if self._reply is None or self._reply.done() or kind not in replies:
            if str(kind).startswith("http."):  # the app ignores the type of the scope
                self.understood = False
            raise UnexpectedMessage(
                f"The app sent {kind!r} during its lifespan; the reply to {self._phase!r} is one"
                f" message, {replies[0]!r} or {replies[1]!r}."
            )
        self._reply.set_result(message)

    def _unsupported(self, error: BaseException | None) -> None:
        if self._required:
            raise LifespanFailed(
                "lifespan is 'on', but the app ended before it replied to 'lifespan.startup'."
            ) from error
        if error is not None and self.understood:
            logger.warning(
                "The app raised during its startup. Because lifespan is 'auto', requests are"
                " served without a startup. Set lifespan='on' to fail the start instead, or"
                " lifespan='off' if the app has no startup.",
                exc_info=error,
            )
        else:
            logger.debug("The app does not support lifespan.", exc_info=error)
        self.state = self._task = None


def _startup_failure(message: str, error: BaseException | None) -> LifespanFailed:
    """Return the failure with the app's message, and with the traceback of the app's ``error``.

    Starlette's message is the traceback itself, which would be in the log twice.
    """
    if error is not None and "Traceback (most recent call last)" in message.partition("\n")[0]:
        message = f"{error_type(error)}: {error_message(error)}"
    failure = LifespanFailed(f"The app's startup failed: {message}".rstrip(": "))
    return failure if error is None else failure.with_traceback(traceback_of(error))
