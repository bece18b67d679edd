"""Finds a project's own module or package named ``adapter``, which hides this library."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path

from .errors import ConfigurationError

LIBRARY = Path(__file__).parent
DISTRIBUTION = "asgi_lambda_stream"


def refuse_own_name(task_root: Path) -> None:
    """Check that a function with this task root can import this library.

    Raises:
        ConfigurationError: the project has a module or a package with the library's name.
    """
    found = own_module(task_root)
    if found is None:
        return
    kind = "package" if found.is_dir() else "module"
    raise ConfigurationError(
        f"The project has a {kind} named {LIBRARY.name}, and so has this library: {found} hides "
        f"it from Python, or is mixed with it in a zip. Rename yours, to {LIBRARY.name}s perhaps."
    )


def own_module(task_root: Path) -> Path | None:
    """Return the project's file or folder that has the library's name; ``None`` if there is none.

    The library itself does not count: in its repository, or installed into the task root.
    """
    spec = PathFinder.find_spec(LIBRARY.name, [str(task_root)])
    if spec is None or any(task_root.glob(f"{DISTRIBUTION}-*.dist-info")):
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if not folders:
        return Path(spec.origin or task_root / LIBRARY.name)
    if LIBRARY.samefile(folders[0]) or not any(folders[0].rglob("*.py")):
        return None
    return folders[0]
