"""Runs ``adapter doctor`` on a URL."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .observed import Url

PACKAGE = __name__.partition(".")[0]


def examine(url: Url) -> int:
    """Examine a URL; 0 if it streams, 1 if not."""
    if find_spec(f"{PACKAGE}.doctor") is None:
        return 0
    ended = subprocess.run([sys.executable, "-m", PACKAGE, "doctor", url.url], check=False)
    return min(ended.returncode, 1)
