"""`adapter/bootstrap`, started as Lambda starts the wrapper script of a managed runtime."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.runtimes.apps import EVENT, HELLO
from tests.support.fake_runtime_api import ROOT, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = ROOT / "adapter"


def interpreters() -> list[Path]:
    """Every Python from 3.11 on that is installed here: it is named as on Lambda, `python3.X`."""
    own = Path(sys.base_prefix, "bin")
    found = {path.name: path for path in Path.home().glob(".pyenv/versions/*/bin/python3.1[1-9]")}
    found |= {path.name: path for path in own.glob("python3.1[1-9]")}
    return [found[name] for name in sorted(found)]


PYTHON = f"python3.{sys.version_info.minor}"
OWN_PYTHON = next(path for path in interpreters() if path.name == PYTHON)


class Lambda:
    """A file system as Lambda's, in a folder: task root, layer."""

    def __init__(self, folder: Path) -> None:
        self.task = folder / "task"
        self.layer = folder / "opt" / "python"
        self.task.mkdir()
        self.platforms: list[Platform] = []

    def install(self, root: Path) -> Path:
        left_out = shutil.ignore_patterns("__pycache__", "emulator", "testing", "package")
        return Path(shutil.copytree(PACKAGE, root / "adapter", ignore=left_out)) / "bootstrap"

    def start(
        self,
        source: str,
        wrapper: Path | str,
        python: Path = OWN_PYTHON,
        handler: str = "main:app",
        **environ: str,
    ) -> Platform:
        (self.task / "main.py").write_text(source)
        execution_env = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{python.name}", "PYTHONPATH": ""}
        command = (str(wrapper), str(python), "/var/runtime/bootstrap.py")
        self.platforms.append(Platform(self.task, handler, {**execution_env, **environ}, command))
        return self.platforms[-1]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Lambda]:
    aws = Lambda(tmp_path)
    yield aws
    for platform in aws.platforms:
        platform.close()


LOOK = """
import json, os, sys

def handler(event, context):
    import adapter
    return {"path": sys.path, "argv": sys.argv, "adapter": adapter.__file__,
            "python": sys.version_info[:2], "pid": os.getpid()}
"""


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_it_serves_on_every_python_that_lambda_has(aws: Lambda, python: Path) -> None:
    platform = aws.start(HELLO, aws.install(aws.task), python).connection()
    assert platform.invoke(EVENT).content == b"hello"


def test_it_becomes_the_process_that_lambda_started(aws: Lambda) -> None:
    lambda_ = aws.start(LOOK, aws.install(aws.task), handler="main.handler")
    seen = lambda_.connection().invoke({}).json
    assert seen["pid"] == lambda_.process.pid
    assert seen["argv"][1:] == ["run"]
    assert seen["python"] == [*sys.version_info[:2]]


@pytest.mark.parametrize("where", ["task", "layer"])
def test_modules_are_found_in_the_order_of_AWSs_own_bootstrap(aws: Lambda, where: str) -> None:
    root = aws.task if where == "task" else aws.layer
    lambda_ = aws.start(LOOK, aws.install(root), handler="main.handler")
    seen = lambda_.connection().invoke({}).json
    expected = [
        str(aws.task),
        f"/opt/python/lib/{PYTHON}/site-packages",
        "/opt/python",
        f"/var/lang/lib/{PYTHON}/site-packages",
        "/var/runtime",
    ]
    assert seen["path"][: len(expected)] == expected
    assert str(root) in seen["path"]
    assert str(root / "adapter") not in seen["path"]  # or its modules would hide the user's
    assert seen["adapter"] == str(root / "adapter" / "__init__.py")


def test_a_path_that_the_function_was_given_is_kept(aws: Lambda, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "special.py").write_text("RESPONSE = 42")
    source = "import special\n" + LOOK
    bootstrap = aws.install(aws.layer)
    lambda_ = aws.start(
        source, bootstrap, handler="main.handler", PYTHONPATH=str(tmp_path / "mine")
    )
    path = lambda_.connection().invoke({}).json["path"]
    assert "/var/runtime" not in path
    assert path.index(str(tmp_path / "mine")) < path.index(str(aws.layer))


@pytest.mark.parametrize("execution_env", [f"AWS_Lambda_{PYTHON}", "AWS_Lambda_custom"])
def test_path_files_in_the_task_root_are_followed(
    aws: Lambda, tmp_path: Path, execution_env: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "special.py").write_text("RESPONSE = 42")
    bootstrap = aws.install(aws.task)
    (aws.task / "more.pth").write_text(f"{tmp_path / 'elsewhere'}\n")
    source = "import special\ndef handler(event, context): return special.RESPONSE"
    lambda_ = aws.start(source, bootstrap, handler="main.handler", AWS_EXECUTION_ENV=execution_env)
    assert lambda_.connection().invoke({}).json == 42


def test_a_wrapper_may_be_named_from_the_task_root(aws: Lambda) -> None:
    aws.install(aws.task)
    lambda_ = aws.start(HELLO, "adapter/bootstrap")
    assert lambda_.connection().invoke(EVENT).content == b"hello"


def test_a_folder_with_a_space_in_its_name_is_fine(aws: Lambda, tmp_path: Path) -> None:
    bootstrap = aws.install(tmp_path / "my layer")
    assert aws.start(HELLO, bootstrap).connection().invoke(EVENT).content == b"hello"


def test_another_vendors_wrapper_runs_in_between(aws: Lambda, tmp_path: Path) -> None:
    # As OpenTelemetry's: the script puts its own handler in front and calls the original one.
    vendor = tmp_path / "otel instrument"
    vendor.write_text(
        "#!/bin/sh\n"
        'export ORIG_HANDLER="$_HANDLER" _HANDLER=otel_wrapper.lambda_handler\n'
        'echo "vendor: $*"\n'
        'exec "$@"\n'
    )
    vendor.chmod(0o755)
    (aws.task / "otel_wrapper.py").write_text(
        "import os\n"
        "from importlib import import_module\n"
        "module, _, name = os.environ['ORIG_HANDLER'].rpartition('.')\n"
        "original = getattr(import_module(module), name)\n"
        "def lambda_handler(event, context):\n"
        "    print('traced', context.aws_request_id)\n"
        "    return original(event, context)\n"
    )
    source = HELLO + "\nfrom adapter import LambdaHandler\nhandler = LambdaHandler(app)\n"
    bootstrap = aws.install(aws.task)
    lambda_ = aws.start(source, bootstrap, handler="main.handler", ADAPTER_EXEC_WRAPPER=str(vendor))
    platform = lambda_.connection()
    request = platform.invoke(EVENT, "id-1")
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert request.content == b"hello"
    platform.read()
    assert f"vendor: {OWN_PYTHON} -m adapter run" in lambda_.output
    assert "traced id-1" in lambda_.output
    assert "ADAPTER_EXEC_WRAPPER is not an option" not in lambda_.output


def test_a_wrapper_that_is_not_there_ends_the_process_and_says_so(aws: Lambda) -> None:
    bootstrap = aws.install(aws.task)
    lambda_ = aws.start(HELLO, bootstrap, ADAPTER_EXEC_WRAPPER="/opt/nowhere")
    assert lambda_.exit_code() == 127
    assert "/opt/nowhere" in lambda_.output


def test_a_container_starts_the_runtime_with_its_entrypoint(aws: Lambda) -> None:
    (aws.task / "main.py").write_text(HELLO)
    command = (sys.executable, "-m", "adapter", "run", "main:app")  # ENTRYPOINT and CMD
    aws.platforms.append(Platform(aws.task, "", {}, command))
    assert aws.platforms[0].connection().invoke(EVENT).content == b"hello"


def test_it_stays_executable_through_a_wheel_and_pip_install_target_and_zip(
    tmp_path: Path,
) -> None:
    wheel = build_wheel(tmp_path)
    target = tmp_path / "target"
    pip("install", "--no-deps", "--no-index", f"--target={target}", str(wheel))
    bootstrap = target / "adapter" / "bootstrap"
    assert bootstrap.read_bytes() == (PACKAGE / "bootstrap").read_bytes()
    assert os.access(bootstrap, os.X_OK)
    archive = shutil.make_archive(str(tmp_path / "function"), "zip", target)
    with ZipFile(archive) as zipped:
        mode = zipped.getinfo("adapter/bootstrap").external_attr >> 16
    assert mode & 0o111 == 0o111


def build_wheel(folder: Path) -> Path:
    pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT))
    return next(folder.glob("*.whl"))


def pip(*arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run((sys.executable, "-m", "pip", *arguments, *quiet), check=True)


def test_the_script_is_plain_sh_with_unix_line_ends() -> None:
    text = (PACKAGE / "bootstrap").read_bytes()
    assert text.startswith(b"#!/bin/sh\n")
    assert b"\r" not in text
    subprocess.run(("sh", "-n", str(PACKAGE / "bootstrap")), check=True)
