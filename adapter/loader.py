"""From the name of a handler or an app to something a runtime can drive."""

from __future__ import annotations

import asyncio
import importlib
import sys
from functools import reduce
from typing import TYPE_CHECKING, Any

from .errors import DeadlineExceeded, LoadError
from .handler import LambdaHandler
from .types import StreamingHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .stream import ResponseStream
    from .types import JSON, Context


def load(target: str) -> StreamingHandler:
    """Import what ``target`` names and make a handler of it.

    ``module:attribute`` is an ASGI app, unless it is a handler already. ``module.attribute`` is
    a Lambda handler, as in ``_HANDLER``, and is called as one.

    Raises:
        LoadError: there is nothing to be had under that name.
        Exception: what the module raised when it was imported.
    """
    named_app = ":" in target
    module_name, separator, attribute = target.rpartition(":" if named_app else ".")
    if not (module_name and separator and attribute):
        raise LoadError(
            "Runtime.MalformedHandlerName",
            f"Bad handler {target!r}: it must be module.attribute for a Lambda handler,"
            " or module:attribute for an ASGI app.",
        )
    found = _attribute(_module(module_name.replace("/", ".")), attribute, target)
    if isinstance(found, StreamingHandler):
        return found
    if not callable(found):
        raise LoadError(
            "Runtime.HandlerNotFound",
            f"{target!r} is not a handler: it is a {type(found).__name__}, which cannot be called.",
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


class FunctionHandler:
    """A handler that is not ours: a plain function, or somebody's wrapper around one of ours.

    It is called in a worker thread, so that it may block. A `LambdaHandler` inside it finds the
    invocation that it serves and streams.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._function = function

    async def startup(self) -> bool:
        """Do nothing."""
        return False

    async def respond(
        self, event: JSON, context: Context | None, stream: ResponseStream | None
    ) -> JSON:
        """Call the function and return what it returns.

        When the time is up and it has not returned, the invocation fails; the thread cannot be
        stopped, so this still returns only when it ends.
        """
        call = asyncio.ensure_future(asyncio.to_thread(self._function, event, context))
        seconds = context.get_remaining_time_in_millis() / 1000 if context else None
        done, _ = await asyncio.wait((call,), timeout=seconds)
        if not done and stream is not None:
            await stream.fail(
                DeadlineExceeded("The function was still running when its time was up.")
            )
        answer: JSON = await call
        return answer

    async def shutdown(self) -> None:
        """Do nothing."""
