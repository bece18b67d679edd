"""Which invocation some code is run for."""

from __future__ import annotations

from contextvars import ContextVar


class Served:
    """What is known of an invocation wherever something runs for it."""

    def __init__(self, request_id: str = "", tenant_id: str | None = None) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id  #: whom it is for, where a function isolates its tenants


anywhere = Served()
"""What is served where nobody knows better, as in a thread that has no context variables."""

served: ContextVar[Served] = ContextVar("served", default=anywhere)
"""What the current task serves, or the thread that it has started."""
