from __future__ import annotations

import pytest

from adapter.package.check import bound_names, may_bind_more


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
        "def make():\n    global app\n    app = 1\nmake()",
    ],
)
def test_every_way_to_bind_a_name_is_seen(source: str) -> None:
    assert "app" in bound_names(source)


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
def test_a_name_that_is_used_or_bound_elsewhere_is_none_of_the_modules(source: str) -> None:
    assert "app" not in bound_names(source)
    assert not may_bind_more(source)


@pytest.mark.parametrize(
    "source",
    [
        "from shop import *",
        "if DEBUG:\n    from shop import *",
        "def __getattr__(name): ...",
        "globals()['app'] = 1",
        "setattr(module, 'app', 1)",
        "sys.modules[__name__] = Lazy()",
        "exec(code)",
    ],
)
def test_a_module_that_may_have_more_names_than_are_written_in_it(source: str) -> None:
    assert may_bind_more(source)
