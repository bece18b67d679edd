"""The signal handlers of the app, beside those of the runtime."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from ..invocation.loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

logger = get_logger("adapter.runtime")

_OWN_MODULES = sys.stdlib_module_names | {"adapter", "__main__"}


class Signals:
    """Stands in for `signal.signal` and `signal.getsignal` of this process.

    Python runs a signal handler between any two instructions of the main thread. An exception of a
    handler of the app would appear in the code of the runtime, as the failure of a connection, say.
    And the app may install a handler for SIGTERM at any time, while the environment must still end
    at SIGTERM. Python has no hook for these, so the two functions are replaced.
    """

    def __init__(self) -> None:
        self._signal, self._getsignal = signal.signal, signal.getsignal
        self._first: dict[int, Callable[[int, FrameType | None], None]] = {}
        self._behind: dict[int, Any] = {}  #: handlers of the app, by the same signals
        signal.signal = self._install  # type: ignore[assignment]
        signal.getsignal = self._installed  # type: ignore[assignment]

    def put_first(self, number: int, on_signal: Callable[[], None]) -> None:
        """Call ``on_signal`` at that signal, and then the handler that the app has by then."""

        def handle(number: int, frame: FrameType | None) -> None:
            on_signal()
            handler = self._behind[number]
            if callable(handler) and handler is not signal.default_int_handler:
                try:
                    handler(number, frame)
                except BaseException as error:
                    _log(error)

        self._behind[number] = self._installed(number)
        self._first[number] = handle
        self._signal(number, handle)

    def _install(self, number: int, handler: Any) -> Any:
        previous = self._installed(number)
        if number in self._first:
            self._signal(number, self._first[number])  # raises as ever in another thread
            self._behind[number] = handler
        else:
            self._signal(number, Contained(handler) if callable(handler) else handler)
        return previous

    def _installed(self, number: int) -> Any:
        if number in self._first:
            return self._behind[number]
        handler = self._getsignal(number)
        return handler.handler if isinstance(handler, Contained) else handler


class Contained:
    """A handler of the app that raises into code of the app, and otherwise into the log."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal that has interrupted ``frame``."""
        try:
            self.handler(number, frame)
        except BaseException as error:
            if _runs_app(frame):
                raise
            _log(error)


def _runs_app(frame: FrameType | None) -> bool:
    """Whether ``frame`` is code of the app or its libraries, or was called by such code."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        # The methods of a named tuple name a module that does not exist.
        if module in sys.modules and module.partition(".")[0] not in _OWN_MODULES:
            return True
        frame = frame.f_back
    return False


def _log(error: BaseException) -> None:
    logger.error("A signal handler of the app raised", exc_info=error)
