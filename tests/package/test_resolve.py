"""What is packaged is for the function's Python and processor, whatever runs the command."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

import adapter
from adapter.cli import INSTALL
from adapter.errors import PackageError
from adapter.package import ARCHITECTURES, PYTHONS, THIS_PYTHON
from adapter.package.resolve import Platform, explain, own_requirement

from .conftest import APP, needing
from .wheels import make_sdist, make_wheel

if TYPE_CHECKING:
    from .conftest import Run, Write

PACKAGE = Path(adapter.__file__).parent
BUILT = ("--no-binary", "asgi-lambda-stream")


def install(folder: Path, direct_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the metadata say from where the adapter was installed."""
    info = folder / "asgi_lambda_stream-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: asgi-lambda-stream\nVersion: 9.9\n"
    )
    if direct_url:
        (info / "direct_url.json").write_text(direct_url)
    monkeypatch.syspath_prepend(folder)


def test_wheels_and_markers_are_those_of_the_target_not_of_this_machine(
    project: Write, wheels: Path, package: Run
) -> None:
    for machine in ("x86_64", "aarch64"):
        for tag in ("cp312-cp312", "cp313-cp313"):
            make_wheel(wheels, "fast", tag=f"{tag}-manylinux_2_28_{machine}")
    make_wheel(wheels, "fast", tag="cp313-cp313-win_amd64")
    for name in ("old", "new", "arm", "mac"):
        make_wheel(wheels, name)
    lines = [
        "fast",
        "old ; python_version < '3.13'",
        "new ; python_version >= '3.13'",
        "arm ; platform_machine == 'aarch64'",
        "mac ; sys_platform == 'darwin'",
    ]
    folder = project(needing(*lines))
    done = package(f"{folder}/main.py:app", "--arch", "arm64", "--python", "3.13")
    assert done.code == 0, done.err
    assert "cp313-cp313-manylinux_2_28_aarch64" in done.read("fast.py")
    assert {"new.py", "arm.py"} <= done.names
    assert not {"old.py", "mac.py"} & done.names
    assert "Runtime       python3.13\n  Architecture  arm64\n" in done.out


def test_versions_are_for_its_python_and_not_for_the_one_that_runs(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop", "2.0", python="<3.14")
    make_wheel(wheels, "shop", "3.0", python=">=3.14")
    target = f"{project(needing('shop'))}/main.py:app"
    for python, version in {"3.12": "2.0", "3.14": "3.0"}.items():
        done = package(target, "--python", python)
        assert done.code == 0, done.err
        assert f"shop {version} " in done.out


def test_a_version_that_wants_a_later_patch_counts_because_aws_keeps_up(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop", python=">=3.12.4")
    make_wheel(wheels, "backport")
    needs = needing("shop", "backport ; python_full_version < '3.12.4'")
    done = package(f"{project(needs)}/main.py:app", "--python", "3.12")
    assert done.code == 0, done.err
    assert "backport.py" not in done.names


def test_a_wheel_for_a_later_glibc_than_the_runtime_has_does_not_count(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "fast", "2.0", tag="cp39-abi3-manylinux_2_28_x86_64")
    make_wheel(wheels, "fast", "1.0", tag="cp39-abi3-manylinux2014_x86_64")
    target = f"{project(needing('fast'))}/main.py:app"
    for python, expected in {"3.11": "manylinux2014", "3.12": "manylinux_2_28"}.items():
        done = package(target, "--python", python)
        assert expected in done.read("fast.py")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("python", PYTHONS)
def test_each_platform_gets_its_own_wheels(
    project: Write, wheels: Path, package: Run, architecture: str, python: str
) -> None:
    abi = f"cp{python.replace('.', '')}"
    for machine in ("x86_64", "aarch64"):
        make_wheel(wheels, "fast", "1.0", tag=f"{abi}-{abi}-manylinux_2_17_{machine}")
        make_wheel(wheels, "fast", "2.0", tag=f"{abi}-{abi}-manylinux_2_28_{machine}")
    make_wheel(wheels, "arm")
    needs = needing("fast", "arm ; platform_machine == 'aarch64'")
    target = f"{project(needs)}/main.py:app"
    done = package(target, "--arch", architecture, "--python", python)
    glibc = "2_17" if python == "3.11" else "2_28"
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
    assert f"{abi}-manylinux_{glibc}_{machine}" in done.read("fast.py")
    assert ("arm.py" in done.names) == (architecture == "arm64")
    assert "adapter/handler.py" in done.names


def test_an_editable_adapter_is_packaged_as_it_is_now(
    project: Write, package: Run, small_adapter: Path
) -> None:
    sys.path.remove(str(small_adapter))
    done = package(f"{project(needing())}/main.py:app")
    for name in ("adapter/loader.py", "adapter/bootstrap"):
        assert done.read(name) == (PACKAGE.parent / name).read_text()


@pytest.mark.parametrize(
    ("direct_url", "arguments"),
    [
        pytest.param("", ["asgi-lambda-stream==9.9"], id="a release"),
        pytest.param(
            '{"url": "https://x.test/asgi_lambda_stream-9.9-py3-none-any.whl", "archive_info": {}}',
            ["asgi-lambda-stream @ https://x.test/asgi_lambda_stream-9.9-py3-none-any.whl"],
            id="a wheel",
        ),
        pytest.param(
            f'{{"url": "{PACKAGE.parent.as_uri()}", "dir_info": {{"editable": true}}}}',
            [f"asgi-lambda-stream @ {PACKAGE.parent.as_uri()}", *BUILT],
            id="a folder",
        ),
        pytest.param(
            '{"url": "https://x.test/y", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            ["asgi-lambda-stream @ git+https://x.test/y@abc", *BUILT],
            id="a repository",
        ),
    ],
)
def test_the_adapter_comes_from_where_it_was_installed_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct_url: str, arguments: list[str]
) -> None:
    install(tmp_path, direct_url, monkeypatch)
    assert own_requirement() == arguments


def test_an_adapter_that_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(PackageError, match=r"The adapter in .* Install it: docs/getting"):
        own_requirement()


@pytest.mark.parametrize(
    "direct_url",
    [
        pytest.param('{"url": "file:///gone/a%20b.whl", "archive_info": {}}', id="a wheel"),
        pytest.param('{"url": "file:///gone/a%20b.whl", "dir_info": {}}', id="a folder"),
    ],
)
def test_an_adapter_whose_source_is_gone_is_told_to_be_installed_again(
    project: Write, package: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, direct_url: str
) -> None:
    install(tmp_path, direct_url, monkeypatch)
    done = package(f"{project(needing())}/main.py:app")
    assert done.code == 1
    assert (
        "The adapter was installed from file:///gone/a%20b.whl, which is not there any more. Put it"
        " back, or install the adapter again." in done.err
    )
    assert "Write just" not in done.err


def test_without_uv_it_says_what_to_install(project: Write) -> None:
    script = (
        "import sys; sys.modules['uv'] = None  # so that `import uv` fails\n"
        "from adapter.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "package", "main:app"],
        cwd=project(needing("shop")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "This command needs uv, which is not installed" in ended.stderr
    assert f"Try: {INSTALL.format(extra='package')}\n" in ended.stderr


def test_what_is_installed_here_plays_no_part(project: Write, package: Run) -> None:
    done = package(f"{project(needing('pytest'))}/main.py:app")
    assert done.code == 1
    assert "uv found no wheels for Python" in done.err
    assert "pytest" in done.err


def test_a_package_without_a_wheel_is_named_and_there_is_a_way_out(
    project: Write, wheels: Path, package: Run
) -> None:
    make_sdist(wheels, "sourceonly")
    make_wheel(wheels, "shop", requires=["sourceonly"])
    done = package(f"{project(needing('shop'))}/main.py:app", "--arch", "arm64")
    assert done.code == 1
    assert "uv found no wheels for Python" in done.err
    assert "on arm64 that satisfy requirements.txt" in done.err
    assert "sourceonly" in done.err
    assert "pip wheel --no-deps NAME -w wheels" in done.err
    assert not done.output.exists()


BUILDER = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.build]
dev-mode-dirs = ["."]
"""
TILL = {
    "libs/till/pyproject.toml": f'[project]\nname = "till"\nversion = "1"\n{BUILDER}',
    "libs/till/till/__init__.py": "",
}


def test_a_package_that_would_be_a_link_to_this_machine_is_refused(
    project: Write, package: Run
) -> None:
    folder = project({**needing("-e ./libs/till"), **TILL})
    done = package(f"{folder}/main.py:app")
    assert done.code == 1
    assert f"requirements.txt has till as -e {folder}/libs/till" in done.err
    assert f"pip wheel --no-deps {folder}/libs/till -w wheels" in done.err


def test_a_project_that_installs_itself_has_its_dependencies_and_no_link(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "shop")
    text = f'[project]\nname = "mine"\nversion = "1"\ndependencies = ["shop"]\n{BUILDER}'
    files = {"src/mine/main.py": APP["main.py"], "src/mine/__init__.py": "", "pyproject.toml": text}
    done = package(f"{project({**needing('-e .'), **files})}/src/mine/main.py:app")
    assert done.code == 0
    assert {"shop.py", "mine/main.py", "mine-1.dist-info/METADATA"} <= done.names
    assert [name for name in done.names if name.endswith(".pth")] == ["packed_imports.pth"]


def test_another_failure_is_told_in_the_words_of_uv(project: Write, package: Run) -> None:
    done = package(f"{project(needing('!!!'))}/main.py:app")
    assert done.code == 1
    assert "could not install the dependencies of requirements.txt:\n    " in done.err
    assert "Unexpected '!'" in done.err
    assert "Write just" not in done.err


@pytest.mark.parametrize("kind", ["a wheel", "a version"])
def test_the_adapter_from_a_place_of_its_own_is_told_to_be_just_named(
    project: Write, wheels: Path, package: Run, kind: str
) -> None:
    wheel = make_wheel(wheels, "asgi_lambda_stream", "0.0.1")
    needs = needing(str(wheel) if kind == "a wheel" else "asgi-lambda-stream==0.0.1")
    done = package(f"{project(needs)}/main.py:app")
    assert done.code == 1
    assert "Write just `asgi-lambda-stream` there" in done.err
    assert "uv found no wheels" not in done.err


@pytest.mark.parametrize(
    "fetch",
    [
        "error: Failed to fetch: https://x.test/simple/asgi-lambda-stream/",
        "error: Failed to build `asgi-lambda-stream @ file:///clone`\n"
        "    cause: Failed to fetch: https://pypi.org/simple/hatchling/",
    ],
)
def test_an_index_without_the_adapter_or_its_build_tool_is_no_fault_of_the_requirements(
    fetch: str,
) -> None:
    error = subprocess.CalledProcessError(2, "uv", stderr=fetch)
    told = explain(error, "requirements.txt", Platform("arm64", "3.13"), is_locked=False)
    assert indent(fetch, "    ") in told
    assert "check the network" in told
    assert "Write just" not in told


def test_a_full_disk_is_no_fault_of_the_requirements() -> None:
    full = (
        "error: Failed to install: asgi_lambda_stream-0.1.0-py3-none-any.whl\n"
        "    cause: failed to copy file: No space left on device (os error 28)"
    )
    error = subprocess.CalledProcessError(2, "uv", stderr=full)
    told = explain(error, "requirements.txt", Platform("arm64", "3.13"), is_locked=False)
    assert indent(full, "    ") in told
    assert told.endswith(
        "Make room for temporary files and uv's cache, or move them: TMPDIR, UV_CACHE_DIR"
    )


def test_without_bytecode_it_says_what_that_costs(project: Write, package: Run) -> None:
    other = "3.13" if THIS_PYTHON != "3.13" else "3.12"
    done = package(f"{project(needing())}/main.py:app", "--python", other)
    assert f"Warning: the zip has no bytecode, which only Python {other} can make" in done.err
    assert not [name for name in done.names if name.endswith(".pyc")]


def test_a_version_that_is_older_than_here_for_want_of_a_wheel_is_named(
    project: Write, wheels: Path, package: Run
) -> None:
    make_wheel(wheels, "idna", "0.1")
    make_wheel(wheels, "idna", "999.0", requires=["source_only"])
    make_sdist(wheels, "source_only")
    here = metadata.version("idna")
    done = package(f"{project(needing('idna'))}/main.py:app")
    assert done.code == 0
    assert (
        f"Warning: the zip has idna 0.1, and this environment idna {here}. uv takes an older "
        "version if a newer one, or a dependency of it, has no wheel for Python "
        f"{THIS_PYTHON} on x86_64, or if another package excludes it. To see why, write "
        f"idna>={here} into requirements.txt."
    ) in done.err.replace("aarch64", "x86_64")
    done = package(f"{project(needing('idna >= 999'))}/main.py:app")
    assert (done.code, "source-only" in done.err) == (1, True)


@pytest.mark.parametrize("pin", ["idna==0.1", "IDNA == 0.1", "idna >=0.1,<1", "idna~=0.1"])
def test_a_version_that_is_limited_is_older_by_intention(
    project: Write, wheels: Path, package: Run, pin: str
) -> None:
    make_wheel(wheels, "idna", "0.1")
    done = package(f"{project(needing(pin))}/main.py:app")
    assert (done.code, "the zip has idna" in done.err) == (0, False)


@pytest.mark.parametrize("line", ["-c more/limits.txt", "--requirement=more/limits.txt"])
def test_a_version_that_another_file_limits_is_older_by_intention(
    project: Write, wheels: Path, package: Run, line: str
) -> None:
    make_wheel(wheels, "idna", "0.1")
    more = {"more/limits.txt": "-r ../requirements.txt\n-r last.txt", "more/last.txt": "idna<1\n"}
    done = package(f"{project({**needing('idna', line), **more})}/main.py:app")
    assert (done.code, "the zip has idna" in done.err) == (0, False)
