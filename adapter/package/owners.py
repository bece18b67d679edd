"""Which distribution each installed file belongs to."""

from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def find_owners(folder: Path) -> dict[str, str]:
    """Return "name version" of the distribution that has installed each file below a folder.

    Has to be asked before the metadata is trimmed.
    """
    owners = {}
    for distribution in distributions(path=[str(folder)]):
        owner = f"{distribution.metadata['Name']} {distribution.version}"
        for file in distribution.files or ():
            owners[file.as_posix()] = owner
    return owners


def source_of(name: str) -> str:
    """Return the module that a file of bytecode was made from; another file is its own source."""
    folder, cache, file = name.rpartition("__pycache__/")
    return f"{folder}{file.partition('.')[0]}.py" if cache and name.endswith(".pyc") else name
