"""The Dockerfiles, as far as they can be followed without Docker: step by step, in a folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ..support.deployed_examples import check_parts
from ..support.lambda_filesystem import LambdaRoot, function_url, make_lambda_root
from .conftest import EXAMPLES, ROOT, Example

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

FILES = [(example, name) for example in EXAMPLES for name in ("Dockerfile", "Dockerfile.slim")]


@pytest.mark.parametrize(("example", "name"), FILES, ids=lambda part: getattr(part, "name", part))
async def test_an_image_has_everything_that_its_command_needs(
    example: Example, name: str, checkout: Callable[[Example], Path], tmp_path: Path
) -> None:
    context = checkout(example)
    steps = steps_of(context / name)
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


RUNTIME = ROOT / "docker" / "runtime"
SHOWN = """
import from_layer, from_pth
from adapter import LambdaHandler

async def app(scope, receive, send):
    shown = f"{from_layer.NAME} {from_pth.NAME} {adapter.__file__}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": shown[:5], "more_body": True})
    await send({"type": "http.response.body", "body": shown[5:]})

import adapter
handler = LambdaHandler(app, lifespan="off")
"""


class Image(NamedTuple):
    """What the Dockerfile of a runtime makes, in a folder."""

    root: LambdaRoot
    packages: Path
    bootstrap: Path


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Follow the Dockerfile of the runtime."""
    context = Path(shutil.copytree(RUNTIME, tmp_path / "context"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "wheels"]
    subprocess.run([*command, str(ROOT)], cwd=context, check=True)
    root = make_lambda_root(tmp_path / "root")
    packages = root.python.parents[1] / "lib" / root.python.name / "site-packages"
    looks = f'PYTHONPATH="$PYTHONPATH:{packages}" exec'  # where an interpreter looks by itself
    root.python.write_text(root.python.read_text().replace("exec", looks))
    for word, rest in steps_of(context / "Dockerfile"):
        here = re.sub(r"(?<=\s)/(tmp|var)/", rf"{root.folder}/\1/", rest)
        if word == "COPY":
            copy(context, here, root.task)
        elif word == "RUN":
            follow(here, root.task, packages)
    bootstrap = root.folder / "var" / "runtime" / "bootstrap"
    text = bootstrap.read_text()
    bootstrap.write_text(re.sub(r"(?<=[\s:=])/(opt|var)/", rf"{root.folder}/\1/", text))
    return Image(root, packages, bootstrap)


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in a wrapper"])
async def test_the_image_of_a_runtime_runs_functions_that_are_zips_with_layers(
    image: Image, wrapped: bool
) -> None:
    root = image.root
    layer = root.folder / "opt" / "python"
    layer.mkdir(parents=True)
    (layer / "from_layer.py").write_text("NAME = 'layer'")
    (root.task / "more").mkdir()
    (root.task / "more" / "from_pth.py").write_text("NAME = 'pth'")
    (root.task / "more.pth").write_text("more")
    (root.task / "main.py").write_text(SHOWN)
    started: tuple[str, ...] = (str(image.bootstrap),)
    if wrapped:
        wrapper = root.folder / "opt" / "wrapper"
        wrapper.write_text('#!/bin/sh\necho "wrapped $#"\nexec "$@"\n')
        wrapper.chmod(0o755)
        started = ("env", f"AWS_LAMBDA_EXEC_WRAPPER={wrapper}", *started)
    async with function_url(root, started, "main.handler") as running:
        response = await running.client.get("/")
        expected = f"layer pth {image.packages}/adapter/__init__.py"
        assert response.text == expected, running.log.getvalue()
        assert ("wrapped 4" in running.log.getvalue()) is wrapped


def steps_of(dockerfile: Path) -> list[tuple[str, str]]:
    text = dockerfile.read_text("utf-8").replace("\\\n", " ")
    return re.findall(r"^([A-Z]+) (.*)", text, re.M)


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
