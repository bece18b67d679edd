from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest

from adapter.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Write = Callable[[Mapping[str, str]], Path]
    Run = Callable[..., "Outcome"]

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
