"""Internal extensions: what a runtime registers to be told when it has to end.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from . import replies

if TYPE_CHECKING:
    from .replies import Reply

MAX_EXTENSIONS = 10


class Registered(NamedTuple):
    """What a registered extension is told about the function."""

    name: str
    version: str
    handler: str


class Extensions:
    """The extensions of one environment. It does no I/O."""

    def __init__(self, function: Registered) -> None:
        self._function = function
        self._ids: dict[str, str] = {}
        self._waiting: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._ids)

    @property
    def ready(self) -> bool:
        """Whether every extension has asked for its next event, which ends its init."""
        return self._waiting == set(self._ids)

    def register(self, name: str, body: bytes, *, closed: bool) -> Reply:
        """Answer ``POST /extension/register``; ``closed`` says that init is over."""
        if problem := self._problem(name, body, closed):
            return replies.failure(HTTPStatus.FORBIDDEN, *problem)
        identifier = str(uuid4())
        self._ids[identifier] = name
        return replies.reply_json(
            HTTPStatus.OK,
            {
                "functionName": self._function.name,
                "functionVersion": self._function.version,
                "handler": self._function.handler,
            },
            (("Lambda-Extension-Identifier", identifier),),
        )

    def next(self, identifier: str) -> Reply | None:
        """Answer ``GET /extension/event/next``; ``None``: it blocks for good."""
        if not identifier:
            return replies.failure(
                HTTPStatus.FORBIDDEN,
                "Extension.MissingExtensionIdentifier",
                "Missing Lambda-Extension-Identifier header",
            )
        if identifier not in self._ids:
            return replies.failure(
                HTTPStatus.FORBIDDEN,
                "Extension.UnknownExtensionIdentifier",
                f"Unknown extension {identifier}",
            )
        self._waiting.add(identifier)
        return None

    def _problem(self, name: str, body: bytes, closed: bool) -> tuple[str, str] | None:
        if not name:
            return "Extension.InvalidExtensionName", "Empty extension name"
        try:
            events = json.loads(body)["events"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return "InvalidRequestFormat", f"{type(error).__name__}: {error}"
        if events:
            # An internal extension may not ask for SHUTDOWN; INVOKE it may on AWS, but nothing
            # here delivers it, and an extension that waits for ever is worse than a refusal.
            return "Extension.InvalidEventType", f"{events[0]}: ErrorInvalidEventType"
        if closed:
            return "Extension.RegistrationClosed", "Extension registration closed already"
        if name in self._ids.values():
            return "Extension.InvalidExtensionState", "Extension with this name already registered"
        if len(self._ids) >= MAX_EXTENSIONS:
            return "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
        return None
