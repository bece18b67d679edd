"""What all tests share: which of them start processes, and how hard hypothesis tries."""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# The same examples on every run: a red build is red for everyone. `nightly` looks further.
# `make test` has the profile `test`, `make test-fast` has `fast`.
settings.register_profile("ci", max_examples=200, derandomize=True, deadline=None, database=None)
settings.register_profile("test", settings.get_profile("ci"), max_examples=50)
settings.register_profile("fast", settings.get_profile("ci"), max_examples=10)
settings.register_profile("nightly", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell's job in the background ignores SIGINT, and so would the processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup; processes inherit no handler
    signal.signal(signal.SIGHUP, lambda *_: None)

TESTS = Path(__file__).parent
#: Folders whose tests start processes; `make test-fast` does not even import them.
PROCESS_FOLDERS = {
    TESTS / "agents",
    TESTS / "browser",
    TESTS / "emulator" / "commands",
    TESTS / "emulator" / "environments",
    TESTS / "examples",
    TESTS / "faults",
    TESTS / "frameworks",
    TESTS / "package",
    TESTS / "runtimes",
    TESTS / "system",
    TESTS / "vendors",
}
#: Fixtures that start processes.
PROCESS_FIXTURES = {"local", "moto"}  # moto plays AWS on a server, for seconds
#: What Python tells its audit hooks before it starts a process.
PROCESS_EVENTS = {"os.fork", "os.posix_spawn", "subprocess.Popen"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.option.markexpr == "not process" and collection_path in PROCESS_FOLDERS:
        return True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Use two workers for each processor if tests start processes, which they often wait for."""
    return None if config.option.markexpr == "not process" else 2 * (os.cpu_count() or 1)


@given(strategies.none())
def _one_example(_: None) -> None:
    """Let hypothesis register its random numbers.

    Hypothesis warns if it finds no reference to them, and Python finds none in frozen objects.
    """


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector neither run here nor look later at what lasts for all tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        _one_example()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if starts_processes(item.path) or not PROCESS_FIXTURES.isdisjoint(fixtures):
            item.add_marker("process")


@cache
def starts_processes(file: Path) -> bool:
    return not PROCESS_FOLDERS.isdisjoint(file.parents)


class ProcessGuard:
    """Refuses processes to tests that lack the marker ``process``, so that fast tests stay fast."""

    def __init__(self) -> None:
        self.test: pytest.Item | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[Any, ...]) -> None:
        # In this order: Python empties this module before the last events.
        if self.test and event in PROCESS_EVENTS and not self.test.get_closest_marker("process"):
            raise RuntimeError(
                f"{self.test.nodeid} starts a process: give it the marker `process`, as "
                "tests/README.md says."
            )


GUARD = ProcessGuard()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    GUARD.test = item
    try:
        return (yield)
    finally:
        GUARD.test = None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
