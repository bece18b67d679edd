"""What TARGET on the command line means here: a handler string and the folder it lives in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NAME = r"[^\W\d]\w*"
HANDLER = re.compile(rf"[\w./-]+[:.]{NAME}(\.{NAME})*")
HINT = (
    "It has to be module:attribute (main:app), module.attribute (main.handler) "
    "or a file and an attribute (src/main.py:app)."
)


class Target(NamedTuple):
    """A handler string as ``_HANDLER`` has it, and the task root it is imported from."""

    handler: str
    task_root: Path


def find_target(text: str, here: Path) -> Target:
    """Read a TARGET given in the folder ``here``.

    The task root of a file is the first folder above it that is not a package, because that
    is what has to be importable from; of anything else it is ``here``.

    Raises:
        ConfigurationError: it is malformed, or names a file that is not there.
    """
    path_text, colon, attribute = text.rpartition(":")
    if text.endswith(".py"):
        raise ConfigurationError(f"{text!r} names a file but no app in it. Try {text}:app")
    if colon and path_text.endswith(".py"):
        return file_target(here / path_text, attribute, text)
    if not HANDLER.fullmatch(text):
        raise ConfigurationError(f"{text!r} does not name an app. {HINT}")
    return Target(text, here.resolve())


def file_target(path: Path, attribute: str, text: str) -> Target:
    """Turn a file and an attribute into a module and an attribute."""
    if not re.fullmatch(rf"{NAME}(\.{NAME})*", attribute):
        raise ConfigurationError(f"{text!r} does not name an app. {HINT}")
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}. Paths are relative to where you are.")
    path = path.resolve()
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Target(f"{'.'.join(parts)}:{attribute}", folder)
