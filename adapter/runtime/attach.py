"""Where a handler finds the runtime that it is made in."""

from __future__ import annotations

from .bridge import Bridge


def attach() -> Bridge | None:
    """Return what this process calls its handlers through, if its runtime is one that streams."""
    if Bridge.native is not None:
        return Bridge.native
    from .managed import install  # what the native runtime need not pay for

    return install()
