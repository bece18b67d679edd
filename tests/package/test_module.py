from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from adapter.errors import PackageError
from adapter.package.check import check_module, split

if TYPE_CHECKING:
    from pathlib import Path


THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def check(target: str, folder: Path, *names: str, python: str = THIS) -> list[str]:
    said: list[str] = []
    files = {name: folder / name for name in names}
    check_module(target, files, python, said.append)
    return said


@pytest.mark.parametrize(
    ("target", "module"),
    [
        ("main:app", ("main", "app")),
        ("shop.main:make.app", ("shop.main", "make.app")),
        ("shop/main.handler", ("shop.main", "handler")),
        ("main:create_app()", ("main", "create_app")),
    ],
)
def test_a_target_is_a_module_and_a_name_in_it(target: str, module: tuple[str, str]) -> None:
    assert split(target) == module


def test_a_module_may_be_a_file_or_a_package_or_compiled(tmp_path: Path) -> None:
    for name in ("main.py", "shop/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("app = print")
    assert check("main:app", tmp_path, "main.py") == []
    assert check("shop:app", tmp_path, "shop/__init__.py") == []
    assert check("shop.main:app", tmp_path, "shop/main.cpython-313-x86_64-linux-gnu.so") == []
    assert check("shop:app", tmp_path, "shop/__init__.abi3.so") == []
    with pytest.raises(PackageError, match="The module shop has no 'make'"):
        check("shop:make.app", tmp_path, "shop/__init__.py")


@pytest.mark.parametrize("name", ["main.yaml", "main.test.py", "main/data.json", "main.py.so.txt"])
def test_a_file_that_is_only_called_like_it_is_no_module(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match="There is no module main in the package"):
        check("main:app", tmp_path, name)


def test_a_package_comes_before_a_file_of_its_name_as_in_an_import(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "__init__.py").touch()
    (tmp_path / "main.py").write_text("app = print")
    with pytest.raises(PackageError, match=r"has no 'app', .* handler of __init__\.py"):
        check("main:app", tmp_path, "main.py", "main/__init__.py")


def test_how_to_keep_a_module_that_is_left_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        PackageError, match=r"left out of packages: adapter package --keep tests/app\.py$"
    ):
        check("tests.app:app", tmp_path, "main.py")


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("application = print")
    with pytest.raises(
        PackageError, match=r"has no 'aplication', .*load. Did you mean 'application'"
    ):
        check("main:aplication", tmp_path, "main.py")
    with pytest.raises(PackageError, match=r"has no 'x', .* It has 'application'\."):
        check("main:x", tmp_path, "main.py")
    (tmp_path / "main.py").write_text("site = print")
    with pytest.raises(PackageError, match=r"has no 'x', .* an app or a handler of main\.py\."):
        check("main:x", tmp_path, "main.py")


@pytest.mark.parametrize(
    "source",
    [
        "app = FastAPI()",
        "app: FastAPI = FastAPI()",
        "first, (*others, app) = make()",
        "def app(scope): ...",
        "async def app(scope, receive, send): ...",
        "class app: ...",
        "import app",
        "import app.main",
        "from shop import app",
        "from shop import application as app",
        "try:\n    from shop import app\nexcept ImportError:\n    app = None",
        "if DEBUG:\n    with timer() as app: ...",
        "for app in apps: ...",
        "print(app := make())",
        "match make():\n    case [app]: ...",
    ],
)
def test_every_way_to_bind_a_name_is_seen(tmp_path: Path, source: str) -> None:
    (tmp_path / "main.py").write_text(source)
    assert check("main:app", tmp_path, "main.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "application = app",
        "def make():\n    app = 1\n    return app",
        "class Shop:\n    app = 1",
        "shop.app = 1",
        "import shop.app",
        "# app = 1",
    ],
)
def test_a_name_that_is_used_or_bound_elsewhere_is_none_of_the_modules(
    tmp_path: Path, source: str
) -> None:
    (tmp_path / "main.py").write_text(source)
    with pytest.raises(PackageError, match="The module main has no 'app'"):
        check("main:app", tmp_path, "main.py")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("from shop import *", "shows only when it is imported"),
        ("if DEBUG:\n    from shop import *", "shows only when it is imported"),
        ("def __getattr__(name): ...", "shows only when it is imported"),
        ("globals()['app'] = 1", "shows only when it is imported"),
        ("setattr(module, 'app', 1)", "shows only when it is imported"),
        ("sys.modules[__name__] = Lazy()", "shows only when it is imported"),
        ("exec(code)", "shows only when it is imported"),
        ("def make():\n    global app\n    app = 1\nmake()", "shows only when it is imported"),
        ("app = (", "cannot be read by this Python"),
        ("# coding: nothing\napp = 1", "cannot be read by this Python"),
    ],
)
def test_what_cannot_be_seen_is_a_warning(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "main.py").write_text(source)
    (said,) = check("main:app", tmp_path, "main.py", python="3.99")
    assert says in said
    assert said.startswith("Warning: ")


@pytest.mark.parametrize("source", ["app = (", "# coding: nothing\napp = 1"])
def test_what_this_python_cannot_read_is_an_error_if_it_is_to_run_it(
    tmp_path: Path, source: str
) -> None:
    (tmp_path / "main.py").write_text(source)
    with pytest.raises(PackageError, match="The module main cannot be imported: "):
        check("main:app", tmp_path, "main.py")


@pytest.mark.parametrize(
    ("target", "source", "says"),
    [
        ("main.app", "app = FastAPI()", "with a colon: main:app"),
        ("main.app", "app: FastAPI = fastapi.FastAPI(debug=True)", "with a colon: main:app"),
        ("main.app", "app = get_asgi_application()", "with a colon: main:app"),
        ("main.app", "application = app = FastAPI()", "with a colon: main:app"),
        ("main:app", "app = Flask(__name__)", r"app = WsgiToAsgi\(app\)"),
        ("main.app", "app = Flask(__name__)", r"app = WsgiToAsgi\(app\)"),
        ("main:create_app", "def create_app(): ...", "main:create_app --factory"),
        ("main:create_app", "def create_app(debug=False): ...", "main:create_app --factory"),
        ("main.create_app", "def create_app(): ...", "main:create_app --factory"),
    ],
)
def test_what_is_certainly_no_app_or_no_handler_is_told_before_it_fails_on_lambda(
    tmp_path: Path, target: str, source: str, says: str
) -> None:
    (tmp_path / "main.py").write_text(source)
    with pytest.raises(PackageError, match=says):
        check(target, tmp_path, "main.py")


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("main:create_app()", "def create_app(): ..."),
        ("main:app", "app = FastAPI()\napp = middleware(app)"),
        ("main.app", "app = FastAPI()\ntry:\n    app = LambdaHandler(app)\nfinally: ..."),
        ("main.app", "app = FastAPI()\nfrom handlers import app"),
        ("main.handler", "handler = LambdaHandler(FastAPI())"),
        ("main.handler", "@wrapped\ndef handler(): ..."),
        ("main.handler", "def handler(*arguments): ..."),
        ("main.handler", "def handler(event, context=None, clock=None): ..."),
        ("main:site.app", "site = Flask(__name__)"),
        ("main:app", "app = WsgiToAsgi(flask_app)"),
        ("main:app", "class app: ..."),
        ("main:app", "async def app(): ..."),
    ],
)
def test_what_may_be_an_app_or_a_handler_is_packaged(
    tmp_path: Path, target: str, source: str
) -> None:
    (tmp_path / "main.py").write_text(source)
    assert check(target, tmp_path, "main.py") == []
