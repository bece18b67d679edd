from __future__ import annotations

from adapter.emulator.console import Console
from adapter.emulator.environments.environment_log import EnvironmentLog
from adapter.emulator.local_invocation import MAX_LOG_BYTES, LocalInvocation

from ..conftest import Log


def invocation(*, wants_log: bool) -> LocalInvocation:
    return LocalInvocation(b"{}", request_id="id-1", trace_id="", wants_log=wants_log)


def test_the_end_of_the_log_is_kept_for_a_caller_that_wants_it() -> None:
    screen = Log()
    wanted, unwanted = invocation(wants_log=True), invocation(wants_log=False)
    running = {wanted}
    log = EnvironmentLog(Console(screen), running)
    for number in range(1000):
        log.line(f"line {number}")
    running.add(unwanted)  # from here the lines of both cannot be told apart
    log.line("of both")
    assert screen.lines[-1] == "of both"
    assert unwanted.log_tail is None
    assert wanted.log_tail is not None
    assert len(wanted.log_tail) == MAX_LOG_BYTES
    assert wanted.log_tail.endswith(b"\nline 999\n")
