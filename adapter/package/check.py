"""Checks that the packaged module binds the name that the function loads, without running it."""

from __future__ import annotations

import ast
import re
from dis import get_instructions
from typing import TYPE_CHECKING

from ..errors import PackageError
from ..loader import CALL, kind_mismatch, name_suggestion
from . import THIS_PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..loader import Kind

#: a module whose source has one of these may have more names than its statements bind
DYNAMIC = r"import\s*\*|__dict__|__getattr__|sys\.modules|\b(exec|globals|setattr|vars)\b"

#: classes and functions of well-known frameworks, and the kind of app that a call of each makes
ASGI_MAKERS = "FastAPI", "Litestar", "Quart", "Starlette", "WsgiToAsgi", "get_asgi_application"
WSGI_MAKERS = "Flask", "get_wsgi_application"
MAKERS: dict[str, Kind] = {
    **dict.fromkeys(ASGI_MAKERS, "an ASGI app"),
    **dict.fromkeys(WSGI_MAKERS, "a WSGI app"),
}


def split(target: str) -> tuple[str, str]:
    """Return the module and the attribute; ``a/b.handler`` is the same as ``a.b.handler``."""
    path, _, attribute = target.rpartition(":" if ":" in target else ".")
    return path.replace("/", "."), attribute.removesuffix(CALL)


def check_module(
    target: str, files: Mapping[str, Path], python: str, say: Callable[[str], None]
) -> None:
    """Check that a module is there, and binds the name to an object of the right kind.

    ``python`` is the version that will import the module. ``say`` gets a warning if the source does
    not show whether it binds the name.
    """
    module, attribute = split(target)
    name = attribute.partition(".")[0]
    file = find_source(module, name, files)
    if file is None:
        return
    source = file.read_bytes()
    try:
        found = bindings(source, str(file))
    except (SyntaxError, ValueError) as error:
        if python == THIS_PYTHON:
            raise PackageError(f"The module {module} cannot be imported: {error}") from None
        say(f"Warning: the module {module} cannot be read by this Python: {error}")
        return
    if name in found:
        is_attribute = name == attribute  # not site.app
        if is_attribute and (message := kind_mismatch(target, kind_of(found[name]))):
            raise PackageError(message)
    elif re.search(rf"{DYNAMIC}|\bglobal .*\b{name}\b".encode(), source):
        say(f"Warning: whether the module {module} has {name!r} shows only when it is imported.")
    else:
        raise PackageError(
            f"The module {module} has no {name!r}, which the function would load"
            + (name_suggestion(name, found) or f". Name an app or a handler of {file.name}.")
        )


def find_source(module: str, name: str, files: Mapping[str, Path]) -> Path | None:
    """Return the source file of a module; ``None`` if the module is compiled."""
    path = module.replace(".", "/")
    if source := files.get(f"{path}/__init__.py", files.get(f"{path}.py")):  # in Python's order
        return source
    starts, ends = (f"{path}.", f"{path}/__init__."), (".so", ".pyc")
    if any(file.startswith(starts) and file.endswith(ends) for file in files):
        return None
    raise PackageError(
        f"There is no module {module} in the package. Name the file it is in: "
        f"path/to/{module.rpartition('.')[2]}.py:{name}. If the file is left out of packages, "
        f"--keep {path}.py keeps it."
    )


def bindings(source: bytes, filename: str) -> dict[str, ast.stmt]:
    """Return the names that a module binds, each with the last statement that binds the name."""
    found = {}
    for statement in ast.parse(source, filename).body:
        code = compile(ast.Module([statement], []), filename, "exec", dont_inherit=True)
        for instruction in get_instructions(code):
            if instruction.opname == "STORE_NAME":
                found[instruction.argval] = statement
    return found


def kind_of(binding: ast.stmt) -> Kind:
    """Return the kind of object that a statement binds a name to, if the kind is certain."""
    match binding:
        case ast.FunctionDef(args=arguments, decorator_list=[]):
            names = (*arguments.posonlyargs, *arguments.args)
            has_defaults = len(names) == len(arguments.defaults)
            is_factory = has_defaults and len(names) < 2 and not arguments.vararg
            return "a function without arguments" if is_factory else "unknown"
        case ast.Assign(value=ast.Call(func=maker)) | ast.AnnAssign(value=ast.Call(func=maker)):
            return MAKERS.get(ast.unparse(maker).rpartition(".")[2], "unknown")
    return "unknown"
