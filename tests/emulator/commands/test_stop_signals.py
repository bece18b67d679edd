from __future__ import annotations

import signal

from adapter.emulator.commands.stop_signals import stop_signals


def test_the_end_of_the_terminal_ends_a_command_unless_nohup_has_started_it() -> None:
    assert stop_signals() == (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stop_signals() == (signal.SIGINT, signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
