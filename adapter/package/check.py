"""Checks the packaged module, without running it: its imports, and the name that it has to bind."""

from __future__ import annotations

import ast
import re
import sys
from dis import get_instructions
from importlib.util import resolve_name
from typing import TYPE_CHECKING
from warnings import catch_warnings

from ..errors import PackageError
from ..loader import CALL, kind_mismatch, name_suggestion
from . import THIS_PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
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

#: modules that need not be in the zip
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
ON_LAMBDA = {
    *("awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "simplejson"),
    *("six", "snapshot_restore_py", "urllib3", "__main__", *sys.stdlib_module_names),
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
        f"path/to/{module.rpartition('.')[2]}.py:{name}. If the file is left out of packages: "
        f"adapter package --keep {path}.py"
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


def missing_imports(
    target: str, sources: Mapping[str, Path], packaged: Collection[str]
) -> Mapping[str, str]:
    """Return the modules that an import of the target needs and that are not packaged.

    Each has the name of the file that imports it. ``sources`` and ``packaged`` have names of
    files in the zip. An import in an ``if``, a ``try`` or a function may never run, so it does not
    count. The result is empty if a module changes ``sys.path``.
    """
    found = ON_LAMBDA.union(name.partition("/")[0].partition(".")[0] for name in packaged)
    missing: dict[str, str] = {}
    modules, seen = with_parents(split(target)[0]), set[str]()
    while modules:
        module = modules.pop()
        path = module.replace(".", "/")
        is_package = f"{path}/__init__.py" in sources
        file = f"{path}/__init__.py" if is_package else f"{path}.py"
        if file not in sources or module in seen:
            continue
        seen.add(module)
        source = sources[file].read_bytes()
        if b"sys.path" in source or b"addsitedir" in source:
            return {}
        package = module if is_package else module.rpartition(".")[0]
        for name in imports(source, package):
            modules += with_parents(name)
            if (top := name.partition(".")[0]) not in found:
                missing.setdefault(top, file)
    return missing


def with_parents(module: str) -> list[str]:
    """Return a module after the packages that it is in: ``a`` and ``a.b`` for ``a.b``."""
    return [module[: dot.start()] for dot in re.finditer(r"\.|$", module)]


def imports(source: bytes, package: str) -> Iterator[str]:
    """Return the imports at the top level of a module: modules, and names in modules."""
    try:
        with catch_warnings(action="ignore"):  # such as of "\\d", which belong to an import
            statements = ast.parse(source).body
        for statement in statements:
            match statement:
                case ast.Import(names=names):
                    yield from (each.name for each in names)
                case ast.ImportFrom(module=module, names=names, level=level):
                    base = resolve_name("." * level + (module or ""), package)
                    yield from (f"{base}.{each.name}" for each in names)
    except (SyntaxError, ValueError, RecursionError, ImportError):  # Python will say more
        return
