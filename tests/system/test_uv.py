"""`adapter package` with uv, which `make test` cannot count on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.package.errors import PackageError
from adapter.package.own_wheel import write_own_wheel
from adapter.package.platform import ARCHITECTURES, PYTHONS, Platform
from adapter.package.requirements import Requirements
from adapter.package.resolver import Resolver, install

from ..package.wheels import make_sdist, make_wheel
from .conftest import TOOLS

if TYPE_CHECKING:
    from pathlib import Path

UV = Resolver("uv", (str(TOOLS / "uv"), "pip", "install"))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("python", PYTHONS)
def test_wheels_are_those_of_the_target(
    tmp_path: Path, wheels: Path, architecture: str, python: str
) -> None:
    platform = Platform(architecture, python)
    abi = f"cp{python.replace('.', '')}"
    for machine in ("x86_64", "aarch64"):
        make_wheel(wheels, "fast", "1.0", tag=f"{abi}-{abi}-manylinux_2_17_{machine}")
        make_wheel(wheels, "fast", "2.0", tag=f"{abi}-{abi}-manylinux_2_28_{machine}")
    make_wheel(wheels, "arm")
    needs = Requirements("this", lines=("fast", "arm ; platform_machine == 'aarch64'"))
    install(UV, platform, needs, write_own_wheel(tmp_path), tmp_path / "task")
    glibc = "2_17" if python == "3.11" else "2_28"
    tag = (tmp_path / "task" / "fast.py").read_text()
    assert f"{abi}-manylinux_{glibc}_{platform.machine}" in tag
    assert (tmp_path / "task" / "arm.py").exists() == (architecture == "arm64")
    assert (tmp_path / "task" / "adapter" / "handler.py").exists()


@pytest.mark.parametrize("made", [True, False], ids=["source only", "nowhere"])
def test_a_package_without_a_wheel_is_named(tmp_path: Path, wheels: Path, made: bool) -> None:
    if made:
        make_sdist(wheels, "sourceonly")
    needs = Requirements("this", lines=("sourceonly",))
    with pytest.raises(PackageError, match=r"There is no wheel of sourceonly for Python 3\.13 on"):
        install(UV, Platform("arm64", "3.13"), needs, write_own_wheel(tmp_path), tmp_path / "task")
