"""All errors that the adapter raises.

* `AdapterError`
    * `UnexpectedMessage` - the app broke the ASGI contract
    * `ClientDisconnected` - the client of a response stream has disconnected (also an `OSError`)
    * `StreamClosed` - a write to a response stream that had ended
    * `DeadlineExceeded` - the invocation ran out of time
    * `EventError` - an event or a response is malformed
    * `ResponseTooLarge` - a buffered response, or the head of a stream, exceeds a limit
    * `ProtocolError` - the other side of a connection broke its protocol
    * `RuntimeApiError` - the Runtime API refused a request
    * `NotPosted` - the outcome of an invocation could not be handed to the Runtime API
    * `ConfigurationError` - the configuration is invalid, or a command cannot run as it was called
    * `PackageError` - `adapter package` cannot make a package of the project
    * `DeployError` - `adapter deploy`, `destroy` or `logs` failed
    * `HandlerError` - the handler cannot be called, or its response cannot be sent
        * `LoadError` - the handler cannot be imported
    * `LifespanFailed` - the app's startup failed
    * `InvocationFailed` - a function that was invoked through AWS's API failed
"""

from __future__ import annotations

import errno
import itertools
import traceback
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any

    from .types import ErrorObject, Prelude

_PACKAGE = __file__.rpartition("errors.py")[0]
_STDLIB = traceback.__file__.rpartition("traceback.py")[0]
_EVENT_LOOP_PATHS = (f"{_STDLIB}asyncio/", f"{_STDLIB}concurrent/futures/")

# Python's getters: a class of an app may define an attribute of the same name, which may raise.
class_name: Callable[[type], str] = type.__dict__["__name__"].__get__
traceback_of: Callable[[BaseException], TracebackType | None] = BaseException.__dict__[
    "__traceback__"
].__get__
_cause: Callable[[BaseException], BaseException | None] = BaseException.__dict__[
    "__cause__"
].__get__
_context: Callable[[BaseException], BaseException | None] = BaseException.__dict__[
    "__context__"
].__get__
_errno: Callable[[OSError], int | None] = OSError.__dict__["errno"].__get__


class AdapterError(Exception):
    """The root of all errors of this package."""


class UnexpectedMessage(AdapterError):
    """The app sent an ASGI message that is malformed or not allowed now."""


class ClientDisconnected(AdapterError, OSError):
    """The client of the response has disconnected.

    An `OSError`, because the ASGI specification wants an `OSError` from ``send()`` after a
    disconnect. Starlette and Django stop their generators on it.
    https://asgi.readthedocs.io/en/latest/specs/www.html#disconnected-client-send-exception
    """


class StreamClosed(AdapterError):
    """The response stream has ended; nothing more can be written to it."""


class DeadlineExceeded(AdapterError):
    """The app was still running at the deadline of the invocation."""


class EventError(AdapterError):
    """An event cannot be turned into a request, or a value into a response."""


class ResponseTooLarge(AdapterError):
    """The buffered response, or the head of a stream, is larger than its receiver accepts."""


class ProtocolError(AdapterError):
    """The received bytes break the protocol.

    The message is logged, so it never quotes these bytes: they may be part of an event.
    """


class RuntimeApiError(AdapterError):
    """The Runtime API returned a status other than success."""

    def __init__(self, request: str, status: int, body: str) -> None:
        """Keep the request (``POST /…``), and the HTTP status and the body of its response."""
        super().__init__(request, status, body)
        self.request = request
        self.status = status
        self.body = body

    def __str__(self) -> str:
        return f"{self.request} returned {self.status}: {self.body.strip()}"


class NotPosted(AdapterError):
    """No outcome of an invocation could be posted: the Runtime API still waits for the outcome.

    Its ``next`` would return the same event again and again, so the process must end.
    """


class ConfigurationError(AdapterError):
    """The configuration is invalid, or a command cannot run as it was called.

    The configuration is an option, the target, the app or the environment. For example a file
    cannot be read, a URL cannot be reached, or a package is not installed.
    """


class PackageError(AdapterError):
    """The project cannot be packaged; the message says why, where, and what to do next."""


class DeployError(AdapterError):
    """A deployment cannot be made, changed, deleted or read; the message says what to do next."""


class HandlerError(AdapterError):
    """The handler cannot be called, or its response cannot be sent.

    ``error_type`` is the name that AWS's Python runtime reports for the same failure,
    for example ``Runtime.MarshalError``.
    """

    def __init__(self, error_type: str, message: str) -> None:
        """Keep AWS's name of the failure and the message for the user."""
        super().__init__(error_type, message)
        self.error_type = error_type
        self.message = message

    def __str__(self) -> str:
        return self.message


class LoadError(HandlerError):
    """The handler named by ``_HANDLER`` or on the command line cannot be loaded."""


class LifespanFailed(AdapterError):
    """The app's startup failed, or the app lacks the lifespan that an option requires."""


class InvocationFailed(AdapterError):
    """A function that was invoked through AWS's API failed, before or after its first byte.

    ``error_code`` and ``details`` come from ``InvokeComplete``; ``details`` is an error object
    (``errorType``, ``errorMessage``, ``stackTrace``). ``prelude`` and ``body`` came before it.
    """

    def __init__(
        self, error_code: str, details: Mapping[str, Any], prelude: Prelude | None, body: bytes
    ) -> None:
        """Keep the description of the failure and the data received before it."""
        super().__init__(error_code, details, prelude, body)
        self.error_code = error_code
        self.details = details
        self.prelude = prelude
        self.body = body

    def __str__(self) -> str:
        message = self.details.get("errorMessage") or "no details"
        return f"The function failed with {self.error_code} after {len(self.body)} bytes: {message}"


def cause_of(error: BaseException) -> BaseException | None:
    """Return the cause of ``error``, or else the error that was handled when it was raised."""
    # Compared with None: an exception may define __bool__ or __len__, and be falsy.
    cause = _cause(error)
    return _context(error) if cause is None else cause


def read_only_hint(error: BaseException | None) -> str:
    """Return a clause for the log if Lambda's read-only file system caused ``error``, or ''."""
    for _ in range(10):  # the causes of errors may form a circle
        if error is None:
            break
        is_os_error = issubclass(type(error), OSError)  # isinstance() would read error.__class__
        read_only = is_os_error and _errno(cast("OSError", error)) == errno.EROFS
        # The messages of sqlite3, which is not imported here.
        if read_only or error_message(error) in (
            "unable to open database file",
            "attempt to write a readonly database",
        ):
            return " (on Lambda only /tmp can be written to)"
        error = cause_of(error)
    return ""


def failed_start(error: BaseException) -> tuple[str, BaseException | None]:
    """Return what to log of a start that failed: its message, and the error whose traceback helps.

    Some messages are complete. Only the frames of the cause, which are the app's, help then.
    """
    complete = issubclass(type(error), (ConfigurationError, LifespanFailed, LoadError))
    return error_message(error) + read_only_hint(error), _cause(error) if complete else error


def is_explained(error: BaseException) -> bool:
    """Whether the message of ``error`` is all: each frame of its traceback is the adapter's."""
    own = issubclass(type(error), AdapterError)  # isinstance() would read error.__class__
    return own and cause_of(error) is None and not app_frames(error)


def error_object(error: BaseException, request_id: str | None = None) -> ErrorObject:
    """Describe ``error`` in Lambda's format. Never raises, for any class of error."""
    described: ErrorObject = {
        "errorType": error_type(error),
        "errorMessage": error_message(error),
        "stackTrace": [_frame_lines(frame) for frame in app_frames(error)],
    }
    if request_id is not None:
        described["requestId"] = request_id
    return described


def app_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of the app, without those of the adapter and of asyncio around them."""
    try:
        frames = traceback.extract_tb(traceback_of(error))
    except Exception:  # the loader of a module failed to return the source
        return []
    frames_of_app = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    return [
        *itertools.dropwhile(
            lambda frame: frame.filename.startswith(_EVENT_LOOP_PATHS), frames_of_app
        )
    ]


def _frame_lines(frame: traceback.FrameSummary) -> str:
    """Return the lines of a frame, as `traceback.format_list` does.

    That function imports a module on Python 3.15, which fails if no file descriptor is left.
    """
    place = f'  File "{frame.filename}", line {frame.lineno or 0}, in {frame.name}\n'
    return f"{place}    {frame.line}\n" if frame.line else place


def error_type(error: BaseException) -> str:
    """Return the error type that is reported for ``error``."""
    own = issubclass(type(error), HandlerError)  # isinstance() would read error.__class__
    return cast("HandlerError", error).error_type if own else class_name(type(error))


def error_message(error: BaseException) -> str:
    """Return ``str(error)``, or a note that it raised.

    ``str()`` runs the error's own code, which may raise anything, ``SystemExit`` included.
    """
    try:
        return str.__str__(str(error))  # a subclass of str may override other methods
    except BaseException as failure:
        return f"<str() of this error raised {class_name(type(failure))}>"
