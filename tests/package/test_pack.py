"""The file that packaged modules are imported from, and who uses it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from adapter.imports import packed
from adapter.package.bytecode import PTH, compile_folder, pack_imports
from tests.runtimes.apps import EVENT
from tests.support.fake_runtime_api import Platform

from .conftest import needing
from .wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Outcome, Run, Write

MAIN = {"main.py": "import shop\nasync def app(scope, receive, send): ...\n"}


def packed_paths(done: Outcome) -> set[str]:
    with ZipFile(done.output) as archive:
        return {*packed.PackedFile("/var/task", archive.read(packed.NAME)).paths}


def test_the_modules_of_dependencies_are_packed_and_those_of_the_project_are_not(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop")
    done = package(f"{project({**needing('shop'), **MAIN})}/main.py:app")
    assert done.code == 0, done.err
    assert "shop.py" in packed_paths(done)
    assert "adapter/handler.py" in packed_paths(done)
    assert not {"main.py", "lambda_function.py"} & packed_paths(done)
    assert {"shop.py", "main.py", PTH[0]} <= done.names
    assert "\npacked imports " in done.out


@pytest.mark.parametrize("option", ["--no-pack", "--python"])
def test_nothing_is_packed_without_bytecode_or_if_it_is_not_wanted(
    project: Write, package: Run, option: str
) -> None:
    other = "3.13" if sys.version_info[:2] != (3, 13) else "3.12"
    options = [option, other] if option == "--python" else [option]
    done = package(f"{project(needing())}/main.py:app", *options)
    assert done.code == 0, done.err
    assert not {packed.NAME, PTH[0]} & done.names


@pytest.mark.process
def test_a_source_that_python_would_not_import_is_not_packed(tmp_path: Path) -> None:
    hiding = ("fast.cpython-311-x86_64-linux-gnu.so", "both/__init__.py", "deep/__init__.abi3.so")
    hidden = ("fast.py", "both.py", "deep/__init__.py", "deep.py")
    (tmp_path / "both").mkdir()
    (tmp_path / "deep").mkdir()
    for name in (*hiding, *hidden, "deep/slow.py", "broken.py"):
        (tmp_path / name).write_text("def" if name == "broken.py" else "")
    compile_folder(tmp_path)
    pack_imports(tmp_path, {*hiding, *hidden, "deep/slow.py", "broken.py", "gone.py"})
    found = packed.PackedFile("/var/task", (tmp_path / packed.NAME).read_bytes()).paths
    assert {*found} == {"both/__init__.py", "deep/slow.py"}


WAYS = {
    "the module of the handler": "import lambda_function",
    "AWS's bootstrap": "import site; site.addsitedir(sys.path[0]); import main",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_runtime_of_aws_imports_from_the_packed_file(
    project: Write, wheels: Path, package_to_run: Run, way: str
) -> None:
    make_wheel(wheels, "shop")
    target = f"{project({**needing('shop'), **MAIN})}/main.py:app"
    folder = package_to_run(target, output="project/build/").output
    script = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); {WAYS[way]}; "
        "print(sys.modules['shop'].__loader__)"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "PackedLoader" in ended.stdout
    assert not ended.stderr


LOADER = """
import shop

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": type(shop.__loader__).__name__.encode()})
"""


def test_the_native_runtime_imports_from_the_packed_file(
    project: Write, wheels: Path, package_to_run: Run
) -> None:
    make_wheel(wheels, "shop")
    target = f"{project({**needing('shop'), 'main.py': LOADER})}/main.py:app"
    folder = package_to_run(target, output="project/build/").output
    environ = {"PYTHONPATH": str(folder), "ADAPTER_LIFESPAN": "off"}
    platform = Platform(folder, "main:app", environ, (sys.executable, "-m", "adapter", "run"))
    assert platform.connection().invoke(EVENT).content == b"PackedLoader"
    platform.close()
