"""Lets the signal handlers of the app and those of the runtime work together."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from types import FrameType

logger = get_logger("adapter.runtime")


class SignalHandlers:
    """Replaces `signal.signal` and `signal.getsignal` in this process.

    Python runs a signal handler between any two instructions of the main thread, so an exception of
    an app's handler could be raised in the code of the runtime and break a connection. The app may
    also install a handler for SIGTERM at any time, and the environment must still end at SIGTERM.
    Python has no hook for these two cases.
    """

    def __init__(self) -> None:
        self._signal, self._getsignal = signal.signal, signal.getsignal
        self._runtime_handlers: dict[int, Callable[[int, FrameType | None], None]] = {}
        self._app_handlers: dict[int, Any] = {}  #: for the same signals
        signal.signal = self._install  # type: ignore[assignment]
        signal.getsignal = self._installed  # type: ignore[assignment]

    def call_first(self, number: int, on_signal: Callable[[], None]) -> None:
        """At signal ``number``, call ``on_signal``, and then the handler of the app."""

        def handle(number: int, frame: FrameType | None) -> None:
            on_signal()
            handler = self._app_handlers[number]
            if callable(handler) and handler is not signal.default_int_handler:
                try:
                    handler(number, frame)
                except BaseException as error:
                    _log(error)

        self._app_handlers[number] = self._installed(number)
        self._runtime_handlers[number] = handle
        self._signal(number, handle)

    def _install(self, number: int, handler: Any) -> Any:
        previous = self._installed(number)
        if number in self._runtime_handlers:
            # As without the adapter, this raises a ValueError outside the main thread.
            self._signal(number, self._runtime_handlers[number])
            self._app_handlers[number] = handler
        else:
            self._signal(number, AppSignalHandler(handler) if callable(handler) else handler)
        return previous

    def _installed(self, number: int) -> Any:
        if number in self._runtime_handlers:
            return self._app_handlers[number]
        handler = self._getsignal(number)
        return handler.handler if isinstance(handler, AppSignalHandler) else handler


class AppSignalHandler:
    """A handler of the app. Its exception is raised in code of the app, and logged otherwise."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Call the handler of the app, for a signal that has interrupted ``frame``."""
        try:
            self.handler(number, frame)
        except BaseException as error:
            if _runs_app(frame):
                raise
            _log(error)


class WakingSignals:
    """Inside this context manager, each signal that has a handler wakes the event loop.

    Python calls a signal handler between two instructions of the main thread. A signal in another
    thread does not interrupt the system call in which the loop waits, and a signal just before that
    call is too early to do so: its handler would be called after the next event. So Python writes
    each signal to the loop's own socket, as for `loop.add_signal_handler`. uvloop does this itself.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._socket = getattr(loop, "_csock", None)  # not on every kind of loop

    def __enter__(self) -> None:
        if self._socket is None:
            return
        self._set_wakeup_fd()
        remove = self._loop.remove_signal_handler

        def remove_signal_handler(number: int) -> bool:
            removed = remove(number)
            self._set_wakeup_fd()  # asyncio unsets it with the last handler
            return removed

        self._loop.remove_signal_handler = remove_signal_handler  # type: ignore[method-assign,assignment]

    def __exit__(self, *error: object) -> None:
        if self._socket is not None:
            del self._loop.remove_signal_handler
            signal.set_wakeup_fd(-1)  # the loop closes its socket

    def _set_wakeup_fd(self) -> None:
        """Let Python write signals to the socket, unless the app has named another one."""
        assert self._socket is not None
        own = self._socket.fileno()
        before = signal.set_wakeup_fd(own, warn_on_full_buffer=False)
        if before not in (-1, own):
            signal.set_wakeup_fd(before)


def _runs_app(frame: FrameType | None) -> bool:
    """Whether ``frame`` is code of the app or its libraries, or was called by such code."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        # The methods of a named tuple have the name of a module that does not exist.
        package = module.partition(".")[0]
        is_app = package not in sys.stdlib_module_names and package not in ("adapter", "__main__")
        if is_app and module in sys.modules:
            return True
        frame = frame.f_back
    return False


def _log(error: BaseException) -> None:
    logger.error("A signal handler of the app raised", exc_info=error)
