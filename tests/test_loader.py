"""From a name to a handler. The types and texts are those of AWS's own Python runtime."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from adapter.errors import LoadError
from adapter.function import FunctionHandler
from adapter.handler import LambdaHandler
from adapter.loader import load
from adapter.streams.streaming_handler import StreamingHandler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = """
from adapter import LambdaHandler

async def app(scope, receive, send): ...

class site:
    app = app

handler = LambdaHandler(app)

class Plain(LambdaHandler): ...

class Guarded(LambdaHandler):
    def __call__(self, event, context): return super().__call__(event, context)

plain, guarded = Plain(app), Guarded(app)

def lambda_handler(event, context): ...

def wrapped(*args, **kwargs): ...

def create_app(debug=False): return app

def create_handler(): return handler

def create_shop(name): return app

class Unsigned:
    __signature__ = 1

    def __call__(self): return app

create_unsigned = Unsigned()

def wsgi_app(environ, start_response): ...

class Server:
    def http_app(self, path=None, middleware=None, debug=False): return app

    def register_app(self, app): ...

    @property
    def old_app(self): raise RuntimeError

class Streaming:
    async def startup(self): return False

    async def respond(self, event, context, stream): return event

    async def shutdown(self): ...

class Proxy:
    __class__ = Streaming

    def __call__(self, event, context): ...

streaming, proxy = Streaming(), Proxy()
server = Server()
version = "1"
chunks = (chunk for chunk in "abc")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that modules are imported from, and forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shop.py").write_text(MODULE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "shop.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("def handler(:\n")
    (tmp_path / "lacking.py").write_text("import a_package_that_is_not_installed\n")
    (tmp_path / "outdated.py").write_text("from json import no_such_name\n")
    (tmp_path / "wsgi.py").write_text("def application(environ, start_response): ...\n")
    (tmp_path / "raising.py").write_text("raise KeyError('DATABASE_URL')\n")
    yield tmp_path
    for name in ("shop", "src", "src.shop", "broken", "lacking", "outdated", "raising", "wsgi"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        pytest.param("shop:app", LambdaHandler, id="an-app"),
        pytest.param("shop:site.app", LambdaHandler, id="an-app-in-a-namespace"),
        pytest.param("shop:handler", LambdaHandler, id="a-handler-where-an-app-could-be"),
        pytest.param("shop.handler", LambdaHandler, id="a-handler"),
        pytest.param("src/shop.handler", LambdaHandler, id="in-a-folder-as-AWS-writes-it"),
        pytest.param("src.shop:app", LambdaHandler, id="in-a-package"),
        pytest.param("shop.lambda_handler", FunctionHandler, id="a-function"),
        pytest.param("shop:create_app()", LambdaHandler, id="the-app-that-a-factory-makes"),
        pytest.param("shop:server.http_app()", LambdaHandler, id="the-app-that-a-method-makes"),
        pytest.param("shop:create_unsigned()", LambdaHandler, id="a-factory-without-a-signature"),
        pytest.param("shop:create_handler()", LambdaHandler, id="the-handler-that-a-factory-makes"),
        pytest.param("shop.wrapped", FunctionHandler, id="a-wrapper-that-takes-any-arguments"),
        pytest.param("shop:wrapped", LambdaHandler, id="an-app-that-takes-any-arguments"),
    ],
)
def test_the_colon_says_app_and_the_dot_says_handler(target: str, kind: type) -> None:
    assert type(load(target)) is kind


def test_a_handler_is_taken_as_it_is_and_an_app_is_wrapped() -> None:
    module = __import__("shop")
    assert load("shop:handler") is load("shop.handler") is module.handler
    wrapped = load("shop:app")
    assert isinstance(wrapped, LambdaHandler)
    assert wrapped.app is module.app


def test_a_class_of_handlers_with_a_call_of_its_own_is_a_wrapper() -> None:
    assert load("shop.plain") is __import__("shop").plain
    assert {type(load(target)) for target in ("shop.guarded", "shop:guarded")} == {FunctionHandler}


def test_the_methods_make_a_streaming_handler_and_a_proxy_of_one_is_a_function() -> None:
    handler = load("shop.streaming")
    assert isinstance(handler, StreamingHandler)
    assert handler is __import__("shop").streaming
    assert type(load("shop.proxy")) is FunctionHandler


@pytest.mark.parametrize(
    ("target", "error_type", "message"),
    [
        *(
            pytest.param(target, "Runtime.MalformedHandlerName", "Bad handler", id=name)
            for target, name in {
                "shop": "no-attribute",
                "": "nothing",
                "shop.": "empty-attribute",
                ".handler": "empty-module",
                "shop:": "empty-app",
                ":app": "only-an-app",
                "./shop.handler": "relative-path",
                "/shop.handler": "absolute-path",
                "..shop.handler": "relative-module",
            }.items()
        ),
        pytest.param(
            "src/shop.py:app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'src/shop.py:app': it names a file. Name the module: src.shop:app",
            id="a-file",
        ),
        pytest.param(
            "shop.py:create_app()",
            "Runtime.MalformedHandlerName",
            "Bad handler 'shop.py:create_app()': it names a file. Name the module:"
            " shop:create_app()",
            id="a-factory-in-a-file",
        ),
        pytest.param(
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use the built-in module 'sys' as a handler module.",
            id="built-in",
        ),
        pytest.param(
            "missing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'missing'",
            id="no-such-module",
        ),
        pytest.param(
            "lacking.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'lacking': No module named 'a_package_that_is_not_installed'",
            id="a-dependency-is-missing",
        ),
        pytest.param(
            "outdated.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'outdated': cannot import name 'no_such_name'",
            id="a-dependency-has-no-such-name",
        ),
        pytest.param(
            "broken.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'broken': invalid syntax",
            id="syntax-error",
        ),
        pytest.param(
            "shop.nobody",
            "Runtime.HandlerNotFound",
            "Handler 'nobody' missing on module 'shop'. It has 'app', 'handler', 'lambda_handler'.",
            id="no-such-attribute",
        ),
        pytest.param(
            "shop:site.nobody",
            "Runtime.HandlerNotFound",
            "Handler 'site.nobody' missing on module 'shop'. It has 'app'.",
            id="no-such-inner-attribute",
        ),
        pytest.param(
            "shop:lamda_handler",
            "Runtime.HandlerNotFound",
            "Handler 'lamda_handler' missing on module 'shop'. Did you mean 'lambda_handler'?",
            id="a-misspelt-attribute",
        ),
        pytest.param(
            "shop:site.ap",
            "Runtime.HandlerNotFound",
            "Handler 'site.ap' missing on module 'shop'. Did you mean 'app'?",
            id="a-misspelt-inner-attribute",
        ),
        pytest.param(
            "shop.app",
            "Runtime.HandlerNotFound",
            "'shop.app' is an ASGI app, not a Lambda handler, which is called (event, context)."
            " Name the app with a colon: shop:app",
            id="an-app-named-as-a-handler",
        ),
        pytest.param(
            "shop.create_app",
            "Runtime.HandlerNotFound",
            "'shop.create_app' is a function without arguments, not a Lambda handler, which is"
            " called (event, context). If it returns the app, use the target shop:create_app()"
            " (on the command line also shop:create_app --factory)",
            id="a-factory-named-as-a-handler",
        ),
        pytest.param(
            "shop:create_app",
            "Runtime.HandlerNotFound",
            "'shop:create_app' is a function without arguments, not an ASGI app. If it returns the"
            " app, use the target shop:create_app() (on the command line also shop:create_app"
            " --factory)",
            id="a-factory-named-as-an-app",
        ),
        pytest.param(
            "shop:server.http_app",
            "Runtime.HandlerNotFound",
            "'shop:server.http_app' is a function without arguments, not an ASGI app.",
            id="a-method-that-makes-the-app",
        ),
        pytest.param(
            "shop:server",
            "Runtime.HandlerNotFound",
            "'shop:server' is not a handler: it is of type Server, and cannot be called."
            " Its app may be shop:server.http_app().",
            id="an-object-whose-method-makes-the-app",
        ),
        pytest.param(
            "shop:version()",
            "Runtime.HandlerNotFound",
            "'shop:version()' is not a handler: it is of type str, and cannot be called.",
            id="a-factory-that-cannot-be-called",
        ),
        *(
            pytest.param(
                f"shop:{name}()",
                "Runtime.HandlerNotFound",
                f"'shop:{name}()' calls shop:{name}, which is {kind}, not a function that makes an"
                f" app. Leave out the () (on the command line: --factory): shop:{name}",
                id=f"{name}-named-as-a-factory",
            )
            for name, kind in {
                "app": "an ASGI app",
                "site.app": "an ASGI app",
                "wsgi_app": "a WSGI app",
                "handler": "a Lambda handler",
            }.items()
        ),
        *(
            pytest.param(
                f"shop:{name}()",
                "Runtime.HandlerNotFound",
                f"'shop:{name}()' calls shop:{name}, which needs arguments. A function that makes"
                " the app needs a default for each parameter. Name a Lambda handler with a dot and"
                f" without the () (on the command line: without --factory): shop.{name}",
                id=f"{name}-named-as-a-factory",
            )
            for name in ("lambda_handler", "create_shop")
        ),
        pytest.param(
            "shop:wsgi_app",
            "Runtime.HandlerNotFound",
            "'shop:wsgi_app' is a WSGI app, not an ASGI app. In its module add: from"
            " adapter.wsgi import WsgiToAsgi; app = WsgiToAsgi(wsgi_app). Then use the target"
            " shop:app",
            id="a-WSGI-app-named-as-an-app",
        ),
        pytest.param(
            "wsgi:application",
            "Runtime.HandlerNotFound",
            "'wsgi:application' is a WSGI app, not an ASGI app. Django's ASGI app is"
            " asgi:application",
            id="the-WSGI-app-of-a-Django-project",
        ),
        pytest.param(
            "shop.wsgi_app",
            "Runtime.HandlerNotFound",
            "'shop.wsgi_app' is a WSGI app, not a Lambda handler, which is called (event, context)."
            " In its module add: from adapter.wsgi import WsgiToAsgi; app = WsgiToAsgi(wsgi_app)."
            " Then use the target shop:app",
            id="a-WSGI-app-named-as-a-handler",
        ),
        pytest.param(
            "shop.chunks",
            "Runtime.HandlerNotFound",
            "'shop.chunks' is not a handler: it is of type generator, and cannot be called. To"
            " stream what a generator function yields, decorate it with @streamify_response.",
            id="generator",
        ),
        pytest.param(
            "shop.version",
            "Runtime.HandlerNotFound",
            "'shop.version' is not a handler: it is of type str, and cannot be called.",
            id="not-callable",
        ),
    ],
)
def test_what_cannot_be_loaded_is_reported_under_the_name_AWS_has_for_it(
    target: str, error_type: str, message: str
) -> None:
    with pytest.raises(LoadError) as caught:
        load(target)
    assert caught.value.error_type == error_type
    assert str(caught.value).startswith(message)


def test_what_a_module_raises_is_not_dressed_up_because_its_own_name_says_more() -> None:
    with pytest.raises(KeyError, match="DATABASE_URL"):
        load("raising.handler")


def test_the_traceback_of_a_failed_import_has_no_frames_of_importlib() -> None:
    with pytest.raises(KeyError) as caught:
        load("raising.handler")
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files[-1].endswith("raising.py")
    assert not [name for name in files if "importlib" in name]
    with pytest.raises(LoadError) as lacking:
        load("lacking.handler")
    assert lacking.value.__cause__ is not None
    (frame,) = traceback.extract_tb(lacking.value.__cause__.__traceback__)
    assert frame.filename.endswith("lacking.py")


def test_the_cause_of_a_failed_import_is_kept_for_its_traceback() -> None:
    with pytest.raises(LoadError) as caught:
        load("lacking.handler")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize("parameters", ["config=None, debug=False", "a=1, b=2, c=3", ""])
def test_a_factory_is_known_however_many_defaults_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: str
) -> None:
    (tmp_path / "factories.py").write_text(f"def create_app({parameters}): ...")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "factories", raising=False)
    with pytest.raises(LoadError, match="--factory"):
        load("factories:create_app")


@pytest.mark.parametrize(
    "parameters",
    ["event=None, context=None", "event, context=None", "_event=None, _context=None"],
)
def test_a_handler_may_have_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: str
) -> None:
    (tmp_path / "functions.py").write_text(f"def handler({parameters}): ...")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "functions", raising=False)
    assert isinstance(load("functions.handler"), FunctionHandler)
