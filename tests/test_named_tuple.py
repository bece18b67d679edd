"""The classes with fields are those of `typing`, made for less."""

from __future__ import annotations

import pickle
import subprocess
import sys
import typing
from typing import Any

import pytest

from adapter.named_tuple import NamedTuple

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


class Kept(NamedTuple):
    """A class that `pickle` finds by its name."""

    number: int


def test_a_class_is_the_same_as_with_typing() -> None:
    from adapter import named_tuple

    made = []
    for module in (typing, named_tuple):
        namespace: dict[str, Any] = {"__name__": __name__, "module": module}
        exec(f"from __future__ import annotations{FIELDS}", namespace)
        made.append(namespace["Point"])
    theirs, ours = (
        (
            kind.__name__,
            kind.__qualname__,
            kind.__module__,
            kind.__doc__,
            kind.__bases__,
            kind._fields,
            kind._field_defaults,
            list(kind.__annotations__),
            str(kind(1)),
            repr(kind(1, "a")),
            kind(3).double,
            kind(1)._replace(y="b") == (1, "b"),
        )
        for kind in made
    )
    assert ours == theirs


def test_an_instance_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)


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
