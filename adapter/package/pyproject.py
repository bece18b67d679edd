"""A project's pyproject.toml."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYPROJECT = "pyproject.toml"


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """Read the pyproject.toml of a folder; one that is not there is empty.

    Raises:
        PackageError: it is not TOML.
    """
    file = folder / PYPROJECT
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackageError(f"{file} cannot be read: {error}") from None
