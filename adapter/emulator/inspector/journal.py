"""The latest invocations, and a signal when one of them changes."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic, time
from typing import TYPE_CHECKING

import anyio

from .recorded import RecordedInvocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..invocation_steps import InvocationStep, Listener
    from ..local_invocation import LocalInvocation

MAX_INVOCATIONS = 200


class Journal:
    """Keeps the latest `MAX_INVOCATIONS` invocations. Its `record` is for `Pool.listener_of`."""

    def __init__(self, keep: int = MAX_INVOCATIONS) -> None:
        self._keep = keep
        self._records: OrderedDict[int, RecordedInvocation] = OrderedDict()
        self._count = 0
        self._version = 0
        self._changed = anyio.Event()

    def __iter__(self) -> Iterator[RecordedInvocation]:
        """Iterate over the invocations, the oldest first."""
        return iter(list(self._records.values()))

    def find(self, number: int) -> RecordedInvocation | None:
        """Return an invocation by its number, if it is still kept."""
        return self._records.get(number)

    def record(self, invocation: LocalInvocation) -> Listener:
        """Record an invocation; return the listener for its steps."""
        self._count += 1
        record = RecordedInvocation(self._count, invocation, monotonic(), time())
        self._records[record.number] = record
        if len(self._records) > self._keep:
            self._records.popitem(last=False)

        def listen(step: InvocationStep) -> None:
            record.take(step)
            self._note_change()

        self._note_change()
        return listen

    async def wait_changed(self, seen: int) -> int:
        """Wait until the version is not ``seen``; return the version, which counts the changes."""
        while self._version == seen:
            if self._changed.is_set():
                self._changed = anyio.Event()
            await self._changed.wait()
        return self._version

    def _note_change(self) -> None:
        self._version += 1
        self._changed.set()
