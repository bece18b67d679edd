"""The signals that end ``adapter dev`` and ``adapter invoke``."""

from __future__ import annotations

from signal import SIG_IGN, SIGHUP, SIGINT, SIGTERM, Signals, getsignal


def stop_signals() -> tuple[Signals, ...]:
    """Return the signals; without SIGHUP under ``nohup``: the command outlives its terminal."""
    if getsignal(SIGHUP) is SIG_IGN:
        return SIGINT, SIGTERM
    return SIGINT, SIGTERM, SIGHUP
