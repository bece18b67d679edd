"""A cache of values that depend only on the name of a header field."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Name = TypeVar("Name", str, bytes)
Result = TypeVar("Result")

MAX_NAMES = 500
"""The limit of the entries. Names come from clients, who can send any number of them."""

MAX_NAME_LENGTH = 100


class NameCache(dict[Name, Result]):
    """A dict that computes a missing value, and keeps the value if there is room for it.

    Events and responses repeat the same header names. A lookup in a dict is one bytecode
    instruction; `functools.cache` would cost a call, and would not limit the length of a name.
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
