"""Everything the adapter raises.

* `AdapterError`
    * `UnexpectedMessage` - the app broke the ASGI contract
    * `ClientDisconnected` - the reader of a response stream is gone (also an `OSError`)
    * `StreamClosed` - our caller wrote to a stream that had ended
    * `DeadlineExceeded` - the invocation ran out of time
    * `EventError` - an event, or the answer to one, is not what it claims to be
    * `ResponseTooLarge` - a buffered answer, or the head of a streamed one, is over what is taken
    * `ProtocolError` - the other side sent bytes that its protocol does not allow
    * `RuntimeApiError` - the Runtime API refused a request
    * `NotPosted` - the outcome of an invocation could not be handed to the Runtime API
    * `ConfigurationError` - an option has a value that means nothing
    * `PackageError` - `adapter package` cannot make a package of the project
    * `HandlerError` - the handler cannot be called, or its answer cannot be sent
        * `LoadError` - it cannot be imported
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
_MACHINERY = (f"{_STDLIB}asyncio/", f"{_STDLIB}concurrent/futures/")

# Python's own getters: a class may define its own attribute of that name, which may raise.
class_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_traceback: Callable[[BaseException], TracebackType | None] = BaseException.__dict__[
    "__traceback__"
].__get__


class AdapterError(Exception):
    """The root of all errors of this package."""


class UnexpectedMessage(AdapterError):
    """The app sent an ASGI message that is malformed or not allowed now."""


class ClientDisconnected(AdapterError, OSError):
    """Nobody reads the response any more.

    An `OSError`, because the ASGI specification says that ``send()`` raises one then, and
    Starlette and Django stop their generators on it.
    https://asgi.readthedocs.io/en/latest/specs/www.html#disconnected-client-send-exception
    """


class StreamClosed(AdapterError):
    """The response stream has ended; nothing more can be written to it."""


class DeadlineExceeded(AdapterError):
    """The app was still running when the invocation's time was up."""


class EventError(AdapterError):
    """An event cannot be turned into a request, or an answer not into a response."""


class ResponseTooLarge(AdapterError):
    """The buffered answer, or the head of a streamed one, is larger than what is accepted."""


class ProtocolError(AdapterError):
    """What was received is not what its protocol says it is.

    The message never quotes it: it may be a piece of an event, and is logged.
    """


class RuntimeApiError(AdapterError):
    """The Runtime API answered with something other than success."""

    def __init__(self, request: str, status: int, body: str) -> None:
        """Remember what was asked (``POST /…``), the HTTP status and the body of the answer."""
        super().__init__(request, status, body)
        self.request = request
        self.status = status
        self.body = body

    def __str__(self) -> str:
        return f"{self.request} was answered with {self.status}: {self.body.strip()}"


class NotPosted(AdapterError):
    """No outcome of an invocation could be posted: the Runtime API still waits for one.

    It would return the same event to ``next``, again and again, so the process must end.
    """


class ConfigurationError(AdapterError):
    """An option was given a value it does not know."""


class PackageError(AdapterError):
    """The project cannot be packaged; the message says why, where, and what to do next."""


class HandlerError(AdapterError):
    """The handler cannot be called, or its answer cannot be sent.

    ``error_type`` is the name AWS's own Python runtime reports for the same fault,
    for example ``Runtime.MarshalError``.
    """

    def __init__(self, error_type: str, message: str) -> None:
        """Remember AWS's name for the fault and what to tell the user."""
        super().__init__(error_type, message)
        self.error_type = error_type
        self.message = message

    def __str__(self) -> str:
        return self.message


class LoadError(HandlerError):
    """The handler named by ``_HANDLER`` or on the command line cannot be loaded."""


class LifespanFailed(AdapterError):
    """The app answered ``lifespan.startup`` with a failure, or needs what it cannot have."""


class InvocationFailed(AdapterError):
    """A function that was invoked through AWS's API failed, before or after its first byte.

    ``error_code`` and ``details`` are what ``InvokeComplete`` told, the latter as an error object
    (``errorType``, ``errorMessage``, ``stackTrace``); ``prelude`` and ``body`` what came before.
    """

    def __init__(
        self, error_code: str, details: Mapping[str, Any], prelude: Prelude | None, body: bytes
    ) -> None:
        """Remember what is known of the failure and what had arrived."""
        super().__init__(error_code, details, prelude, body)
        self.error_code = error_code
        self.details = details
        self.prelude = prelude
        self.body = body

    def __str__(self) -> str:
        message = self.details.get("errorMessage") or "no details"
        return f"The function failed with {self.error_code} after {len(self.body)} bytes: {message}"


def advice(error: BaseException | None) -> str:
    """Return a clause for the log about an error that Lambda's file system explains; or nothing."""
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return " (on Lambda only /tmp can be written to)"
    return ""


def error_object(error: BaseException, request_id: str | None = None) -> ErrorObject:
    """Describe ``error`` as Lambda's callers expect; no class of error makes this raise."""
    described: ErrorObject = {
        "errorType": error_type(error),
        "errorMessage": error_message(error),
        "stackTrace": traceback.format_list(
            [(f.filename, f.lineno or 0, f.name, f.line) for f in app_frames(error)]
        ),
    }
    if request_id is not None:
        described["requestId"] = request_id
    return described


def app_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames that say something about the app: not ours, nor those that lead to it."""
    try:
        frames = traceback.extract_tb(_traceback(error))
    except Exception:  # the loader of a module failed to return its source
        return []
    frames_of_app = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    return [
        *itertools.dropwhile(lambda frame: frame.filename.startswith(_MACHINERY), frames_of_app)
    ]


def error_type(error: BaseException) -> str:
    """Return the name under which callers see ``error``."""
    own = issubclass(type(error), HandlerError)  # isinstance() would ask for error.__class__
    return cast("HandlerError", error).error_type if own else class_name(type(error))


def error_message(error: BaseException) -> str:
    """Return ``str(error)``, or a note that it raised.

    ``str()`` runs the error's own code, which may raise anything, ``SystemExit`` included.
    """
    try:
        return str.__str__(str(error))  # of a subclass of str, only the text
    except BaseException as failure:
        return f"<str() of this error raised {class_name(type(failure))}>"
