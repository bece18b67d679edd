"""The module that a TARGET names, and whether it has what Lambda is to load from it."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.util import decode_source
from typing import TYPE_CHECKING, NamedTuple

from .errors import PackageError
from .names import may_have_others, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class Module(NamedTuple):
    """A module by its dotted name, and the name of the app or the handler in it."""

    name: str
    attribute: str


def find_module(target: str) -> Module:
    """Read a TARGET; ``shop/main.handler`` is the same as ``shop.main.handler``."""
    path, _, attribute = target.rpartition(":" if ":" in target else ".")
    return Module(path.replace("/", "."), attribute.partition(".")[0])


def is_among(module: Module, files: Iterable[str]) -> bool:
    """Whether files, by their names in the zip, have the module's outermost package."""
    top = module.name.partition(".")[0]
    return any(name.replace("/", ".").partition(".")[0] == top for name in files)


def check_module(module: Module, files: Mapping[str, Path], say: Callable[[str], None]) -> None:
    """Look whether a module is there and has what is wanted, without running it.

    ``say`` is told where that cannot be seen.

    Raises:
        PackageError: it is not, or has not.
    """
    path = module.name.replace(".", "/")
    source = files.get(f"{path}.py") or files.get(f"{path}/__init__.py")
    if source is not None:
        check_attribute(module, source, say)
    elif not any(name.startswith((f"{path}.", f"{path}/__init__.")) for name in files):
        raise PackageError(
            f"There is no module {module.name} in the package. "
            f"Name the file it is in: path/to/{path.rpartition('/')[2]}.py:{module.attribute}"
        )


def check_attribute(module: Module, source: Path, say: Callable[[str], None]) -> None:
    """Look whether the source of a module binds the name that is wanted."""
    name, wanted = module
    try:
        text = decode_source(source.read_bytes())
        found = names(text)
    except (SyntaxError, ValueError) as error:
        say(f"Warning: the module {name} cannot be read by this Python: {error}")
        return
    if wanted in found:
        return
    if may_have_others(text):
        say(f"Warning: whether the module {name} has {wanted!r} shows only when it is imported.")
        return
    near = "".join(get_close_matches(wanted, found, 1))
    raise PackageError(
        f"The module {name} has no {wanted!r}, which the function was to load. "
        + (f"Did you mean {near!r}?" if near else f"Name something that is in {source.name}.")
    )
