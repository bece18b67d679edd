"""Imports the handler or the app that a target names."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import AsyncGenerator, Generator
from functools import reduce
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .entry import EntryPoint
from .errors import LoadError
from .handler import LambdaHandler, may_be_factory
from .imports import collector, release_packed

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import ModuleType, TracebackType
    from typing import Literal

    from .streams.streaming_handler import StreamingHandler

    Kind = Literal[
        "an ASGI app", "a WSGI app", "a Lambda handler", "a function without arguments", "unknown"
    ]
    """The kind of an object in the user's module, judged without calling the object."""

_IMPORT_MODULES = {__name__, "importlib", "importlib._bootstrap", "importlib._bootstrap_external"}

USUAL = ("app", "application", "handler", "lambda_handler")  #: names of apps and handlers

CALL = "()"  #: at the end of a target: call the attribute; its result is the app


_GENERATOR = " To stream what a generator function yields, decorate it with @streamify_response."


def load(target: str) -> StreamingHandler:
    """Import what ``target`` names and make a handler of it.

    ``module:attribute`` is an ASGI app, unless it is a handler already. ``module:factory()`` is
    an ASGI app that the factory returns. ``module.attribute`` is a Lambda handler, as in
    ``_HANDLER``, and is called with ``(event, context)``.

    Raises:
        LoadError: the target does not name a handler or an app.
        Exception: the module or the factory raised it.
    """
    module, attribute, is_factory = _parse(target)
    found = _attribute(_module(module), attribute)
    if is_factory:
        _check_factory(found, target)
        found = found()
    is_handler = _is_handler(type(found))  # isinstance() would accept a proxy of a handler
    if is_handler and not (isinstance(found, EntryPoint) and found.is_wrapper):
        handler: StreamingHandler = found
        return handler
    _check_callable(found, target)
    if not is_factory and (message := kind_mismatch(target, _kind_of(found))):
        raise LoadError("Runtime.HandlerNotFound", message)
    if ":" in target and not is_handler:
        return LambdaHandler(found)
    from .function import FunctionHandler  # lazy: cold start

    return FunctionHandler(found)


def calls_function(handler: StreamingHandler) -> bool:
    """Whether the handler calls a function, which may be a wrapper."""
    if isinstance(handler, EntryPoint):
        return False
    from .function import FunctionHandler  # lazy: cold start

    return isinstance(handler, FunctionHandler)


def _is_handler(kind: type) -> bool:
    """Whether a class has the methods of `StreamingHandler`.

    The protocol itself is not imported: `typing` makes and compares protocols slowly.
    """
    return all(hasattr(kind, name) for name in ("startup", "respond", "shutdown"))


def _parse(target: str) -> tuple[str, str, bool]:
    """Return the module, the attribute, and whether the attribute is called to get the app."""
    named_app = ":" in target
    path, _, attribute = target.rpartition(":" if named_app else ".")
    is_factory = named_app and attribute.endswith(CALL)
    if is_factory:
        attribute = attribute.removesuffix(CALL)
    module = path.replace("/", ".")
    if not (attribute and all(module.split("."))):
        raise LoadError(
            "Runtime.MalformedHandlerName",
            f"Bad handler {target!r}: it must be module.attribute for a Lambda handler,"
            " or module:attribute for an ASGI app.",
        )
    if named_app and path.endswith(".py"):
        named = f"{module.removesuffix('.py')}:{target.rpartition(':')[2]}"
        raise LoadError(
            "Runtime.MalformedHandlerName",
            f"Bad handler {target!r}: it names a file. Name the module: {named}",
        )
    return module, attribute, is_factory


def _module(name: str) -> ModuleType:
    if name.partition(".")[0] in sys.builtin_module_names:
        raise LoadError(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use the built-in module {name!r} as a handler module.",
        )
    try:
        with collector.pause(os.environ):
            module = importlib.import_module(name)
    except ImportError as error:
        raise LoadError(
            "Runtime.ImportModuleError", f"Unable to import module '{name}': {error}"
        ) from error.with_traceback(_app_traceback(error))
    except SyntaxError as error:
        raise LoadError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{name}': {error}"
        ) from error.with_traceback(_app_traceback(error))
    except Exception as error:
        error.__traceback__ = _app_traceback(error)
        raise
    release_packed()
    return module


def _app_traceback(error: BaseException) -> TracebackType | None:
    """Return the traceback without the frames of this module and of importlib at its start."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_globals.get("__name__") in _IMPORT_MODULES:
        found = found.tb_next
    return found


def _attribute(module: ModuleType, path: str) -> Any:
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError as error:
        raise LoadError(
            "Runtime.HandlerNotFound",
            f"Handler '{path}' missing on module '{module.__name__}'"
            f"{name_suggestion(str(error.name), dir(error.obj))}",
        ) from None


def name_suggestion(name: str, names: Collection[str]) -> str:
    """Return the end of a sentence about a missing name: the name that may be meant, if any.

    >>> name_suggestion("aplication", ["application", "os"])
    ". Did you mean 'application'?"
    >>> name_suggestion("app", ["application", "os"])
    ". It has 'application'."
    """
    from difflib import get_close_matches  # lazy: cold start

    if near := get_close_matches(name, names, 1):
        return f". Did you mean {near[0]!r}?"
    usual = [repr(each) for each in USUAL if each in names]
    return f". It has {', '.join(usual)}." if usual else ""


def _check_callable(found: object, target: str) -> None:
    if not callable(found):
        raise LoadError(
            "Runtime.HandlerNotFound",
            f"{target!r} is not a handler: it is of type {type(found).__name__}, and cannot be "
            "called."
            + (_GENERATOR if isinstance(found, Generator | AsyncGenerator) else "")
            + _app_advice(found, target),
        )


def _check_factory(found: object, target: str) -> None:
    """Check that ``found`` can be called without arguments, as a function that makes the app."""
    _check_callable(found, target)
    message = kind_mismatch(target, _kind_of(found))
    if not message and not _needs_no_arguments(found):
        name = target.removesuffix(CALL)
        message = (
            f"{target!r} calls {name}, which needs arguments. A function that makes the app needs a"
            f" default for each parameter. Name a Lambda handler with a dot and without the () (on"
            f" the command line: without --factory): {name.replace(':', '.')}"
        )
    if message:
        raise LoadError("Runtime.HandlerNotFound", message)


def _app_advice(found: object, target: str) -> str:
    """Return advice for an object whose method makes the app, as those of FastMCP and Datasette."""
    if ":" not in target or target.endswith(CALL):
        return ""
    names = [name for name in dir(found) if re.fullmatch(r"app|[a-z]\w*_app", name)]
    makers = [
        f"{target}.{name}{CALL}"
        for name in names
        if isinstance(inspect.getattr_static(found, name), FunctionType)
        and _kind_of(getattr(found, name)) == "a function without arguments"
    ]
    return f" Its app may be {' or '.join(makers)}." if makers else ""


def _kind_of(found: Any) -> Kind:
    """Return the kind of an object, judged by its class and the arguments that it takes."""
    if _is_handler(type(found)):
        return "a Lambda handler"
    try:
        signature = inspect.signature(found, follow_wrapped=False)
    except (TypeError, ValueError):
        return "unknown"
    if list(signature.parameters) == ["environ", "start_response"]:
        return "a WSGI app"
    if (inspect.isfunction(found) or inspect.ismethod(found)) and may_be_factory(signature):
        return "a function without arguments"  # def create_app(config=None, debug=False)
    if _accepts(signature, 2):
        return "unknown"
    if _accepts(signature, 3):
        return "an ASGI app"
    return "a function without arguments" if _accepts(signature, 0) else "unknown"


def _needs_no_arguments(found: Any) -> bool:
    """Whether ``found`` can be called without arguments, as far as its signature is known."""
    try:
        return _accepts(inspect.signature(found, follow_wrapped=False), 0)
    except (TypeError, ValueError):
        return True


def _accepts(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def kind_mismatch(target: str, kind: Kind) -> str:
    """Return why ``target`` cannot name an object of this kind, with advice; empty if it can.

    >>> kind_mismatch("main:app", "an ASGI app")
    ''
    """
    if target.endswith(CALL):
        return _call_mismatch(target, kind)
    named_app = ":" in target
    module, _, attribute = target.rpartition(":" if named_app else ".")
    app = f"{module}:{attribute}"
    wanted = "an ASGI app" if named_app else "a Lambda handler, which is called (event, context)"
    fitting = ("unknown", "a Lambda handler", *(["an ASGI app"] if named_app else []))
    if kind in fitting:
        return ""
    if kind == "an ASGI app":
        advice = f"Name the app with a colon: {app}"
    elif kind == "a WSGI app":
        advice = (
            "In its module add: from adapter.wsgi import WsgiToAsgi; app ="
            f" WsgiToAsgi({attribute}). Then use the target {module}:app"
        )
        if module.rpartition(".")[2] == "wsgi":
            advice = f"Django's ASGI app is {module.removesuffix('wsgi')}asgi:application"
    else:
        advice = (
            f"If it returns the app, use the target {app}{CALL} (on the command line also"
            f" {app} --factory)"
        )
    return f"{target!r} is {kind}, not {wanted}. {advice}"


def _call_mismatch(target: str, kind: Kind) -> str:
    if kind in ("unknown", "a function without arguments"):
        return ""
    name = target.removesuffix(CALL)
    return (
        f"{target!r} calls {name}, which is {kind}, not a function that makes an app. Leave out the"
        f" () (on the command line: --factory): {name}"
    )
