"""The middleware of an app is read in a process, in the app's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.emulator.console import Console
from adapter.emulator.function_config import FunctionConfig
from adapter.emulator.inspector.stack_reader import StackReader, read_stack

from ..conftest import Log

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.process]

APP = """
print("noise")
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
app = Starlette(middleware=[Middleware(GZipMiddleware)])
"""


async def test_the_names_are_read_once_for_each_environment(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    log = Log()
    reader = StackReader(FunctionConfig("main:app", tmp_path), Console(log))
    assert await reader.read("1") == ["GZipMiddleware"]
    (tmp_path / "main.py").unlink()
    assert await reader.read("1") == ["GZipMiddleware"]
    assert log.lines == [
        "main:app is imported once more, in another process, to name its middleware in a finding."
    ]
    assert await reader.read("2") == ()


LAST = 'import atexit\natexit.register(print, "bye")\n'
NUMBER = "import atexit\natexit.register(print, 1)\n"
SILENT = "import os\nos._exit(0)\n"


@pytest.mark.parametrize("app", [LAST, NUMBER, SILENT])
async def test_output_of_the_app_in_the_place_of_the_names_is_ignored(
    tmp_path: Path, app: str
) -> None:
    (tmp_path / "main.py").write_text(f"{APP}{app}")
    assert await read_stack(FunctionConfig("main:app", tmp_path), Console(Log())) == ()


async def test_a_folder_that_has_been_deleted_has_no_names(tmp_path: Path) -> None:
    function = FunctionConfig("main:app", tmp_path / "deleted")
    assert await read_stack(function, Console(Log())) == ()


async def test_another_runtime_has_no_middleware_to_read(tmp_path: Path) -> None:
    function = FunctionConfig("main:app", tmp_path, command=("node", "index.js"))
    log = Log()
    assert await read_stack(function, Console(log)) == ()
    assert log.lines == []
