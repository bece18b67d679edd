"""The packages that `make test` puts beside the environment: no test asks a package index."""

from __future__ import annotations

import sys
from pathlib import Path


def prepared(name: str) -> Path:
    """Return the folder ``name`` of the environment that runs the tests."""
    folder = Path(sys.prefix, name)
    assert folder.is_dir(), f"{folder} is missing. Run: make {Path(sys.prefix).name}/.prepared"
    return folder
