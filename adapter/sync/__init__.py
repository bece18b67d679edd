"""AWS's own runtime, and calls of streaming handlers by synchronous code, under both runtimes.

A process has one bridge: through it the synchronous code reaches the event loop and a stream.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bridge import Bridge

_bridge: Bridge | None = None


def set_bridge(bridge: Bridge) -> None:
    """Make ``bridge`` the bridge of this process. Called by the native runtime."""
    global _bridge
    _bridge = bridge


def get_bridge() -> Bridge | None:
    """Return the bridge of this process, or None if the process is not a runtime that streams.

    The first call under AWS's runtime patches its client.
    """
    if _bridge is not None or "AWS_LAMBDA_RUNTIME_API" not in os.environ:
        return _bridge
    from .awslambdaric import install  # lazy: cold start

    return install()
