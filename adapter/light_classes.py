"""`typing.NamedTuple` and `enum.IntEnum`, made for less: each cold start makes such classes.

`typing` compiles a method of each class and the annotation of each field, which takes 0.4 to 0.9
million instructions for a class; `enum` takes 0.6 to 1.0 million. Here a class takes 0.1 to 0.2
million, and has what the adapter uses. Type checkers see the classes of `typing` and `enum`.

A named tuple that each invocation makes gets its values in order: keywords and defaults take longer
here.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]  # the property of a field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enum import IntEnum as IntEnum
    from typing import NamedTuple as NamedTuple
else:
    _new = tuple.__new__

    class _Tuple(tuple):
        __slots__ = ()

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                values = cls._in_order(values, named)
            return _new(cls, values)

        @classmethod
        def _in_order(cls, values, named):
            """Return the value of each field: of ``values``, then of ``named`` or the default."""
            rest = cls._fields[len(values) :]
            given = {**cls._field_defaults, **named}
            in_order = (*values, *[given[field] for field in rest if field in given])
            if len(in_order) != len(cls._fields) or not all(field in rest for field in named):
                raise TypeError(f"{cls.__name__} has the fields {cls._fields}: {values}, {named}")
            return in_order

        def __repr__(self):
            fields = (f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({', '.join(fields)})"

        def __getnewargs__(self):
            return tuple(self)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named):
            return type(self)(*{**self._asdict(), **named}.values())

    class _TupleMeta(type):
        def __new__(cls, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            body["_fields"] = body["__match_args__"] = fields
            body["_field_defaults"] = {field: body[field] for field in fields if field in body}
            body |= {field: _tuplegetter(number, None) for number, field in enumerate(fields)}
            return type(name, (_Tuple,), {**body, "__slots__": ()})

    class NamedTuple(metaclass=_TupleMeta):
        """The base class of named tuples, used as `typing.NamedTuple` is."""

    class _EnumMeta(type):
        def __init__(cls, name, bases, body):
            super().__init__(name, bases, body)
            cls._members = {}
            for key, value in body.items():
                if key.isupper():
                    member = cls._members[value] = int.__new__(cls, value)
                    member.name = key
                    setattr(cls, key, member)

        def __call__(cls, value):
            try:
                return cls._members[value]
            except KeyError:
                raise ValueError(f"{value!r} is not a valid {cls.__name__}") from None

        def __getitem__(cls, name):
            return cls.__dict__[name]

        def __iter__(cls):
            return iter(cls._members.values())

        def __len__(cls):
            return len(cls._members)

    class IntEnum(int, metaclass=_EnumMeta):
        """The base class of integers with names, used as `enum.IntEnum` is."""

        __str__ = int.__repr__

        def __reduce__(self):
            return type(self), (int(self),)

        def __repr__(self):
            return f"<{type(self).__name__}.{self.name}: {int(self)}>"
