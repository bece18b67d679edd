"""Internal extensions, which a runtime registers to be notified before Lambda stops it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import uuid4

from ..function_config import VERSION
from . import replies

if TYPE_CHECKING:
    from ..function_config import FunctionConfig
    from .replies import Reply

MAX_EXTENSIONS = 10


class Extensions:
    """The extensions of one environment. It does no I/O."""

    def __init__(self, function: FunctionConfig) -> None:
        self._function = function
        self._names: dict[str, str] = {}  #: by identifier
        self._waiting: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._names)

    @property
    def ready(self) -> bool:
        """Whether every extension has called ``next``, which ends its init."""
        return self._waiting == set(self._names)

    def register(self, name: str, body: bytes, *, closed: bool) -> Reply:
        """Reply to ``POST /extension/register``; ``closed``: the runtime's init is over."""
        if problem := self._problem(name, body, closed):
            return replies.failure(HTTPStatus.FORBIDDEN, *problem)
        identifier = str(uuid4())
        self._names[identifier] = name
        return replies.reply_json(
            HTTPStatus.OK,
            {
                "functionName": self._function.name,
                "functionVersion": VERSION,
                "handler": self._function.target,
            },
            (("Lambda-Extension-Identifier", identifier),),
        )

    def next(self, identifier: str) -> Reply | None:
        """Reply to ``GET /extension/event/next``; ``None``: the call blocks for good."""
        if not identifier:
            return replies.failure(
                HTTPStatus.FORBIDDEN,
                "Extension.MissingExtensionIdentifier",
                "Missing Lambda-Extension-Identifier header",
            )
        if identifier not in self._names:
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
            # An internal extension may not subscribe to SHUTDOWN. AWS lets it subscribe to INVOKE,
            # which is not implemented here; a refusal is better than an extension that hangs.
            return "Extension.InvalidEventType", f"{events[0]}: ErrorInvalidEventType"
        if closed:
            return "Extension.RegistrationClosed", "Extension registration closed already"
        if name in self._names.values():
            return "Extension.InvalidExtensionState", "Extension with this name already registered"
        if len(self._names) >= MAX_EXTENSIONS:
            return "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
        return None
