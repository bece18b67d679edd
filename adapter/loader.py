"""From the name of a handler or an app to something a runtime can drive."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncGenerator, Generator
from functools import reduce
from typing import TYPE_CHECKING, Any

from .errors import LoadError
from .function import FunctionHandler
from .handler import LambdaHandler
from .stream import StreamingHandler

if TYPE_CHECKING:
    from types import ModuleType

_GENERATOR = " To stream what a generator function yields, decorate it with @streamify_response."


def load(target: str) -> StreamingHandler:
    """Import what ``target`` names and make a handler of it.

    ``module:attribute`` is an ASGI app, unless it is a handler already. ``module.attribute`` is
    a Lambda handler, as in ``_HANDLER``, and is called as one.

    Raises:
        LoadError: there is nothing to be had under that name.
        Exception: what the module raised when it was imported.
    """
    named_app = ":" in target
    path, _, attribute = target.rpartition(":" if named_app else ".")
    module_name = path.replace("/", ".")
    if not (attribute and all(module_name.split("."))):
        raise LoadError(
            "Runtime.MalformedHandlerName",
            f"Bad handler {target!r}: it must be module.attribute for a Lambda handler,"
            " or module:attribute for an ASGI app.",
        )
    found = _attribute(_module(module_name), attribute, target)
    if issubclass(type(found), StreamingHandler):  # and not a proxy around one
        ours: StreamingHandler = found
        return ours
    if not callable(found):
        raise LoadError(
            "Runtime.HandlerNotFound",
            f"{target!r} is not a handler: it is a {type(found).__name__}, which cannot be called."
            + (_GENERATOR if isinstance(found, Generator | AsyncGenerator) else ""),
        )
    return LambdaHandler(found) if named_app else FunctionHandler(found)


def _module(name: str) -> ModuleType:
    if name.partition(".")[0] in sys.builtin_module_names:
        raise LoadError(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use the built-in module {name!r} as a handler module.",
        )
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LoadError(
            "Runtime.ImportModuleError", f"Unable to import module '{name}': {error}"
        ) from error
    except SyntaxError as error:
        raise LoadError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{name}': {error}"
        ) from error


def _attribute(module: ModuleType, path: str, target: str) -> Any:
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        raise LoadError(
            "Runtime.HandlerNotFound", f"Handler '{path}' missing on module '{module.__name__}'"
        ) from None
