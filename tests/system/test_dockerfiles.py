"""The Dockerfiles, as far as they can be followed without Docker: step by step, in a folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..support.deployed_examples import check_parts
from ..support.lambda_filesystem import function_url, make_lambda_root
from .conftest import EXAMPLES, Example

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

FILES = [(example, name) for example in EXAMPLES for name in ("Dockerfile", "Dockerfile.slim")]


@pytest.mark.parametrize(("example", "name"), FILES, ids=lambda part: getattr(part, "name", part))
async def test_an_image_has_everything_that_its_command_needs(
    example: Example, name: str, checkout: Callable[[Example], Path], tmp_path: Path
) -> None:
    context = checkout(example)
    text = (context / name).read_text("utf-8").replace("\\\n", " ")
    steps = re.findall(r"^([A-Z]+) (.*)", text, re.M)
    root = make_lambda_root(tmp_path / "root")
    packages = root.python.parents[1] / "lib" / root.python.name / "site-packages"
    for word, rest in steps:
        if word == "COPY":
            copy(context, rest.replace("/tmp/", f"{tmp_path}/"), root.task)
        elif word == "RUN":
            follow(rest.replace("/tmp/", f"{tmp_path}/"), root.task, packages)
    words = dict(steps)
    (handler,) = json.loads(words["CMD"])
    entry = json.loads(words.get("ENTRYPOINT", "[]"))
    command = (str(root.python), *entry[1:], handler) if entry else root.managed
    # The official image has its packages where its interpreter looks by itself.
    started = ("env", f"PYTHONPATH={packages}", *command)
    async with function_url(root, started, handler) as running:
        assert (await running.client.get("/?delay=0")).status_code == 200, running.log.getvalue()
        await check_parts(running, example.stream)


def copy(context: Path, arguments: str, task: Path) -> None:
    *sources, target = arguments.split()
    folder = task / target
    found = [Path(path) for source in sources for path in glob(str(context / source))]
    assert found, f"COPY {arguments}: there is no such file"
    folder.mkdir(parents=True, exist_ok=True)
    for path in found:
        if path.is_dir():
            shutil.copytree(path, folder, dirs_exist_ok=True)
        else:
            shutil.copy(path, folder)


def follow(line: str, task: Path, packages: Path) -> None:
    """Run a step; pip's go where the image's Python would look."""
    python = f"env PYTHONPATH={packages} {sys.executable}"
    line = re.sub(r"\bpip install\b", f"{sys.executable} -m pip install -t {packages}", line)
    line = re.sub(r"(^|&& )python ", rf"\1{python} ", line)
    subprocess.run(line, shell=True, cwd=task, check=True)
