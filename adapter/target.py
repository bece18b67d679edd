"""TARGET on the command line: a handler string and the folder that it is imported from."""

from __future__ import annotations

import re
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = Path(__file__).parent
DISTRIBUTION = "asgi-lambda-stream"
MODULE_HELP = "the app: module:attribute, or module.attribute for a Lambda handler"
TARGET_HELP = f"{MODULE_HELP}, or a file, as in src/main.py:app"

NAME = r"[^\W\d]\w*"
ATTRIBUTE = rf"{NAME}(?:\.{NAME})*"
#: the folders of a file may have any name, with spaces for example
APP = re.compile(rf"(?P<module>[\w./-]+|.+/[\w.-]+\.py):{ATTRIBUTE}(?:\(\))?")
HANDLER = re.compile(rf"[\w./-]+\.{NAME}")
HINT = (
    "TARGET has to be module:attribute (main:app), module.attribute (main.handler) "
    "or a file and an attribute (src/main.py:app)."
)


class Target(NamedTuple):
    """A handler string as ``_HANDLER`` has it, and the task root it is imported from."""

    handler: str
    task_root: Path


def find_target(text: str, here: Path, *, factory: bool = False) -> Target:
    """Read a TARGET given in the folder ``here``.

    The task root of a file is the first folder above the file that is not a package, because
    imports start there. The task root of a module is ``here``. ``factory`` says that the attribute
    is a function that makes the app; ``main:create_app()`` says the same.

    Raises:
        ConfigurationError: the TARGET is malformed, names a file that does not exist, or is in a
            project that hides this library.
    """
    target = _find(text, here, factory=factory)
    refuse_own_name(target.task_root)
    return target


def folders_of_repository(folder: Path) -> Iterator[Path]:
    """Yield a folder, and those above it up to the top of its repository."""
    for each in (folder, *folder.parents):
        yield each
        if (each / ".git").exists():
            return


def refuse_own_name(task_root: Path) -> None:
    """Check that a function with this task root can import this library.

    Raises:
        ConfigurationError: the project has a module or a package with the library's name.
    """
    found = _own_module(task_root)
    if found is None:
        return
    kind = "package" if found.is_dir() else "module"
    raise ConfigurationError(
        f"The project has a {kind} named {LIBRARY.name}, which is the name of this library too:"
        f" {found} hides the library from Python, or is mixed with the library in a zip. Rename the"
        f" {kind}, for example to {LIBRARY.name}s."
    )


def _own_module(task_root: Path) -> Path | None:
    """Return the project's file or folder that has the library's name, or ``None``.

    The library itself is ignored, in its repository or installed into the task root.
    """
    spec = PathFinder.find_spec(LIBRARY.name, [str(task_root)])
    if spec is None or any(task_root.glob(f"{DISTRIBUTION.replace('-', '_')}-*.dist-info")):
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not folders:
        return Path(spec.origin or task_root / LIBRARY.name)
    if LIBRARY.samefile(folders[0]) or not any(folders[0].rglob("*.py")):
        return None
    return folders[0]


def _find(text: str, here: Path, *, factory: bool) -> Target:
    if text.endswith(".py"):
        raise ConfigurationError(f"{text!r} names a file but no app in it. Try {text}:app")
    named_app = APP.fullmatch(text)
    if factory:
        text = _factory_call(text, is_app=named_app is not None)
    elif not named_app and not HANDLER.fullmatch(text):
        raise ConfigurationError(f"{text!r} does not name an app. {HINT}")
    if named_app and named_app["module"].endswith(".py"):
        return _file_target(here / named_app["module"], text.rpartition(":")[2])
    return Target(text, here.resolve())


def _factory_call(text: str, *, is_app: bool) -> str:
    if not is_app:
        raise ConfigurationError(
            f"{text!r} does not name an app factory. With --factory it has to be "
            "module:function (main:create_app) or a file and a function (src/main.py:create_app)."
        )
    return text if text.endswith("()") else f"{text}()"


def _file_target(path: Path, attribute: str) -> Target:
    """Turn a file and an attribute into a module and an attribute."""
    if not path.is_file():
        raise ConfigurationError(
            f"There is no file {path}. Paths are relative to the working directory."
        )
    path = path.resolve()
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Target(f"{'.'.join(parts)}:{attribute}", folder)
