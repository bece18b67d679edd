"""A cache for work that depends on the name of a header field only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Name = TypeVar("Name", str, bytes)
Result = TypeVar("Result")

MAX_NAMES = 500
"""Entries of a cache. Names come from clients, who can send any number of them."""

MAX_NAME_LENGTH = 100


class NameCache(dict[Name, Result]):
    """A dict that computes a missing value, and keeps it as long as there is room.

    Events and responses have the same header names again and again. A lookup is one instruction of
    Python; `functools.cache` would cost a call, and would not be bounded by the length of a name.
    """

    def __init__(self, compute: Callable[[Name], Result]) -> None:
        super().__init__()
        self._compute: Callable[[Name], Result] = compute

    def __missing__(self, name: Name) -> Result:
        """Compute the value of ``name``."""
        result: Result = self._compute(name)
        if len(self) < MAX_NAMES and len(name) <= MAX_NAME_LENGTH:
            self[name] = result
        return result
