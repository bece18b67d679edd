from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from tests.emulator.conftest import local as local
from tests.support.fake_runtime_api import ROOT, Platform
from tests.support.runtimes import RIC, RIC_4, Ric, Running, StartRunning, ric_3, variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Start(Protocol):
    """Starts a runtime whose task root has ``source`` in its ``main.py``."""

    def __call__(
        self,
        source: str,
        handler: str = ...,
        command: Sequence[str] = ...,
        pass_fds: Sequence[int] = ...,
        /,
        **environ: str,
    ) -> Platform: ...


RUN = (sys.executable, "-m", "adapter", "run")


class Runtime(NamedTuple):
    """A runtime, and the variables that it is started with."""

    command: tuple[str, ...]
    environ: dict[str, str]

    @property
    def is_native(self) -> bool:
        """Whether it is the adapter's own."""
        return self.command is RUN


NATIVE = Runtime(RUN, {"ADAPTER_SHUTDOWN": "off", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    platforms: list[Platform] = []

    def start_one(
        source: str,
        handler: str = "main:app",
        command: Sequence[str] = RUN,
        pass_fds: Sequence[int] = (),
        /,
        **environ: str,
    ) -> Platform:
        root = tmp_path / f"task{len(platforms)}"
        root.mkdir()
        (root / "main.py").write_text(dedent(source))
        platforms.append(Platform(root, handler, environ, command, pass_fds))
        return platforms[-1]

    yield start_one
    for platform in platforms:
        platform.close()


@pytest.fixture(params=[variant("3"), "4"])
def ric(request: pytest.FixtureRequest) -> Ric:
    """Each version in turn."""
    return ric_3() if request.param == "3" else RIC_4


@pytest.fixture
def managed(start: Start) -> StartRunning:
    """Start AWS's runtime."""

    def start_managed(source: str, environ: dict[str, str] = RIC_4.environ) -> Running:
        return Running(start(source, "main.handler", RIC, **environ))

    return start_managed


CONCURRENT = Runtime(RUN, NATIVE.environ | {"AWS_LAMBDA_MAX_CONCURRENCY": "1"})
RUNTIMES = ["native", variant("managed 3"), variant("managed 4"), "managed 4, threaded"]

#: Also in a concurrent environment, where synchronous functions are called in threads.
every_runtime = pytest.mark.parametrize(
    "runtime", [*RUNTIMES, variant("native, concurrent")], indirect=True
)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Each in turn."""
    if request.param.startswith("native"):
        return NATIVE if request.param == "native" else CONCURRENT
    ric = ric_3() if request.param == "managed 3" else RIC_4
    return Runtime(RIC, ric.threaded if "threaded" in request.param else ric.environ)


@pytest.fixture
def run(start: Start, runtime: Runtime) -> StartRunning:
    """Start a function whose handler is in its ``main.py``."""

    def run_one(source: str, environ: dict[str, str] | None = None) -> Running:
        environ = runtime.environ | (environ or {})
        platform = start(source, "main.handler", runtime.command, **environ)
        return Running(platform, is_native=runtime.is_native)

    return run_one
