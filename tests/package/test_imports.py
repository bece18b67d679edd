"""The warning about an import that would fail on Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.package import THIS_PYTHON
from adapter.package.check import missing_imports

from .conftest import needing
from .wheels import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run, Write

PACKAGED = ("adapter/__init__.py", "fastapi/__init__.py", "_cffi.cpython-399-x86_64-linux-gnu.so")


def missing(folder: Path, target: str = "main:app") -> dict[str, str]:
    sources = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.py")}
    return {**missing_imports(target, sources, [*sources, *PACKAGED])}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import redis", {"redis"}),
        ("import redis.asyncio as redis, yaml", {"redis", "yaml"}),
        ("from google.cloud import storage", {"google"}),
        ("from redis import *", {"redis"}),
        (r"import redis; PATTERN = '\d'", {"redis"}),  # Python warns of this source
        # there, or never needed
        ("import fastapi, _cffi, os.path, __future__", set()),
        ("import boto3, simplejson\nfrom botocore.config import Config", set()),
        ("import __main__", set()),
        ("try:\n    import ujson\nexcept ImportError: ...", set()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import redis", set()),
        ("import sys\nif sys.platform == 'win32':\n    import winreg2", set()),
        ("def later():\n    import redis", set()),
        ("with suppress(ImportError):\n    import ujson", set()),
        ("import sys\nsys.path.insert(0, 'vendored')\nimport redis", set()),
        ("import redis\nsyntax error", set()),
        (f"import redis\nx = {'+'.join('1' * 100_000)}", set()),
        ("from . import redis", set()),
    ],
)
def test_a_module_that_the_package_lacks_is_found(
    tmp_path: Path, source: str, modules: set[str]
) -> None:
    (tmp_path / "main.py").write_text(source)
    assert missing(tmp_path).keys() == modules


def test_modules_of_the_project_are_followed_as_python_imports_them(tmp_path: Path) -> None:
    for name, source in {
        "main.py": "import fastapi\nfrom shop import views\nimport main",
        "shop/__init__.py": "from .settings import DEBUG\nimport of_init",
        "shop/settings.py": "import of_settings",
        "shop/views/__init__.py": "from ..models import Order\nfrom . import cart",
        "shop/views/cart.py": "import of_cart, of_settings",
        "shop/models.py": "import of_models",
        "shop/commands.py": "import of_commands",  # nothing imports it
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    assert missing(tmp_path).keys() == {"of_init", "of_settings", "of_cart", "of_models"}
    assert missing(tmp_path, "shop/commands.handler") == {
        "of_commands": "shop/commands.py",
        **missing(tmp_path, "shop:app"),
    }


def test_the_distribution_to_add_is_named(project: Write, wheels: Path, package: Run) -> None:
    make_wheel(wheels, "shop")
    source = "import shop, yaml, nosuch\nasync def app(scope, receive, send): ...\n"
    done = package(f"{project({**needing('shop'), 'main.py': source})}/main.py:app")
    assert done.code == 0
    assert (
        "Warning: main.py imports yaml, which is not in the zip. Add PyYAML to the dependencies of "
        "the project, unless a layer of the function has it.\n"
    ) in done.err
    assert (
        "Warning: main.py imports nosuch, which is not in the zip. Add the package that has the "
        "module to the dependencies of the project, unless a layer of the function has it.\n"
    ) in done.err
    assert "imports shop" not in done.err


def test_how_to_package_a_module_that_is_left_out_is_said(project: Write, package: Run) -> None:
    files = {
        "main.py": "import shop\nasync def app(scope, receive, send): ...\n",
        "shop/__init__.py": "import tests.prices\nfrom conftest import limit\n",
        "tests/prices.py": "",
        "conftest.py": "",
    }
    other = "3.13" if THIS_PYTHON != "3.13" else "3.12"
    done = package(f"{project({**needing(), **files})}/main.py:app", "--python", other)
    for module, path in (("tests", "tests"), ("conftest", "conftest.py")):
        assert (
            f"Warning: shop/__init__.py imports {module}, which is not in the zip. "
            f'To package it: [tool.adapter] include = ["{path}"] in pyproject.toml\n'
        ) in done.err


def test_where_to_run_it_for_a_module_above_the_task_root_is_said(
    project: Write, package: Run
) -> None:
    source = "import app.prices, shared\nasync def app(scope, receive, send): ...\n"
    files = {"src/app/main.py": source, "src/app/prices.py": "", "shared.py": ""}
    folder = project({**needing(), **files})
    done = package(f"{folder}/src/app/main.py:app")
    for module, place, target in (
        ("app", folder / "src", "app.main:app"),
        ("shared", folder, "src.app.main:app"),
    ):
        assert (
            f"Warning: main.py imports {module}, which is not in the zip. It is in {place}: "
            f"run this command there, with {target} as TARGET.\n"
        ) in done.err


def test_of_another_python_the_standard_library_is_not_known(project: Write, package: Run) -> None:
    source = "import yaml, nosuch\nasync def app(scope, receive, send): ...\n"
    other = "3.13" if THIS_PYTHON != "3.13" else "3.12"
    done = package(f"{project({**needing(), 'main.py': source})}/main.py:app", "--python", other)
    assert "main.py imports yaml" in done.err
    assert "imports nosuch" not in done.err
