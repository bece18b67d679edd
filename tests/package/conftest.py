from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest

from adapter import __version__
from adapter.cli import main
from adapter.package.resolve import run_uv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Write = Callable[[Mapping[str, str]], Path]
    Run = Callable[..., "Outcome"]

ROOT = Path(__file__).parents[2]
APP = {"main.py": "async def app(scope, receive, send): ...\n"}


def needing(*lines: str) -> dict[str, str]:
    return {**APP, "requirements.txt": "".join(f"{line}\n" for line in lines)}


@pytest.fixture(scope="session")
def own_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter as a wheel, built once."""
    folder = tmp_path_factory.mktemp("own")
    build = ("build", "--wheel", "--no-build-isolation", "--python", sys.executable)
    run_uv(*build, "--out-dir", str(folder), folder=ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture
def wheels(tmp_path: Path, own_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of a few wheels: uv finds the files of this folder, and nothing else.

    In this process the adapter seems to be installed from a wheel; `built_adapter` undoes that.
    """
    folder, index, installed = (tmp_path / name for name in ("wheels", "index", "installed"))
    info = installed / f"{own_wheel.name.split('-py3')[0]}.dist-info"
    for path in (folder, index, info):
        path.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: x\nVersion: {__version__}\n")
    origin = {"url": own_wheel.as_uri(), "archive_info": {}}
    (info / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.as_uri())
    return folder


@pytest.fixture
def built_adapter(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the adapter built from its folder, by the tool that is installed here."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "installed" not in path])
    monkeypatch.setenv("UV_NO_BUILD_ISOLATION", "1")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write the files of a project."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "project"
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (folder / ".git").mkdir(parents=True, exist_ok=True)  # nothing above it counts
        return folder

    return write


class Outcome(NamedTuple):
    code: int
    output: Path
    out: str
    err: str

    @property
    def names(self) -> set[str]:
        with ZipFile(self.output) as archive:
            return set(archive.namelist())

    def read(self, name: str) -> str:
        with ZipFile(self.output) as archive:
            return archive.read(name).decode()


@pytest.fixture
def package(
    tmp_path: Path, wheels: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run `adapter package` in this process."""

    def run(target: str, *options: str, output: str = "function.zip") -> Outcome:
        capfd.readouterr()
        code = main(["package", target, "-o", f"{tmp_path}/{output}", *options])
        return Outcome(code, tmp_path / output, *capfd.readouterr())

    return run
