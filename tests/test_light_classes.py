"""The classes are those of `typing` and `enum`, made for less."""

from __future__ import annotations

import enum
import pickle
import subprocess
import sys
import typing
from typing import TYPE_CHECKING, Any

import pytest

from adapter import light_classes
from adapter.light_classes import IntEnum, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = """
class Point(module.NamedTuple):
    '''A point.'''

    x: int
    y: str | None = None

    @property
    def double(self) -> int:
        return 2 * self.x

    def __str__(self) -> str:
        return f"at {self.x}"
"""


MEMBERS = """
class Level(module.IntEnum):
    '''A level.'''

    LOW = 0  #: the first
    HIGH = 1
"""


class Kept(NamedTuple):
    """A class that `pickle` finds by its name."""

    number: int


class Choice(IntEnum):
    """A class that `pickle` finds by its name."""

    ONLY = 7


def test_a_class_is_the_same_as_with_typing() -> None:
    made = []
    for module in (typing, light_classes):
        namespace: dict[str, Any] = {"__name__": __name__, "module": module}
        exec(f"from __future__ import annotations{FIELDS}", namespace)
        made.append(namespace["Point"])
    theirs, ours = (
        (
            kind.__name__,
            kind.__qualname__,
            kind.__module__,
            kind.__doc__,
            issubclass(kind, tuple),
            kind._fields,
            kind._field_defaults,
            list(kind.__annotations__),
            str(kind(1)),
            repr(kind(1, "a")),
            repr(kind(y="a", x=1)),
            repr(kind(1, y="a")),
            kind(3).double,
            kind(1)._asdict(),
            kind(1)._replace(y="b") == (1, "b"),
            hasattr(kind(1), "__dict__"),
        )
        for kind in made
    )
    assert ours == theirs


@pytest.mark.parametrize(
    "wrong",
    [
        lambda kind: kind(),
        lambda kind: kind(1, "a", 2),
        lambda kind: kind(1, x=1),
        lambda kind: kind(1, z=1),
        lambda kind: kind(1)._replace(z=1),
    ],
)
def test_wrong_values_are_an_error(wrong: Callable[[Any], object]) -> None:
    namespace: dict[str, Any] = {"__name__": __name__, "module": light_classes}
    exec(f"from __future__ import annotations{FIELDS}", namespace)
    with pytest.raises(TypeError, match="Point"):
        wrong(namespace["Point"])


def test_a_class_is_the_same_as_with_enum() -> None:
    made = []
    for module in (enum, light_classes):
        namespace: dict[str, Any] = {"__name__": __name__, "module": module}
        exec(MEMBERS, namespace)
        made.append(namespace["Level"])
    theirs, ours = (
        (
            kind.__name__,
            kind.__doc__,
            len(kind),
            [(member.name, int(member), repr(member), f"{member}") for member in kind],
            [isinstance(member, kind) for member in kind],
            kind(1) is kind.HIGH,
            kind["HIGH"] is kind.HIGH,
            kind.HIGH > kind.LOW,
            {kind.LOW: "low"}[0],
            ["a", "b"][kind.HIGH],
        )
        for kind in made
    )
    assert ours == theirs


def test_an_instance_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)
    assert pickle.loads(pickle.dumps(Choice.ONLY)) is Choice.ONLY


@pytest.mark.process
def test_a_cold_start_makes_no_class_of_typing() -> None:
    """`typing` compiles the annotation of each field of a named tuple and of a typed dict."""
    program = """
import asyncio, json, logging, typing

def made(*arguments, **keywords):
    raise AssertionError(arguments)

typing.NamedTupleMeta.__new__ = typing._TypedDictMeta.__new__ = made
import adapter.native.runtime
"""
    subprocess.run([sys.executable, "-c", program], check=True)
