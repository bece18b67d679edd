"""The record of an invocation that a runtime serves: the common record, with its delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..invocation.current import Current, current, fallback
from .delivery import Delivery

if TYPE_CHECKING:
    import asyncio


class ServedInvocation(Current):
    """The record of an invocation that a runtime serves.

    Args:
        delivery: sends the outcome of the invocation.
    """

    def __init__(self, delivery: Delivery) -> None:
        invocation = delivery.invocation
        super().__init__(
            invocation.request_id, tenant_id=invocation.tenant_id, trace_id=invocation.trace_id
        )
        self.delivery = delivery
        self.context: object = None  #: the context object of the handler, where it is known
        self.call: asyncio.Task[Any] | None = None  #: the call that has the claim

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that serves the invocation."""
        self.cancelled = True
        task.cancel()


class ServedInvocations(dict[Delivery, ServedInvocation]):
    """The invocations that a runtime serves now.

    Args:
        at_once: whether there may be several, so that no record is the fallback.
    """

    def __init__(self, *, at_once: bool) -> None:
        super().__init__()
        self._at_once = at_once
        self._is_first = True

    def begin(self, served: ServedInvocation) -> None:
        """Make ``served`` the invocation of the current context variables."""
        self[served.delivery] = served
        served.is_first, self._is_first = self._is_first, False
        current.set(served)
        if not self._at_once:
            fallback.record = served

    def end(self, served: ServedInvocation) -> None:
        """Forget ``served``: no call may respond to it any more."""
        self.pop(served.delivery, None)

    def mark_cancelled(self) -> None:
        """Record that the tasks of all invocations will be cancelled."""
        for served in self.values():
            served.cancelled = True
