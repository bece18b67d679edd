"""Checks that the packaged module binds the name that the function loads, without running it."""

from __future__ import annotations

import ast
import re
from importlib.util import decode_source
from symtable import symtable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import PackageError
from ..loader import CALL, mistake, nearest
from . import THIS_PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from ..loader import Kind

#: names whose use may add names to a module that its source does not bind, or replace the module
DYNAMIC = {"*", "__dict__", "__getattr__", "exec", "globals", "modules", "setattr", "vars"}

#: classes and functions of well-known frameworks, and the kind of app that a call of each makes
ASGI_MAKERS = "FastAPI", "Litestar", "Quart", "Starlette", "WsgiToAsgi", "get_asgi_application"
WSGI_MAKERS = "Flask", "get_wsgi_application"
MAKERS: dict[str, Kind] = {
    **dict.fromkeys(ASGI_MAKERS, "an ASGI app"),
    **dict.fromkeys(WSGI_MAKERS, "a WSGI app"),
}


class NamedModule(NamedTuple):
    """A module by its dotted name, the name that it has to bind, and the target of both."""

    name: str
    attribute: str
    target: str

    @property
    def sources(self) -> tuple[str, str]:
        """The names that the module's source may have in a zip, in Python's order."""
        path = self.name.replace(".", "/")
        return f"{path}/__init__.py", f"{path}.py"


def find_module(target: str) -> NamedModule:
    """Read a TARGET; ``shop/main.handler`` is the same as ``shop.main.handler``."""
    path, _, attribute = target.rpartition(":" if ":" in target else ".")
    attribute = attribute.removesuffix(CALL).partition(".")[0]
    return NamedModule(path.replace("/", "."), attribute, target)


def is_among(module: NamedModule, files: Iterable[str]) -> bool:
    """Whether the module's outermost package is among ``files``, the names of files in the zip."""
    top = module.name.partition(".")[0]
    return any(name.startswith(f"{top}/") or _is_file_of(top, name) for name in files)


def _is_file_of(path: str, name: str) -> bool:
    """Whether a file is a module: ``main.py``, ``main.pyc``, ``main.cpython-313-….so``."""
    return bool(re.fullmatch(rf"{re.escape(path)}(/__init__)?\.(pyc?|(.*\.)?so)", name))


def check_kept(module: NamedModule, files: Collection[str], task_root: Path) -> None:
    """Check that a module of the project is among the files that are packaged."""
    source = next((source for source in module.sources if (task_root / source).is_file()), None)
    if source and source not in files:
        raise PackageError(
            f"{task_root / source} is the module that the function loads, but it is left out of "
            f"packages; --keep {source} keeps it."
        )


def check_module(
    module: NamedModule, files: Mapping[str, Path], python: str, say: Callable[[str], None]
) -> None:
    """Check that a module is there, and binds the name to an object of the right kind.

    ``python`` is the version that will import the module. ``say`` gets a warning if the source does
    not show whether it binds the name.
    """
    name, wanted, target = module
    source = next((files[source] for source in module.sources if source in files), None)
    if source is None:
        if any(_is_file_of(name.replace(".", "/"), file) for file in files):
            return  # compiled
        raise PackageError(
            f"There is no module {name} in the package. Name the file it is in: "
            f"path/to/{name.rpartition('.')[2]}.py:{wanted}"
        )
    try:
        text = decode_source(source.read_bytes())
        found = bound_names(text)
    except (SyntaxError, ValueError) as error:
        if python == THIS_PYTHON:
            raise PackageError(f"The module {name} cannot be imported: {error}") from None
        say(f"Warning: the module {name} cannot be read by this Python: {error}")
        return
    is_attribute = target.endswith((f":{wanted}", f".{wanted}"))  # not create_app() or site.app
    if wanted in found:
        if is_attribute and (message := mistake(target, kind_of(text, wanted))):
            raise PackageError(message)
    elif may_bind_more(text):
        say(f"Warning: whether the module {name} has {wanted!r} shows only when it is imported.")
    else:
        raise PackageError(
            f"The module {name} has no {wanted!r}, which the function would load"
            + (nearest(wanted, found) or f". Name an app or a handler of {source.name}.")
        )


def bound_names(source: str) -> set[str]:
    """Return the names that a module binds; `SyntaxError` if this Python cannot read it."""
    found = set()
    tables = [symtable(source, "<module>", "exec")]
    for table in tables:  # the loop adds more tables
        for symbol in table.get_symbols():
            is_bound = symbol.is_assigned() or symbol.is_imported()
            if is_bound and (table.get_type() == "module" or symbol.is_declared_global()):
                found.add(symbol.get_name())
        tables += table.get_children()
    return found


def may_bind_more(source: str) -> bool:
    """Whether a module may bind names that its source does not show, as by ``import *``."""
    nodes = map(vars, ast.walk(ast.parse(source)))
    return any(DYNAMIC & {node.get("id"), node.get("attr"), node.get("name")} for node in nodes)


def kind_of(source: str, name: str) -> Kind:
    """Return the kind of object that a module binds a name to at last, judged by its source."""
    binding = [node for node in ast.parse(source).body if name in bound_names(ast.unparse(node))]
    match binding[-1:]:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() as node] if node.name == name:
            return _kind_of_function(node)
        case [
            ast.Assign(targets=[ast.Name(id=bound)], value=ast.Call(func=maker))
            | ast.AnnAssign(target=ast.Name(id=bound), value=ast.Call(func=maker))
        ] if bound == name:
            return MAKERS.get(ast.unparse(maker).rpartition(".")[2], "unknown")
    return "unknown"


def _kind_of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Kind:
    arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    required = len(arguments) - len(node.args.defaults)
    if node.decorator_list or node.args.vararg:
        return "unknown"
    if arguments == ["environ", "start_response"]:
        return "a WSGI app"
    if required == 3:
        return "an ASGI app"
    is_factory = isinstance(node, ast.FunctionDef) and required == 0 and len(arguments) < 2
    return "a function without arguments" if is_factory else "unknown"
