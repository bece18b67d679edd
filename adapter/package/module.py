"""The module that a TARGET names, and whether it has what Lambda is to load from it."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.util import decode_source
from typing import TYPE_CHECKING, NamedTuple

from ..loader import CALL, mistake
from . import bytecode
from .errors import PackageError
from .names import kind_of, may_have_others, names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path


class Module(NamedTuple):
    """A module by its dotted name, the name that it has to bind, and the target of both."""

    name: str
    attribute: str
    target: str


def find_module(target: str) -> Module:
    """Read a TARGET; ``shop/main.handler`` is the same as ``shop.main.handler``."""
    path, _, attribute = target.rpartition(":" if ":" in target else ".")
    return Module(path.replace("/", "."), attribute.removesuffix(CALL).partition(".")[0], target)


def is_among(module: Module, files: Iterable[str]) -> bool:
    """Whether files, by their names in the zip, have the module's outermost package."""
    top = module.name.partition(".")[0]
    return any(name.startswith(f"{top}/") or _is_file_of(top, name) for name in files)


def check_kept(module: Module, files: Collection[str], task_root: Path) -> None:
    """Look whether a module of a project is among those of its files that are packaged.

    Raises:
        PackageError: it is left out.
    """
    sources = _sources(module)
    there = [source for source in sources if (task_root / source).is_file()]
    if there and not any(source in files for source in sources):
        raise PackageError(
            f"{task_root / there[0]} has what the function is to load, but it is left out of "
            f"packages; --keep {there[0]} keeps it."
        )


def check_module(
    module: Module, files: Mapping[str, Path], python: str, say: Callable[[str], None]
) -> None:
    """Look whether a module is there and has what is wanted, without running it.

    ``python`` is the version that will import it. ``say`` is told where that cannot be seen.

    Raises:
        PackageError: it is not, or has not.
    """
    path = module.name.replace(".", "/")
    source = next((files[name] for name in _sources(module) if name in files), None)
    if source is not None:
        check_attribute(module, source, python, say)
    elif not any(
        _is_file_of(path, name) or _is_file_of(f"{path}/__init__", name) for name in files
    ):
        raise PackageError(
            f"There is no module {module.name} in the package. "
            f"Name the file it is in: path/to/{path.rpartition('/')[2]}.py:{module.attribute}"
        )


def check_attribute(module: Module, source: Path, python: str, say: Callable[[str], None]) -> None:
    """Look whether the source of a module binds the name that is wanted."""
    name, wanted, target = module
    try:
        text = decode_source(source.read_bytes())
        found = names(text)
    except (SyntaxError, ValueError) as error:
        if bytecode.fits(python):
            raise PackageError(f"The module {name} cannot be imported: {error}") from None
        say(f"Warning: the module {name} cannot be read by this Python: {error}")
        return
    if wanted in found:
        is_whole = target.endswith((f":{wanted}", f".{wanted}"))
        if is_whole and (message := mistake(target, kind_of(text, wanted))):
            raise PackageError(message)
        return
    if may_have_others(text):
        say(f"Warning: whether the module {name} has {wanted!r} shows only when it is imported.")
        return
    near = "".join(get_close_matches(wanted, found, 1))
    raise PackageError(
        f"The module {name} has no {wanted!r}, which the function was to load. "
        + (f"Did you mean {near!r}?" if near else f"Name something that is in {source.name}.")
    )


def _sources(module: Module) -> tuple[str, str]:
    """Return where the source of a module may be, by its name in a zip; Python looks so, too."""
    path = module.name.replace(".", "/")
    return f"{path}/__init__.py", f"{path}.py"


def _is_file_of(path: str, name: str) -> bool:
    """Whether a file is a module: ``main.py``, ``main.pyc``, ``main.cpython-313-….so``."""
    is_extension = name.startswith(f"{path}.") and name.endswith(".so")
    return is_extension or name in (f"{path}.py", f"{path}.pyc")
