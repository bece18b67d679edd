"""Streaming under AWS's own Python runtime.

Its client is `awslambdaric`; no other module knows it. It goes on taking the events, making the
context, calling the handler and writing the logs. The handler posts its stream itself, over a
connection of its own. Three methods of the client are replaced, and each calls what it replaces:

* ``wait_next_invocation``: the only place that tells which invocation comes, with the nonce that
  must go back with its answer; and the first call of it is the end of init, so the lifespans of
  the apps start there.
* ``post_invocation_result`` and ``post_invocation_error``: the Runtime API refuses a second answer
  with 403, at which the client ends the process. Which answer is the second one is told by the
  request id and by nothing else: wrappers around the handler return and raise what they like.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any

from ..errors import error_object
from ..loggers import get_logger
from ..wire import error_type_header
from .managed_bridge import ManagedBridge

logger = get_logger("adapter.runtime")

_METHODS = {
    "wait_next_invocation": ("self",),
    "post_invocation_result": ("self", "invoke_id"),
    "post_invocation_error": ("self", "invoke_id"),
}
"""What is replaced, and the first parameters by which it is known to be what it was."""


@cache
def install() -> ManagedBridge | None:
    """Let handlers stream if this process is AWS's runtime; return what they are called through.

    Nothing is opened or started: a managed instance may yet fork.
    """
    if "awslambdaric.bootstrap" not in sys.modules:
        return None
    client = _find_client()
    if client is None:
        logger.warning(
            "Responses are not streamed but returned whole: awslambdaric %s is not as its versions"
            " 3 and 4 are. Update the adapter; until then either use the adapter's own runtime,"
            " with AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap, or set the InvokeMode of"
            " the function URL to BUFFERED.",
            getattr(sys.modules["awslambdaric"], "__version__", "(no version)"),
        )
        return None
    bridge = ManagedBridge()
    _replace(client, bridge)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        import_module("snapshot_restore_py").register_before_snapshot(bridge.start)
    # A wrapper may import the handler only now that it has its first event.
    bridge.join(getattr(sys.modules["awslambdaric.bootstrap"], "_GLOBAL_AWS_REQUEST_ID", None))
    return bridge


def _find_client() -> Any:
    """Return the class of the client, or None if it is not as it is known to be."""
    module = import_module("awslambdaric.lambda_runtime_client")
    # 4.x has two clients, the other one for managed instances; both inherit what is replaced.
    for class_name in ("BaseLambdaRuntimeClient", "LambdaRuntimeClient"):
        client = getattr(module, class_name, None)
        if all(_takes(getattr(client, name, None), *them) for name, them in _METHODS.items()):
            return client
    return None


def _takes(method: Any, *parameters: str) -> bool:
    """Whether it is a method with these parameters, before all others."""
    return callable(method) and (*signature(method).parameters,)[:2] == parameters


def _replace(client: Any, bridge: ManagedBridge) -> None:
    wait, post_result, post_error = (getattr(client, name) for name in _METHODS)

    def wait_next_invocation(self: Any) -> Any:
        bridge.waits()
        try:
            bridge.start()
        except BaseException as error:
            logger.critical("The environment cannot start: %s", error, exc_info=error)
            described = error_object(error)
            self.post_init_error(described, error_type_header(described))
            sys.exit(1)
        taken = wait(self)
        bridge.took(taken.invoke_id, getattr(taken, "invocation_id", None))  # 3.x does not tell
        return taken

    def post_invocation_result(self: Any, invoke_id: str, *args: Any, **kwargs: Any) -> None:
        if bridge.has_answered(invoke_id):
            logger.debug("What the handler returned is dropped: its response was streamed.")
        else:
            post_result(self, invoke_id, *args, **kwargs)

    def post_invocation_error(self: Any, invoke_id: str, *args: Any, **kwargs: Any) -> None:
        if bridge.has_answered(invoke_id):
            logger.warning("That error is dropped: the response had been streamed before it.")
        else:
            post_error(self, invoke_id, *args, **kwargs)

    client.wait_next_invocation = wait_next_invocation
    client.post_invocation_result = post_invocation_result
    client.post_invocation_error = post_invocation_error
