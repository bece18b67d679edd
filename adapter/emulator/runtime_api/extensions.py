"""Internal extensions, which a runtime registers to receive events, and SIGTERM before it ends.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html. Replies and states are
those of RAPID (internal/lambda/rapi/handler/agent*.go).
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import anyio

from ..function_config import ACCOUNT, VERSION
from . import replies
from .extension_state import TRANSITIONS, ExtensionState, ExtensionStep

if TYPE_CHECKING:
    from ..function_config import FunctionConfig
    from ..local_invocation import LocalInvocation
    from .replies import Reply

MAX_EXTENSIONS = 10
UNKNOWN = "Extension.UnknownExtensionIdentifier"
NO_EVENTS = "No events allowed for internal extensions"
NO_SHUTDOWN = "ShutdownEventNotSupportedForInternalExtension"

#: the error type of an environment whose extension reported an error
FATAL_ERRORS = {
    ExtensionStep.INIT_ERROR: "Extension.InitError",
    ExtensionStep.EXIT_ERROR: "Extension.ExitError",
}


class Extension:
    """An extension. Its call of ``next`` waits for `has_event`."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.subscribed = "INVOKE" in events
        self.state = ExtensionState.REGISTERED
        self.has_event = anyio.Event()
        self.event = b""

    def move(self, step: ExtensionStep) -> bool:
        """Take a step; return false if the state does not allow it."""
        after = TRANSITIONS[self.state, step]
        if after is not None:
            self.state = after
        return after is not None


class Extensions:
    """The extensions of one environment. The class does no I/O.

    Lambda Managed Instances have no events for extensions.
    """

    def __init__(self, function: FunctionConfig) -> None:
        self._function = function
        self._concurrent = function.concurrency is not None
        self._extensions: dict[str, Extension] = {}  #: by identifier
        self.fatal_error = ""  #: the error type of the first reported error

    def __bool__(self) -> bool:
        return bool(self._extensions)

    @property
    def ready(self) -> bool:
        """Whether every extension has called ``next``, which ends its init."""
        return all(each.state is ExtensionState.READY for each in self._extensions.values())

    @property
    def finished(self) -> bool:
        """Whether every extension that receives events has finished with the last event."""
        subscribed = (each for each in self._extensions.values() if each.subscribed)
        return all(each.state is ExtensionState.READY for each in subscribed)

    def register(
        self, name: str, body: bytes, *, features: str = "", closed: bool = False
    ) -> Reply:
        """Reply to ``POST /extension/register``; ``closed``: the runtime's init is over."""
        try:
            events = [] if not name else read_events(body)
        except (ValueError, RecursionError) as error:
            return refusal("InvalidRequestFormat", str(error))
        if problem := self._events_problem(events) or self._problem(name, closed):
            return refusal(*problem)
        identifier = str(uuid4())
        self._extensions[identifier] = Extension(name, events)
        wanted = [feature.strip() for feature in features.split(",")]
        document = {
            **({"accountId": ACCOUNT} if "accountId" in wanted else {}),
            "functionName": self._function.name,
            "functionVersion": VERSION,
            "handler": self._function.target,
        }
        header = ("Lambda-Extension-Identifier", identifier)
        return replies.reply_json(HTTPStatus.OK, document, (header,))

    def next(self, identifier: str) -> Reply | Extension:
        """Reply to ``GET /extension/event/next``, or return the extension, which has to wait."""
        if problem := identifier_problem(identifier):
            return refusal(*problem)
        extension = self._extensions.get(identifier.lower())
        if extension is None:
            return refusal(UNKNOWN, f"Unknown extension {identifier}")
        if not extension.move(ExtensionStep.NEXT):
            return self._invalid(extension, identifier, ExtensionStep.NEXT)
        extension.has_event = anyio.Event()
        return extension

    def report(self, step: ExtensionStep, identifier: str, error_type: str) -> Reply:
        """Reply to ``POST /extension/init/error`` and ``/extension/exit/error``."""
        if problem := identifier_problem(identifier):
            return refusal(*problem)
        if not error_type:
            missing = "Lambda-Extension-Function-Error-Type not found"
            return refusal("Extension.MissingHeader", missing)
        extension = self._extensions.get(identifier.lower())
        if extension is None:
            return refusal(UNKNOWN, "Unknown Lambda-Extension-Identifier")
        if not extension.move(step):
            return self._invalid(extension, identifier, step)
        self.fatal_error = self.fatal_error or FATAL_ERRORS[step]
        return replies.ACCEPTED

    def deliver(self, invocation: LocalInvocation, arn: str) -> None:
        """Give the event of an invocation to each extension that waits for it."""
        for extension in self._extensions.values():
            if extension.subscribed and extension.move(ExtensionStep.EVENT):
                extension.event = invoke_event(invocation, arn)
                extension.has_event.set()

    def _events_problem(self, events: list[str]) -> tuple[str, str] | None:
        if self._concurrent and events:
            return "Extension.InvalidEventType", NO_EVENTS
        wrong = next((event for event in events if event != "INVOKE"), None)
        if wrong is None:
            return None
        reason = NO_SHUTDOWN if wrong == "SHUTDOWN" else "ErrorInvalidEventType"
        return "Extension.InvalidEventType", f"{wrong}: {reason}"

    def _problem(self, name: str, closed: bool) -> tuple[str, str] | None:
        if not name:
            return "Extension.InvalidExtensionName", "Empty extension name"
        if closed:
            return "Extension.RegistrationClosed", "Extension registration closed already"
        if len(self._extensions) >= MAX_EXTENSIONS:
            return "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
        if any(each.name == name for each in self._extensions.values()):
            return "Extension.InvalidExtensionState", "Extension with this name already registered"
        return None

    def _invalid(self, extension: Extension, identifier: str, step: ExtensionStep) -> Reply:
        # The server of Lambda Managed Instances writes a small letter, RAPID a capital letter.
        error = "state" if self._concurrent else "State"
        return refusal(
            "Extension.InvalidExtensionState",
            f"State transition from {extension.state} to {step} failed for extension "
            f"{identifier}. Error: {error} transition is not allowed",
        )


def read_events(body: bytes) -> list[str]:
    """Return the events that a registration asks for; ``{}`` asks for no events.

    Raises:
        ValueError: the body is not such a JSON object.
    """
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the registration is not a JSON object")
    if document.get("configurationKeys"):
        raise ValueError("configurationKeys are deprecated; use environment variables instead")
    events = document.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ValueError("events is not a list of strings")
    return events


def identifier_problem(identifier: str) -> tuple[str, str] | None:
    """Return error type and message for an identifier that is missing or malformed."""
    if not identifier:
        missing = "Missing Lambda-Extension-Identifier header"
        return "Extension.MissingExtensionIdentifier", missing
    try:
        UUID(identifier)
    except ValueError:
        return "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"
    return None


def refusal(error_type: str, message: str) -> Reply:
    """Return the reply to a call that is refused."""
    return replies.failure(HTTPStatus.FORBIDDEN, error_type, message)


def invoke_event(invocation: LocalInvocation, arn: str) -> bytes:
    """Return the event that an extension receives for an invocation."""
    document: dict[str, object] = {
        "eventType": "INVOKE",
        "deadlineMs": invocation.deadline_ms,
        "requestId": invocation.request_id,
        "invokedFunctionArn": arn,
    }
    if invocation.trace_id:
        document["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
    return json.dumps(document, separators=(",", ":")).encode()
