"""Runs ``adapter doctor`` on a URL."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .observed import Url

PACKAGE = __name__.partition(".")[0]


def examine(url: Url, stream_path: str, say: Callable[[str], None]) -> int:
    """Show how a URL responds; return 1 if ``stream_path`` is not seen to stream, else 0.

    Without ``stream_path`` it requests ``/`` and returns 0, because that response may be short.
    """
    if url.auth == "AWS_IAM":
        say("The URL takes only signed requests, so adapter doctor does not examine it.")
        return 0
    address = f"{url.url.rstrip('/')}{stream_path or '/'}"
    ended = subprocess.run([sys.executable, "-m", PACKAGE, "doctor", address], check=False)
    return int(bool(stream_path and ended.returncode))
