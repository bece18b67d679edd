"""Layers: folders that a function sees as ``/opt``.

https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
#: where the runtimes of AWS look for the files of layers
VARIABLES = {
    "PATH": ("/opt/bin",),
    "LD_LIBRARY_PATH": ("/opt/lib",),
    "PYTHONPATH": (f"/opt/python/lib/{PYTHON}/site-packages", "/opt/python"),
    "NODE_PATH": ("/opt/nodejs/node_modules",),
}


def read_layers(folders: Iterable[str]) -> tuple[Path, ...]:
    """Return the folders of layers.

    Raises:
        ConfigurationError: a layer is not a folder, or cannot be mounted because of its name.
    """
    layers = tuple(Path(os.path.realpath(folder)) for folder in folders)  # `resolve` may raise
    for layer in layers:
        if not layer.is_dir():
            raise ConfigurationError(
                f"--layer {layer} is not a folder. It takes an unpacked layer, which has python/, "
                "bin/ or lib/ in it."
            )
        if re.search(r"[:,\\]", str(layer)):
            raise ConfigurationError(
                f"--layer {layer} cannot be mounted: its path has ':', ',' or '\\' in it."
            )
    return layers


def with_layers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables with the folders of layers at the end of each search path."""
    paths = {
        name: ":".join([*filter(None, [environ.get(name)]), *folders])
        for name, folders in VARIABLES.items()
    }
    return {**environ, **paths}
