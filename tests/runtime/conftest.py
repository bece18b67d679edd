from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.emulator.conftest import local as local

from .running import RIC, RIC_4, Ric, Running, StartRunning, ric_3
from .scripted import Platform

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


@pytest.fixture(params=["3", "4"])
def ric(request: pytest.FixtureRequest) -> Ric:
    """Each version in turn."""
    return ric_3() if request.param == "3" else RIC_4


@pytest.fixture
def managed(start: Start) -> StartRunning:
    """Start AWS's runtime."""

    def start_managed(source: str, environ: dict[str, str] = RIC_4.environ) -> Running:
        return Running(start(source, "main.handler", RIC, **environ))

    return start_managed
