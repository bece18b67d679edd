"""Each example's zip is what Lambda would run: nothing else is there, and it streams."""

from __future__ import annotations

import subprocess
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest

from adapter.package.build import Package, build
from adapter.package.command import this_python
from adapter.package.platform import Platform
from adapter.package.project import find_project

from ..lambda_root import LambdaRoot, function_url, make_lambda_root, unpack

if TYPE_CHECKING:
    import httpx

# Wheels are downloaded, on some machines slowly.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

EXAMPLES = Path(__file__).parents[2] / "examples"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}


class Example(NamedTuple):
    name: str
    page: str  #: a text on its first page
    rows: int  #: of its report, with its head


FASTAPI = Example("fastapi_app", "House Espresso", 120_001)
DJANGO = Example("django_app", "Observatory", 50_001)


class Deployed(NamedTuple):
    example: Example
    package: Package
    root: LambdaRoot


@pytest.fixture(scope="session", params=[FASTAPI, DJANGO], ids=lambda example: example.name)
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Package an example for this machine and unpack it; once, as it takes seconds."""
    example: Example = request.param
    folder = tmp_path_factory.mktemp("deployed")
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout
    platform = Platform(MACHINE[machine.strip()], this_python())
    project = find_project(EXAMPLES / example.name)
    package = build(project, "handler.handler", platform, folder / "function.zip")
    root = make_lambda_root(folder / "root")
    unpack(package.file, root.task)
    return Deployed(example, package, root)


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)


def test_the_root_has_nothing_of_this_machine_in_it(deployed: Deployed) -> None:
    for module in ("fastapi", "django", "adapter", "pip"):
        command = [str(deployed.root.python), "-c", f"import {module}"]
        ended = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        assert "ModuleNotFoundError" in ended.stderr


@pytest.mark.parametrize("runtime", ["managed", "native", "container"])
async def test_the_example_streams_from_its_zip(deployed: Deployed, runtime: str) -> None:
    command = getattr(deployed.root, runtime)
    async with function_url(deployed.root, command, deployed.package.handler) as running:
        page = await running.client.get("/", params={"delay": 0})
        assert deployed.example.page in page.text, running.log.getvalue()
        times = await arrivals(running.client, "/sse", {"steps": 3, "delay": 0.2})
        assert times[-1] - times[0] > 0.3, running.log.getvalue()
        report = (await running.client.get("/report.csv")).text
        assert len(report.splitlines()) == deployed.example.rows


async def arrivals(client: httpx.AsyncClient, path: str, query: dict[str, float]) -> list[float]:
    """Return when the parts of a response arrived."""
    async with client.stream("GET", path, params=query) as response:
        assert response.status_code == 200
        return [monotonic() async for _ in response.aiter_raw()]


def test_what_only_people_need_is_left_out(deployed: Deployed) -> None:
    with ZipFile(deployed.package.file) as archive:
        names = archive.namelist()
    folders = {tuple(name.split("/")[:2]) for name in names}
    assert ("adapter", "runtime") in folders
    assert not folders & {("adapter", part) for part in ("emulator", "testing", "package")}
    left_out = ("README.md", "pyproject.toml", "requirements.txt", "template.yaml", "Dockerfile")
    assert not set(left_out) & set(names)
    assert not [name for name in names if name.endswith((".pyi", "py.typed", "RECORD"))]


def test_every_module_is_compiled_because_lambda_cannot_write_it_down(deployed: Deployed) -> None:
    task = deployed.root.task
    modules = [file for file in task.rglob("*.py") if file.parent.name != "__pycache__"]
    compiled = {file.name.partition(".")[0] for file in task.rglob("*.pyc")}
    assert {file.stem for file in modules} == compiled
