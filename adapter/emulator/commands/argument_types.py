"""The values that options of the commands take, and Lambda's limits for them."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentTypeError
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    Number = TypeVar("Number", int, float)

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
MAX_TIMEOUT_SECONDS = 5400

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
MIN_MEMORY_MB, MAX_MEMORY_MB = 128, 32768


class Once(Action):
    """Stores a value and refuses a second one: other programs take several of such an option."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        if getattr(namespace, self.dest) is not None:
            raise ArgumentError(self, "may be given only once")
        setattr(namespace, self.dest, values)


def not_empty(text: str) -> str:
    """Read text. An empty one comes from a variable of the shell that is not set."""
    if not text:
        raise ArgumentTypeError("the value is empty")
    return text


def positive(text: str) -> int:
    """Read a number of at least 1."""
    return number(text, int, lambda value: value >= 1, "a whole number of at least 1")


def memory(text: str) -> int:
    """Read a size that a function may have."""
    wanted = f"a whole number of MB from {MIN_MEMORY_MB} to {MAX_MEMORY_MB}"
    return number(text, int, lambda value: MIN_MEMORY_MB <= value <= MAX_MEMORY_MB, wanted)


def seconds(text: str) -> float:
    """Read a timeout, which is at most the longest that Lambda has."""
    wanted = f"a number of seconds above 0 and at most {MAX_TIMEOUT_SECONDS}"
    return number(text, float, lambda value: 0 < value <= MAX_TIMEOUT_SECONDS, wanted)


def port(text: str) -> int:
    """Read a port to listen on."""
    return number(text, int, lambda value: 0 <= value <= 65535, "a port from 0 to 65535")


def number(
    text: str, kind: Callable[[str], Number], fits: Callable[[Number], bool], wanted: str
) -> Number:
    """Read a number and check it; the error names the allowed values."""
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not fits(value):
        raise ArgumentTypeError(f"{text!r} is not {wanted}")
    return value
