"""The examples as Lambda would have them: packaged, unpacked, and called by their URL."""

from __future__ import annotations

import platform
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from adapter.package import THIS_PYTHON
from adapter.package.build import DeploymentPackage, build
from adapter.package.project import find_project
from adapter.package.resolve import Platform

from .lambda_filesystem import LambdaRoot, Running, function_url, make_lambda_root, unpack

if TYPE_CHECKING:
    import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
RUNTIMES = ("managed", "native", "container")


class Example(NamedTuple):
    """An example, and how to know that a response is from it."""

    name: str
    page: str  #: a text on its first page
    rows: int  #: of its report, with its head


FASTAPI = Example("fastapi_app", "House Espresso", 120_001)
DJANGO = Example("django_app", "Observatory", 50_001)


class Deployed(NamedTuple):
    """An example's zip, and the root that it was unpacked into."""

    example: Example
    package: DeploymentPackage
    root: LambdaRoot


def deploy(example: Example, folder: Path) -> Deployed:
    """Package an example for this machine and unpack it."""
    package = build(
        find_project(EXAMPLES / example.name),
        "handler.handler",
        Platform(ARCHITECTURE, THIS_PYTHON),
        folder / "function.zip",
    )
    root = make_lambda_root(folder / "root")
    unpack(package.file, root.task)
    return Deployed(example, package, root)


def forget_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what was set for this Python from those that are started."""
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)


async def check_streams(deployed: Deployed, runtime: str) -> None:
    """Start an example by its zip alone, and see it stream."""
    command = getattr(deployed.root, runtime)
    async with function_url(deployed.root, command, deployed.package.handler) as running:
        page = await running.client.get("/", params={"delay": 0})
        assert deployed.example.page in page.text, running.log.getvalue()
        await check_parts(running, "/sse?steps=3&delay=0.2")
        report = (await running.client.get("/report.csv")).text
        assert len(report.splitlines()) == deployed.example.rows


async def check_parts(running: Running, path: str) -> None:
    """See that the parts of a response, at least two pauses of 0.2 s, do not come at once."""
    async with running.client.stream("GET", path) as response:
        times = [monotonic() async for _ in response.aiter_raw()]
    assert response.status_code == 200, running.log.getvalue()
    assert times[-1] - times[0] > 0.3, running.log.getvalue()
