"""The log of one environment, which is also the log of the invocation that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..console import Console

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ..local_invocation import LocalInvocation


class EnvironmentLog(Console):
    """Writes lines to a console, and keeps those of an invocation whose caller wants them.

    Lines of several invocations at once cannot be told apart; the caller then gets no lines.
    """

    def __init__(self, console: Console, invocations: AbstractSet[LocalInvocation]) -> None:
        self._console = console
        self._invocations = invocations  #: those that run now

    def line(self, text: str, style: str = "plain") -> None:
        """Write a line."""
        self._console.line(text, style)
        if len(self._invocations) == 1:
            next(iter(self._invocations)).log(text)
