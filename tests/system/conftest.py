"""AWS's own tools, and the examples they are let loose on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from adapter.package.build import run_build_steps
from adapter.package.project import find_project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-system" / "bin"
WHEELS = ROOT / ".venv-system" / "wheels"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Example(NamedTuple):
    """An example, a path of it that streams, and what its CloudFormation template asks for."""

    name: str
    stream: str
    parameters: Mapping[str, str] = {}

    @property
    def folder(self) -> Path:
        return ROOT / "examples" / self.name


EXAMPLES = [
    Example("fastapi_app", "/sse?steps=3&delay=0.2"),
    Example("django_app", "/sse?steps=3&delay=0.2", {"SecretKey": "of-no-use-" * 4}),
]

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def only_downloaded_wheels(environ: pytest.MonkeyPatch) -> None:
    """Have uv find the packages of packages.txt and nothing else."""
    assert WHEELS.is_dir(), f"{WHEELS} is missing. Try: make test-system"
    environ.setenv("UV_FIND_LINKS", str(WHEELS))
    environ.setenv("UV_NO_BUILD_ISOLATION", "1")
    environ.setenv("UV_NO_INDEX", "1")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a tool as someone without an AWS account would, and return what it said."""
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAM_CLI_TELEMETRY", "0")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    interpreters = f"{Path(sys.executable).parent}:{Path(sys.base_prefix, 'bin')}"
    monkeypatch.setenv("PATH", f"{interpreters}:{os.environ['PATH']}")

    def call(tool: str, *arguments: object, cwd: Path = ROOT) -> str:
        assert (TOOLS / tool).exists(), f"{tool} is not installed. Try: make test-system"
        command = [str(TOOLS / tool), *map(str, arguments)]
        ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    return call


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[Example], Path]:
    """Copy an example and follow its README up to `sam build`: its data, the adapter's wheel."""

    def copy(example: Example) -> Path:
        folder = tmp_path / example.name
        ignored = shutil.ignore_patterns("__pycache__", ".aws-sam", "wheels", "*.zip")
        shutil.copytree(example.folder, folder, ignore=ignored)
        run_build_steps(find_project(folder), lambda text: None)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "wheels"]
        subprocess.run([*command, str(ROOT)], cwd=folder, check=True)
        return folder

    return copy
