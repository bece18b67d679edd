"""What `sam build` makes of an example is what runs, and it streams."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from adapter.package import THIS_PYTHON

from ..support.deployed_examples import ARCHITECTURE, check_parts
from ..support.lambda_filesystem import function_url, make_lambda_root
from .conftest import Example, every_example

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


@every_example
async def test_sam_builds_a_function_that_streams(
    example: Example,
    checkout: Callable[[Example], Path],
    run: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = checkout(example)
    monkeypatch.setenv("RUNTIME", f"python{THIS_PYTHON}")
    # As `make PYTHON=python3.13 test-system` has it: what make is told it tells every other make.
    monkeypatch.setenv("MAKEFLAGS", " -- PYTHON=python3.13")
    monkeypatch.setenv("ARCH", ARCHITECTURE)
    run("sam", "build", cwd=folder)
    root = make_lambda_root(tmp_path / "root")
    shutil.copytree(folder / ".aws-sam" / "build" / "Function", root.task, dirs_exist_ok=True)
    for command in (root.managed, root.native):
        async with function_url(root, command, "handler.handler") as running:
            assert (await running.client.get("/?delay=0")).status_code == 200, (
                running.log.getvalue()
            )
            await check_parts(running, example.stream)
