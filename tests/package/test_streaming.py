"""The zip of an example is what Lambda would run: nothing else is there, and it streams."""

from __future__ import annotations

import subprocess
from zipfile import ZipFile

import pytest

from ..support.deployed_examples import (
    FASTAPI,
    RUNTIMES,
    Deployed,
    check_streams,
    deploy,
    forget_python,
)
from ..support.prepared import prepared
from .conftest import only_wheels_of

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Package one example, once, as it takes seconds; `make test-system` has the other."""
    with pytest.MonkeyPatch.context() as environ:
        only_wheels_of(prepared("wheels"), tmp_path_factory.mktemp("index"), environ)
        return deploy(FASTAPI, tmp_path_factory.mktemp("deployed"))


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_python(monkeypatch)


def test_the_root_has_nothing_of_this_machine_in_it(deployed: Deployed) -> None:
    for module in ("fastapi", "adapter", "pip"):
        command = [str(deployed.root.python), "-c", f"import {module}"]
        ended = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        assert "ModuleNotFoundError" in ended.stderr


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_the_example_streams_from_its_zip(deployed: Deployed, runtime: str) -> None:
    await check_streams(deployed, runtime)


def test_what_only_people_need_is_left_out(deployed: Deployed) -> None:
    with ZipFile(deployed.package.file) as archive:
        names = archive.namelist()
    folders = {tuple(name.split("/")[:2]) for name in names}
    assert ("adapter", "native") in folders
    assert not folders & {("adapter", part) for part in ("emulator", "testing", "package")}
    left_out = ("README.md", "pyproject.toml", "requirements.txt", "template.yaml", "Dockerfile")
    assert not set(left_out) & set(names)
    assert not [name for name in names if name.endswith((".pyi", "py.typed", "RECORD"))]


def test_every_module_is_compiled_because_lambda_cannot_write_it_down(deployed: Deployed) -> None:
    task = deployed.root.task
    modules = [file for file in task.rglob("*.py") if file.parent.name != "__pycache__"]
    compiled = {file.name.partition(".")[0] for file in task.rglob("*.pyc")}
    assert {file.stem for file in modules} == compiled
