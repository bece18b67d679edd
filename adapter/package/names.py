"""The names that a module has once it is imported, as far as they can be read in it."""

from __future__ import annotations

import ast
from symtable import SymbolTable, symtable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: what gives a module names that are not written in it, or puts another thing into its place
HIDDEN = {"__dict__", "__getattr__", "exec", "globals", "modules", "setattr", "vars"}


def names(source: str) -> set[str]:
    """Return the names that are bound in a module.

    Raises:
        SyntaxError: it is not Python, or not of this version.
    """
    return set(_bound(symtable(source, "<module>", "exec")))


def may_have_others(source: str) -> bool:
    """Whether more names may be bound than can be read: by a star import, for instance."""
    return any(map(_hides_names, ast.walk(ast.parse(source))))


def _bound(table: SymbolTable) -> Iterator[str]:
    in_module = table.get_type() == "module"
    for symbol in table.get_symbols():
        is_bound = symbol.is_assigned() or symbol.is_imported()
        if is_bound and (in_module or symbol.is_declared_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _bound(inner)


def _hides_names(node: ast.AST) -> bool:
    match node:
        case ast.alias(name="*"):
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
            return name in HIDDEN
    return False
