"""TARGET on the command line: a handler string and the folder that it is imported from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConfigurationError
from ..own_name import refuse_own_name

if TYPE_CHECKING:
    from pathlib import Path

NAME = r"[^\W\d]\w*"
ATTRIBUTE = rf"{NAME}(?:\.{NAME})*"
APP = re.compile(rf"(?P<module>[\w./-]+):{ATTRIBUTE}(?:\(\))?")
HANDLER = re.compile(rf"[\w./-]+\.{NAME}")
HINT = (
    "It has to be module:attribute (main:app), module.attribute (main.handler) "
    "or a file and an attribute (src/main.py:app)."
)


class Target(NamedTuple):
    """A handler string as ``_HANDLER`` has it, and the task root it is imported from."""

    handler: str
    task_root: Path


def find_target(text: str, here: Path, *, factory: bool = False) -> Target:
    """Read a TARGET given in the folder ``here``.

    The task root of a file is the first folder above it that is not a package, because imports
    start there; of a module it is ``here``. ``factory`` says that the attribute is a function
    that makes the app; ``main:create_app()`` says the same.

    Raises:
        ConfigurationError: it is malformed, names a file that is not there, or belongs to a
            project with a module of the same name as this package.
    """
    target = _read(text, here, factory)
    refuse_own_name(target.task_root)
    return target


def _read(text: str, here: Path, factory: bool) -> Target:
    if text.endswith(".py"):
        raise ConfigurationError(f"{text!r} names a file but no app in it. Try {text}:app")
    named_app = APP.fullmatch(text)
    if factory:
        text = _called(text, is_app=named_app is not None)
    elif not named_app and not HANDLER.fullmatch(text):
        raise ConfigurationError(f"{text!r} does not name an app. {HINT}")
    if named_app and named_app["module"].endswith(".py"):
        return _file_target(here / named_app["module"], text.rpartition(":")[2])
    return Target(text, here.resolve())


def _called(text: str, *, is_app: bool) -> str:
    if not is_app:
        raise ConfigurationError(
            f"{text!r} does not name an app factory. With --factory it has to be "
            "module:function (main:create_app) or a file and a function (src/main.py:create_app)."
        )
    return text if text.endswith("()") else f"{text}()"


def _file_target(path: Path, attribute: str) -> Target:
    """Turn a file and an attribute into a module and an attribute."""
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}. Paths are relative to where you are.")
    path = path.resolve()
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Target(f"{'.'.join(parts)}:{attribute}", folder)
