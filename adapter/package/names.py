"""The names that a module has once it is imported, as far as they can be read in it."""

from __future__ import annotations

import ast
from symtable import SymbolTable, symtable
from typing import TYPE_CHECKING

from ..loader import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

#: what gives a module names that are not written in it, or puts another thing into its place
HIDDEN = {"__dict__", "__getattr__", "exec", "globals", "modules", "setattr", "vars"}

#: classes and functions of well-known frameworks, and the kind of app that a call of each makes
MAKERS = {
    "FastAPI": Kind.ASGI_APP,
    "Flask": Kind.WSGI_APP,
    "Litestar": Kind.ASGI_APP,
    "Quart": Kind.ASGI_APP,
    "Starlette": Kind.ASGI_APP,
    "WsgiToAsgi": Kind.ASGI_APP,
    "get_asgi_application": Kind.ASGI_APP,
    "get_wsgi_application": Kind.WSGI_APP,
}


def names(source: str) -> set[str]:
    """Return the names that are bound in a module.

    Raises:
        SyntaxError: it is not Python, or not of this version.
    """
    return set(_bound(symtable(source, "<module>", "exec")))


def may_have_others(source: str) -> bool:
    """Whether more names may be bound than can be read: by a star import, for instance."""
    return any(map(_hides_names, ast.walk(ast.parse(source))))


def kind_of(source: str, name: str) -> Kind:
    """Return the kind of object that a module binds a name to, judged by its source."""
    found = Kind.UNKNOWN
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=bound) | ast.AsyncFunctionDef(name=bound) if bound == name:
                found = _kind_of_function(node)
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                found = _kind_of_value(value)
            case ast.AnnAssign(target=ast.Name(id=bound), value=value) if bound == name:
                found = _kind_of_value(value)
            case _ if name in names(ast.unparse(node)):
                found = Kind.UNKNOWN
    return found


def _kind_of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Kind:
    arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    required = len(arguments) - len(node.args.defaults)
    if node.decorator_list or node.args.vararg:
        return Kind.UNKNOWN
    if arguments == ["environ", "start_response"]:
        return Kind.WSGI_APP
    if required == 3:
        return Kind.ASGI_APP
    is_factory = isinstance(node, ast.FunctionDef) and required == 0 and len(arguments) < 2
    return Kind.FACTORY if is_factory else Kind.UNKNOWN


def _kind_of_value(value: ast.expr | None) -> Kind:
    match value:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return MAKERS.get(name, Kind.UNKNOWN)
    return Kind.UNKNOWN


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
