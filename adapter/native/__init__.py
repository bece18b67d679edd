"""The native runtime: it receives events and hosts handlers."""

from __future__ import annotations

import os


def run(target: str | None) -> int:
    """Run as a Lambda runtime: ``adapter run``; return the exit status."""
    from ..imports import collector, has_packed_file

    with collector.pause(os.environ):
        if has_packed_file():
            from ..imports import packed  # lazy: cold start

            packed.install()  # before the imports that it makes fast
        from .runtime import main
    return main(target)
