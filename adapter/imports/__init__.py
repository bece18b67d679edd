"""Faster imports at a cold start."""

from __future__ import annotations

import os
import sys

NAME = "packed_imports.bin"
"""The name of the file of packed imports, beside the ``adapter`` folder."""


def has_packed_file() -> bool:
    """Whether there is a packed file. Without one, `adapter.imports.packed` is not imported."""
    return os.path.exists(os.path.abspath(f"{__file__}/../../../{NAME}"))


def release_packed() -> None:
    """Free the memory of the packed files that are in use."""
    if (packed := sys.modules.get(f"{__name__}.packed")) is not None:
        packed.release()
