from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest

from adapter.__main__ import main
from adapter.package.resolve import run_uv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Write = Callable[[Mapping[str, str]], Path]
    Run = Callable[..., "Outcome"]

ROOT = Path(__file__).parents[2]
APP = {"main.py": "async def app(scope, receive, send): ...\n"}


def needing(*lines: str) -> dict[str, str]:
    return {**APP, "requirements.txt": "".join(f"{line}\n" for line in lines)}


def only_wheels_of(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have uv find the files of ``folder`` and nothing else: ``index`` is empty.

    The adapter itself is built with what is installed, as no build tool is on that index.
    """
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.as_uri())
    monkeypatch.setenv("UV_NO_BUILD_ISOLATION", "1")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the only wheels that uv finds."""
    folder, index = tmp_path / "wheels", tmp_path / "index"
    folder.mkdir()
    index.mkdir()
    only_wheels_of(folder, index, monkeypatch)
    return folder


@pytest.fixture(scope="session")
def whole_adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose metadata say that the adapter was installed from a wheel in it.

    uv builds an editable adapter for each package again, which takes half of the time.
    """
    folder = tmp_path_factory.mktemp("adapter")
    options = ("--wheel", "--no-build-isolation", "--python", sys.executable)
    scratch = str(folder)
    run_uv("build", *options, "--out-dir", scratch, str(ROOT), folder=folder, scratch=scratch)
    [wheel] = folder.glob("*.whl")
    copy_wheel(wheel, wheel)
    return folder


@pytest.fixture(scope="session")
def small_adapter(whole_adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return such a folder whose wheel has only the modules at the top, and each `__init__`.

    The modules of the adapter take most of the time of a package, and few tests run them.
    """
    folder = tmp_path_factory.mktemp("adapter")
    [wheel] = whole_adapter.glob("*.whl")
    copy_wheel(wheel, folder / wheel.name, is_small)
    return folder


def is_small(name: str) -> bool:
    """Whether a file of the wheel is at the top of the adapter, an `__init__` or metadata."""
    folder, _, file = name.rpartition("/")
    return folder == "adapter" or file == "__init__.py" or ".dist-info" in folder


def copy_wheel(wheel: Path, copy: Path, is_needed: Callable[[str], bool] = bool) -> None:
    """Copy files of a wheel, and write metadata beside the copy that name it as their origin."""
    with ZipFile(wheel) as archive:
        names = filter(is_needed, archive.namelist())
        contents = {name: archive.read(name) for name in names}
    with ZipFile(copy, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)  # without a mode, as where a file system has none
    with ZipFile(copy) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = Path(archive.extract(name, copy.parent))
    origin = {"url": copy.as_uri(), "archive_info": {}}
    metadata.with_name("direct_url.json").write_text(json.dumps(origin))


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
    tmp_path: Path,
    wheels: Path,
    small_adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Outcome]:
    """Run `adapter package` in this process, as if the adapter was installed from a wheel."""
    monkeypatch.syspath_prepend(small_adapter)

    def run(target: str, *options: str, output: str = "function.zip") -> Outcome:
        capfd.readouterr()
        code = main(["package", target, "-o", f"{tmp_path}/{output}", *options])
        return Outcome(code, tmp_path / output, *capfd.readouterr())

    return run


@pytest.fixture
def package_to_run(package: Run, whole_adapter: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `adapter package`; what it makes can be run."""
    monkeypatch.syspath_prepend(whole_adapter)
    return package
