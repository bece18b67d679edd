"""A project's pyproject.toml."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYPROJECT = "pyproject.toml"

#: of what is read in it
TABLES = ("project", "tool", "tool.adapter")
LISTS = ("project.dependencies", "project.dynamic")


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """Read the pyproject.toml of a folder; one that is not there is empty.

    Raises:
        PackageError: it is not TOML, or has values of another kind than it should.
    """
    file = folder / PYPROJECT
    if not file.is_file():
        return {}
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackageError(f"{file} cannot be read: {error}") from None
    for path in TABLES:
        if not isinstance(table := _find(document, path, {}), dict):
            raise PackageError(f"{file} has {path} = {table!r}, which has to be a table.")
    for path in LISTS:
        if not is_texts(texts := _find(document, path, [])):
            raise PackageError(f"{file} has {path} = {texts!r}, which has to be a list of texts.")
    return document


def is_texts(value: object) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _find(document: Mapping[str, Any], path: str, default: object) -> object:
    *tables, name = path.split(".")
    for table in tables:
        document = document.get(table, {})
    return document.get(name, default)
