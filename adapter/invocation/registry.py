"""The handlers of this process."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from ..events import Source
    from ..types import JSON

    class RegisteredHandler(Protocol):
        """The methods of a handler that a runtime calls; a `LambdaHandler` has them."""

        @property
        def is_wrapper(self) -> bool:
            """Whether a subclass of the user overrides ``__call__``, and so wraps the handler."""
            ...

        async def startup(self) -> bool:
            """Start the handler, once per environment; return whether `shutdown` has work to do."""
            ...

        def streams(self, source: Source | None, event: JSON) -> bool:
            """Whether the response to an event is streamed; without HTTP, ``source`` is None."""
            ...

        async def shutdown(self) -> None:
            """Undo `startup`, when the environment ends."""
            ...


_handlers: list[weakref.ref[RegisteredHandler]] = []


def register(handler: RegisteredHandler) -> None:
    """Add ``handler`` to `handlers` by a weak reference: a handler may exist for a single call."""
    _handlers.append(weakref.ref(handler, _handlers.remove))


def handlers() -> list[RegisteredHandler]:
    """Return all handlers of the adapter, in the order of their creation.

    The handlers that a wrapper calls are unknown, so all handlers start and end with the wrapper.
    """
    alive = [reference() for reference in _handlers]
    return [handler for handler in alive if handler is not None]
