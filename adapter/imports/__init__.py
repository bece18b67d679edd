"""Faster imports at a cold start."""

from __future__ import annotations

import os
import sys

NAME = "packed_imports.bin"


def install_packed() -> None:
    """Import modules from the packed file beside the ``adapter`` folder, if there is one."""
    folder = os.path.abspath(f"{__file__}/../../..")
    if os.path.exists(f"{folder}/{NAME}"):
        from .packed import install  # lazy: cold start

        install(folder)


def release_packed() -> None:
    """Free the memory of packed files, if one is used."""
    if (packed := sys.modules.get(f"{__name__}.packed")) is not None:
        packed.release()
