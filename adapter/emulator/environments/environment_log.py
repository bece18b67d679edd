"""The log of one environment, which is also the log of the invocations that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet

    from ..console import Console
    from ..local_invocation import LocalInvocation


class EnvironmentLog:
    """Writes lines to a console, and hands each line to the invocation that has written it.

    A line with a request id belongs to that invocation. Another line belongs to every running
    invocation. If no invocation is running, the line belongs to the latest one, because output is
    read later than the response.
    """

    def __init__(self, console: Console, running: AbstractSet[LocalInvocation]) -> None:
        self.latest: LocalInvocation | None = None  #: the invocation that was delivered last
        self._console = console
        self._running = running

    def line(self, text: str, style: str = "plain") -> None:
        """Write a line; ``style`` is a style of the console."""
        self._console.line(text, style)
        writers = self._writers_of(text)
        for invocation in writers:
            invocation.log(text, is_certain=len(writers) == 1)

    def _writers_of(self, text: str) -> Collection[LocalInvocation]:
        candidates = self._running or ([self.latest] if self.latest else [])
        return [each for each in candidates if each.request_id in text] or candidates
