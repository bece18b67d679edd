"""`adapter package` as its users call it, with an index that has a handful of tiny wheels."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from adapter.package.build import DeploymentPackage
from adapter.package.command import MB, exceeded_limits, sizes, table

from .conftest import APP, needing
from .wheels import UV_LOCK_HEAD, locked_by_pip, locked_by_uv, make_wheel, pylock

if TYPE_CHECKING:
    from .conftest import Run, Write

ROOT = Path(__file__).parents[2]


def test_the_zip_has_the_app_its_needs_and_the_adapter(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop", requires=["till>=2"])
    make_wheel(wheels, "till", "2.0")
    folder = project(needing("shop", "asgi-lambda-stream"))
    done = package(f"{folder}/main.py:app")
    assert done.code == 0, done.err
    assert {"main.py", "shop.py", "till.py", "adapter/handler.py"} <= done.names
    for row in ("shop 1.0 ", "till 2.0 ", "your project ", "asgi-lambda-stream "):
        assert f"\n{row}" in done.out or done.out.startswith(row)


def test_a_file_of_dependencies_above_the_app_is_named_with_its_folder(
    project: Write, package: Run
) -> None:
    folder = project({"src/main.py": APP["main.py"], **needing()})
    done = package(f"{folder}/src/main.py:app")
    assert f"with uv: the dependencies of requirements.txt in {folder} ...\n" in done.err
    done = package(f"{folder}/main.py:app", output="other.zip")
    assert "with uv: the dependencies of requirements.txt ...\n" in done.err


def test_the_same_project_makes_the_same_bytes(project: Write, wheels: Path, package: Run) -> None:
    make_wheel(wheels, "shop")
    folder = project(needing("shop"))
    first = package(f"{folder}/main.py:app", output="first.zip").output
    (folder / "main.py").touch()
    second = package(f"{folder}/main.py:app", output="second.zip").output
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("output", ["project/data/shop.zip", "project/b.tar", "project/build/"])
def test_what_an_earlier_run_made_is_not_packed_again(
    project: Write, package: Run, output: str
) -> None:
    target = f"{project({**needing(), 'data/orders.csv': ''})}/main.py:app"
    first = package(target, output="first.zip").output
    assert package(target, output=output).code == 0
    second = package(target, output="second.zip").output
    assert first.read_bytes() == second.read_bytes()


def test_an_earlier_package_is_kept_if_it_is_asked_for(project: Write, package: Run) -> None:
    target = f"{project(needing())}/main.py:app"
    package(target, output="project/build/")
    package(target, output="project/build.zip")
    names = package(target, "--keep", "build", "--keep", "build.zip").names
    assert {"build/main.py", "build.zip"} <= names


def test_a_pattern_that_keeps_nothing_is_named(project: Write, package: Run) -> None:
    target = f"{project({**needing(), 'tests/data.csv': ''})}/main.py:app"
    done = package(target, "--keep", "tests", "--keep", "test/data.csv")
    assert "Warning: --keep test/data.csv matches no file in the zip." in done.err
    assert "--keep tests " not in done.err


class TestTheHandler:
    def test_an_app_gets_the_handler_that_the_console_expects(
        self, project: Write, package: Run
    ) -> None:
        done = package(f"{project(needing())}/main.py:app")
        assert "Handler       lambda_function.lambda_handler\n" in done.out
        assert 'lambda_handler = load("main:app")' in done.read("lambda_function.py")

    def test_a_module_of_that_name_is_not_replaced(self, project: Write, package: Run) -> None:
        folder = project({**needing(), "lambda_function.py": "mine"})
        done = package(f"{folder}/main.py:app")
        assert "Handler       lambda_function_.lambda_handler\n" in done.out
        assert done.read("lambda_function.py") == "mine"

    def test_a_handler_is_named_as_it_is(
        self, project: Write, package: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project({**needing(), "api/main.py": "def handler(event, context): ..."}))
        done = package("api/main.handler")
        assert "Handler       api.main.handler\n" in done.out
        assert "lambda_function.py" not in done.names

    def test_a_module_that_is_not_there_is_noticed_now_and_not_on_lambda(
        self, project: Write, package: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project(needing()))
        done = package("mian:app")
        assert done.code == 1
        assert "a dependency has to contain it ...\nGetting wheels" in done.err
        assert "There is no module mian in the package" in done.err
        assert "path/to/mian.py:app" in done.err
        assert not done.output.exists()

    def test_a_part_of_the_project_that_lacks_it_is_noticed_before_wheels_are_fetched(
        self, project: Write, package: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project({**needing("missing"), "shop/main.py": "app = handler = print"}))
        for target, says in {
            "shop.mian:app": "There is no module shop.mian in the package",
            "shop:app": "There is no module shop in the package",
            "shop/main.py:ap": "The module main has no 'ap'",
            "shop/main.handle": "The module shop.main has no 'handle'",
        }.items():
            done = package(target)
            assert done.code == 1
            assert says in done.err
            assert "Getting wheels" not in done.err

    def test_a_build_step_may_write_the_module(self, project: Write, package: Run) -> None:
        code = "from pathlib import Path; Path('made.py').write_text('app = print')"
        settings = '[tool.adapter]\nbuild = "python make.py"\n'
        folder = project({**needing(), "make.py": code, "made.py": "", "pyproject.toml": settings})
        assert package(f"{folder}/made.py:app").code == 0

    def test_a_handler_may_be_a_dependencys_as_vendors_wrappers_are(
        self, project: Write, wheels: Path, package: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_wheel(
            wheels, "vendor", files={"vendor/wrapper.py": "def handler(event, context): ...\n"}
        )
        monkeypatch.chdir(project({**needing("vendor"), "vendor.yaml": "", "api/vendor.py": ""}))
        assert "Handler       vendor.wrapper.handler\n" in package("vendor.wrapper.handler").out
        assert "The module vendor.wrapper has no 'main'" in package("vendor.wrapper.main").err


def test_a_project_with_a_module_of_this_librarys_name_is_not_packaged(
    project: Write, package: Run
) -> None:
    done = package(f"{project({**needing(), 'adapter/__init__.py': ''})}/main.py:app")
    assert done.code == 2
    assert "for example to adapters" in done.err
    assert not done.output.exists()


def test_the_app_of_a_factory_is_packaged(project: Write, package: Run) -> None:
    folder = project({**needing(), "main.py": "def create_app(): ...\n"})
    done = package(f"{folder}/main.py:create_app", "--factory")
    assert 'lambda_handler = load("main:create_app()")' in done.read("lambda_function.py")
    done = package(f"{folder}/main.py:create_app", output="other.zip")
    assert done.code == 1
    assert "main:create_app --factory" in done.err


class TestTheBuildStep:
    def test_it_runs_first_with_this_python_and_its_files_are_packaged(
        self, project: Write, package: Run
    ) -> None:
        code = "import pathlib, sys; pathlib.Path('data.txt').write_text(sys.executable)"
        settings = '[tool.adapter]\nbuild = "python -m make_data"\n'
        folder = project({**needing(), "make_data.py": code, "pyproject.toml": settings})
        assert package(f"{folder}/main.py:app").read("data.txt") == sys.executable

    def test_its_output_is_not_the_result(self, project: Write, package: Run) -> None:
        settings = "[tool.adapter]\nbuild = \"python -c 'print(6 * 7)'\"\n"
        done = package(f"{project({**needing(), 'pyproject.toml': settings})}/main.py:app")
        assert "\n42\n" in done.err
        assert "42" not in done.out.splitlines()

    def test_its_lines_are_words_and_no_shell_sees_them(self, project: Write, package: Run) -> None:
        code = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(repr(sys.argv[2:]))"
        steps = ["python make.py 1.txt 'a b' && x", "python make.py 2.txt"]
        settings = f"[tool.adapter]\nbuild = {steps}\n"
        folder = project({**needing(), "make.py": code, "pyproject.toml": settings})
        done = package(f"{folder}/main.py:app")
        assert done.read("1.txt") == "['a b', '&&', 'x']"
        assert done.read("2.txt") == "[]"

    def test_it_is_not_kept_waiting_for_input_that_nobody_gives(self, project: Write) -> None:
        settings = "[tool.adapter]\nbuild = \"python -c 'input()'\"\n"
        folder = project({**needing(), "pyproject.toml": settings})
        command = [sys.executable, "-m", "adapter", "package", "main.py:app"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=folder, stdin=pipe, stderr=pipe) as running:
            assert running.stderr is not None
            assert b"EOFError" in running.stderr.read()

    @pytest.mark.parametrize(
        ("step", "says"),
        [
            ("python -c 'raise SystemExit(3)'", "failed with exit code 3"),
            ("no-such-program", "'no-such-program' cannot be run"),
            (r"echo \u0000", r"'echo \x00' cannot be run: embedded null byte"),
            ("python -c 'x", '"python -c \'x" cannot be run: No closing quotation'),
        ],
    )
    def test_a_failure_ends_it(self, project: Write, package: Run, step: str, says: str) -> None:
        folder = project({**needing(), "pyproject.toml": f'[tool.adapter]\nbuild = "{step}"\n'})
        done = package(f"{folder}/main.py:app")
        assert done.code == 1
        assert says in done.err


def test_a_file_in_the_way_of_a_dependency_is_named(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop")
    folder = project({**needing("shop"), "shop.py": ""})
    done = package(f"{folder}/main.py:app")
    assert done.code == 1
    assert f"{folder / 'shop.py'} would replace a file of the same name" in done.err


PYPROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
NEEDS_SHOP = f'{PYPROJECT}dependencies = ["shop"]\n'


def lock_of_shop(name: str, wheel: Path, digest: str = "") -> str:
    digest = digest or sha256(wheel.read_bytes()).hexdigest()
    if name == "pylock.toml":
        return pylock(locked_by_pip(wheel, digest=digest))
    project = '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'
    needs = 'dependencies = [{ name = "shop" }]\n'
    return f"{UV_LOCK_HEAD}{project}{needs}{locked_by_uv('shop', '1.0', digest=digest)}"


def test_dependencies_come_from_a_lock_file(project: Write, wheels: Path, package: Run) -> None:
    make_wheel(wheels, "shop", "1.1")
    locked = lock_of_shop("uv.lock", make_wheel(wheels, "shop"))
    folder = project({**APP, "pyproject.toml": NEEDS_SHOP, "uv.lock": locked})
    done = package(f"{folder}/main.py:app")
    assert "shop 1.0 " in done.out
    assert "pyproject.toml, at the versions of uv.lock" in done.err


def test_a_dependency_that_is_not_in_the_lock_file_is_not_left_out(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "till")
    locked = lock_of_shop("uv.lock", make_wheel(wheels, "shop"))
    needs = f'{PYPROJECT}dependencies = ["shop", "till"]\n'
    folder = project({**APP, "pyproject.toml": needs, "uv.lock": locked})
    assert {"shop.py", "till.py"} <= package(f"{folder}/main.py:app").names


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_the_hashes_of_a_lock_file_are_checked(
    project: Write, wheels: Path, package: Run, name: str
) -> None:
    wheel = make_wheel(wheels, "shop")
    files = {**APP, "pyproject.toml": NEEDS_SHOP, name: lock_of_shop(name, wheel)}
    done = package(f"{project(files)}/main.py:app")
    assert done.code == 0, done.err
    folder = project({name: lock_of_shop(name, wheel, "0" * 64)})
    done = package(f"{folder}/main.py:app")
    assert done.code == 1
    digest = sha256(wheel.read_bytes()).hexdigest()
    assert digest in done.err, "the hash of the wheel that came instead"


def test_requirements_with_hashes_are_checked(project: Write, wheels: Path, package: Run) -> None:
    digest = sha256(make_wheel(wheels, "shop").read_bytes()).hexdigest()
    line = f"shop==1.0 --hash=sha256:{digest}"
    target = f"{project(needing(line))}/main.py:app"
    done = package(target)
    assert done.code == 0, done.err
    project(needing(line.replace(digest, "0" * 64)))
    done = package(target)
    assert done.code == 1
    assert digest in done.err, "which one came instead"


def test_a_project_that_names_no_needs_gets_a_warning(project: Write, package: Run) -> None:
    done = package(f"{project(APP)}/main.py:app")
    assert done.code == 0
    found = "no pyproject.toml with [project], requirements.txt or lock file was found"
    assert f"Warning: {found}" in done.err
    assert "--requirements FILE" in done.err


def test_the_adapter_brings_nothing_with_it_and_leaves_its_tools_at_home(
    project: Write, package: Run
) -> None:
    done = package(f"{project(needing())}/main.py:app")
    roots = {name.split("/")[0].partition("-")[0] for name in done.names}
    own = {"main.py", "lambda_function.py", "__pycache__"}  # and nothing that the resolver leaves
    packed = {"packed_imports.bin", "packed_imports.pth"}
    assert roots == {"adapter", "asgi_lambda_stream"} | own | packed
    parts = {name.split("/")[1] for name in done.names if name.startswith("adapter/")}
    assert "cli.py" in parts
    assert not {"emulator", "package", "samples", "testing", "deploy"} & parts


def test_the_zip_carries_the_licence_of_the_adapter(project: Write, package: Run) -> None:
    done = package(f"{project(needing())}/main.py:app")
    (licence,) = [name for name in done.names if name.endswith("LICENSE")]
    assert done.read(licence) == (ROOT / "LICENSE").read_text()


def test_key_material_is_warned_of_and_packaged(project: Write, package: Run) -> None:
    done = package(f"{project({**needing(), 'id_rsa': 'x'})}/main.py:app")
    assert "Warning: id_rsa looks like a private key" in done.err
    assert 'exclude = ["id_rsa"]' in done.err
    assert "id_rsa" in done.names


def test_names_that_are_not_utf_8_are_errors(project: Write, package: Run) -> None:
    folder = project(needing())
    (folder / os.fsdecode(b"\xe9.txt")).touch()
    done = package(f"{folder}/main.py:app")
    assert done.code == 1
    assert "its name is not UTF-8" in done.err


def test_an_index_that_cannot_be_reached_is_named(
    project: Write, package: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    done = package(f"{project(needing('shop'))}/main.py:app")
    assert done.code == 1
    assert f"{index}/shop/" in done.err
    assert "Connection refused" in done.err
    assert "check the network, the proxy (HTTPS_PROXY) and the address of the index" in done.err
    assert "uv found no wheels" not in done.err


def test_sizes_are_those_in_the_zip(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "x.zip", "w", ZIP_DEFLATED) as archive:
        for name in ("a.py", "shop.py", "shop/b.py"):
            archive.writestr(name, "b\n" * MB)
    owners = dict.fromkeys(("shop.py", "shop/b.py", "gone.py"), "shop 1.0")
    zipped, unzipped = sizes(DeploymentPackage(tmp_path / "x.zip", "main.handler", owners))
    assert unzipped == {"your project": 2 * MB, "shop 1.0": 4 * MB}
    assert 0 < zipped["your project"] < MB
    assert zipped["shop 1.0"] == 2 * zipped["your project"]
    assert [line.split()[-2] for line in table(zipped, unzipped)][1:] == ["4.00", "2.00", "6.00"]


@pytest.mark.parametrize(
    ("zipped", "unzipped", "says"),
    [
        (50 * MB, 250 * MB, []),
        (50 * MB + 1, 250 * MB, ["50 MB that can be uploaded"]),
        (1, 250 * MB + 1, ["250 MB that a function may have"]),
    ],
)
def test_what_lambda_would_refuse_is_a_warning(zipped: int, unzipped: int, says: list[str]) -> None:
    found = list(exceeded_limits(zipped, unzipped))
    assert len(found) == len(says)
    assert all(part in text for part, text in zip(says, found, strict=True))


def test_the_packaged_handler_can_be_imported_from_the_zip_alone(
    project: Write, package_to_run: Run, tmp_path: Path
) -> None:
    done = package_to_run(f"{project(needing())}/main.py:app")
    with ZipFile(done.output) as archive:
        archive.extractall(tmp_path / "task")
    script = (
        "import sys; sys.path.insert(0, '.'); import lambda_function as m; print(m.lambda_handler)"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    ended = subprocess.run(
        command, cwd=tmp_path / "task", capture_output=True, text=True, check=True
    )
    assert "LambdaHandler" in ended.stdout


def test_nothing_is_left_behind_when_it_is_terminated(
    project: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    with socket.create_server(("127.0.0.1", 0)) as index:  # which never responds
        for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{index.getsockname()[1]}/simple")
        target = f"{project(needing('shop'))}/main.py:app"
        command = [sys.executable, "-m", "adapter", "package", target]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
        with process as running, index.accept()[0]:
            assert any((tmp_path / "scratch").iterdir())
            running.terminate()
            running.communicate()
    assert running.returncode == 143
    assert not any((tmp_path / "scratch").iterdir())
