"""Streaming under AWS's own Python runtime.

Its client is `awslambdaric`, which only this module patches. It receives the events, makes the
context, calls the handler and writes the logs, as without the adapter. The handler posts its stream
by itself, over another connection. These parts of awslambdaric are replaced; most replacements call
the original:

* ``wait_next_invocation`` of its client classes. Only this method has the id of the next
  invocation, and the nonce that must go back with the response. Its first call is the end of init,
  so the lifespans of the apps start there.
* ``runtime_client``, the C extension module, which sends requests by libcurl. They are sent over a
  Python socket instead, which other threads do not wait for, and on demand no thread is started for
  each event: that saves a fifth of the instructions of a FastAPI call. The Runtime API refuses a
  second response with 403, and awslambdaric then ends the process, so a second response is dropped.
  It is recognized by the request id, because wrappers can change the result. Instrumentation
  patches the methods of the classes, before or after this module does, and these methods call the C
  extension module: so the hooks of the instrumentation run before a response is dropped.
* ``to_json`` in the module of the client, for the reports of a failed init or restore: the original
  sets no limit, and ``http.client`` sends characters of Latin-1 only.
* ``handle_event_request`` and ``log_error`` of its bootstrap module. An error that cannot be
  described, or a line that cannot be written, would end the process.
* ``marshal_response`` of its marshaller. A result that UTF-8 cannot encode would end the process.
* The runner of SnapStart hooks, to start the lifespans before the snapshot, and to run ``async``
  hooks on the event loop of the app. The original is not called; its list of hooks is used.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache, partial
from importlib import import_module
from inspect import signature
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, error_object, failed_start
from ..invocation.loggers import get_logger
from ..options import runtime_variables
from ..runtime_api.client import BlockingClient
from ..runtime_api.wire import MAX_REPORT_BYTES, ProtocolError, error_report, error_type_header
from .bootstrap import call_guarded
from .managed_bridge import ManagedBridge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

logger = get_logger("adapter.runtime")

_MODULE = "awslambdaric.lambda_runtime_client"

_MARSHALLER = "awslambdaric.lambda_runtime_marshaller"

_METHODS = {
    "wait_next_invocation": ("self",),
    "post_invocation_result": ("self", "invoke_id"),
    "post_invocation_error": ("self", "invoke_id"),
}
"""Methods of the client, and the first parameters by which a known version is recognized."""

_BOOTSTRAP = ("handle_event_request", "log_error")
"""Functions of the bootstrap module in all known versions."""

_ARN = "Lambda-Runtime-Invoked-Function-Arn"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"

_EXTENSION = ("next", "post_invocation_result", "post_error")
"""Functions of the C extension module in all known versions."""


@cache
def install() -> ManagedBridge | None:
    """Let handlers stream if this process is AWS's runtime; return the bridge that calls them.

    Raises:
        ConfigurationError: AWS's runtime serves several invocations in threads of one process.
    """
    if "awslambdaric.bootstrap" not in sys.modules:
        return None
    mode = os.environ.get("AWS_LAMBDA_CONCURRENCY_MODE", "")
    if mode in ("thread", "hybrid"):
        raise ConfigurationError(
            f"AWS_LAMBDA_CONCURRENCY_MODE is {mode!r}: several threads of one process of AWS's"
            " runtime cannot share an event loop. Set it to 'process'; or use the adapter's own"
            " runtime, which serves many invocations at once in one process:"
            " AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap."
        )
    _warn_of_options(os.environ)
    module = import_module(_MODULE)
    classes = _find_classes(module)
    if not classes:
        logger.warning(
            "Responses are buffered, not streamed: awslambdaric %s differs from versions 3 and"
            " 4. Update the adapter; until then either use the native runtime, with"
            " AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap, or set the InvokeMode of the"
            " function URL to BUFFERED.",
            getattr(sys.modules["awslambdaric"], "__version__", "(no version)"),
        )
        return None
    bridge = ManagedBridge()
    module.runtime_client = extension = ExtensionModule(module.runtime_client, bridge)  # type: ignore[attr-defined]
    for client in classes:
        _replace_wait(client, bridge, extension)
    _guard_init_reports(module)
    _guard_reports(sys.modules["awslambdaric.bootstrap"])
    _guard_results(getattr(sys.modules.get(_MARSHALLER), "LambdaMarshaller", None))
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _run_hooks(bridge)
    # A wrapper may import the handler at its first event, when an invocation is running already.
    bridge.join_invocation(
        getattr(sys.modules["awslambdaric.bootstrap"], "_GLOBAL_AWS_REQUEST_ID", None)
    )
    return bridge


def _warn_of_options(environ: Mapping[str, str]) -> None:
    """Warn of options that only the native runtime reads."""
    ignored = runtime_variables(environ)
    if "AWS_EXECUTION_ENV" not in environ and "ADAPTER_WATCHDOG" in ignored:
        ignored.remove("ADAPTER_WATCHDOG")  # `adapter dev` has set it, for any runtime
    if ignored:
        logger.warning(
            "%s: no effect under AWS's runtime. Remove it from the environment of the function, or"
            " use the native runtime: AWS_LAMBDA_EXEC_WRAPPER=/var/task/adapter/bootstrap.",
            ", ".join(ignored),
        )


def _find_classes(module: ModuleType) -> list[type]:
    """Return the classes of the client that define ``wait_next_invocation``; empty if unknown."""
    # 4.x has two clients, one of them for managed instances; both inherit from a common base.
    client = getattr(module, "BaseLambdaRuntimeClient", None) or getattr(
        module, "LambdaRuntimeClient", None
    )
    extension = getattr(module, "runtime_client", None)
    known = all(callable(getattr(extension, name, None)) for name in _EXTENSION) and all(
        _takes(getattr(client, name, None), *first) for name, first in _METHODS.items()
    )
    if not (known and isinstance(client, type)):
        return []
    # The client that runs is of the original class, even if a class that inherits from it has
    # replaced it in the module.
    family = [[base for base in client.__mro__ if "wait_next_invocation" in vars(base)][-1]]
    for member in family:  # breadth-first: the loop also visits the classes that it adds
        family += member.__subclasses__()
    return [member for member in family if "wait_next_invocation" in vars(member)]


def _takes(function: Any, *parameters: str) -> bool:
    """Whether ``function`` has these first parameters, or is a patch, which may have others."""
    if not str(getattr(function, "__module__", None)).startswith("awslambdaric."):
        return callable(function)
    taken = signature(function).parameters
    return (*taken,)[: len(parameters)] == parameters


def _replace_wait(client: Any, bridge: ManagedBridge, extension: ExtensionModule) -> None:
    """Replace ``wait_next_invocation`` of a class.

    On Python 3.12 and later the client starts a thread for each event, because signals are not
    handled while libcurl waits. They are while a Python socket waits, so that needs no thread. On
    managed instances the thread is kept: there it also tries again after an error.
    """
    wait = client.wait_next_invocation
    is_on_demand = "AWS_LAMBDA_MAX_CONCURRENCY" not in os.environ

    def wait_next_invocation(self: Any, *args: Any, **kwargs: Any) -> Any:
        if bridge.waiting:  # called by the method of a class that inherits from this one
            return wait(self, *args, **kwargs)
        bridge.served.clear()  # the latest invocation is over
        if not bridge.started:
            _start(bridge, self)
        if is_on_demand and type(extension.original.next) is BuiltinFunctionType:
            self.use_thread_for_polling_next = False
        bridge.waiting = True
        try:
            received = wait(self, *args, **kwargs)
        finally:
            bridge.waiting = False
        bridge.received(
            received.invoke_id,
            getattr(received, "invocation_id", None),  # not in 3.x
            getattr(received, "deadline_time_in_ms", 0),
            getattr(received, "invoked_function_arn", None),
            getattr(received, "event_body", None),
        )
        return received

    client.wait_next_invocation = wait_next_invocation


def _start(bridge: ManagedBridge, client: Any) -> None:
    """Run the startup of the handlers. If it fails, report the error and end the environment."""
    try:
        bridge.start()
    except BaseException as error:
        described = error_object(error)
        client.post_init_error(described, error_type_header(described))
        text, shown = failed_start(error)
        logger.critical("The environment cannot start: %s", text, exc_info=shown)
        sys.exit(1)


class ExtensionModule:
    """Replaces the C extension module, and posts no second response.

    A function of the module that is patched is called. Its type shows a patch: isinstance() would
    take a proxy of wrapt for the function.

    Args:
        extension: the C extension module.
        bridge: the bridge to the handlers.
    """

    def __init__(self, extension: Any, bridge: ManagedBridge) -> None:
        self.original = extension
        self._bridge = bridge
        self._client = BlockingClient(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the C extension module."""
        return getattr(self.original, name)

    def next(self) -> Any:
        """Wait for an event; return its body and its headers, by their names in the client.

        A header that is missing or empty has no entry, but the ARN always has one. The deadline is
        an integer.
        """
        if type(self.original.next) is not BuiltinFunctionType:
            return self.original.next()
        reply = self._client.next()
        headers: dict[str, Any] = {_ARN: ""}
        for name, value in reply.headers.items():
            if value:
                headers[name.title()] = value if value.isascii() else _from_latin_1(value)
        if _REQUEST_ID not in headers:
            raise ProtocolError("The Runtime API sent an event without a request id.")
        deadline = headers.get(_DEADLINE, "")
        headers[_DEADLINE] = int(deadline) if deadline.isdecimal() else 0
        return reply.body, headers

    def post_invocation_result(
        self, invoke_id: str, data: bytes, content_type: str, *nonce: str | None
    ) -> None:
        """Post the result of the function, unless its response has been streamed.

        awslambdaric posts bytes as "application/unknown". These bytes are never streamed.
        """
        payload = None if content_type == "application/unknown" else data
        if self._bridge.end_response(invoke_id, payload):
            return
        original = self.original.post_invocation_result
        if type(original) is not BuiltinFunctionType:
            original(invoke_id, data, content_type, *nonce)
            return
        self._client.post(
            f"{invoke_id}/response", {"Content-Type": content_type, **_echo(*nonce)}, data
        )

    def post_error(self, invoke_id: str, report: str, cause: str, *nonce: str | None) -> None:
        """Post the error of the function, unless its response has been streamed.

        A large report is shortened: the Runtime API closes the connection if it is over 6 MiB.
        """
        if self._bridge.end_response(invoke_id):
            logger.warning(
                "Handler raised, but the invocation already has an outcome; error not reported"
            )
            return
        if len(report) > MAX_REPORT_BYTES:
            report = error_report(json.loads(report)).decode()
        original = self.original.post_error
        if type(original) is not BuiltinFunctionType:
            original(invoke_id, report, cause, *nonce)
            return
        headers = {"Content-Type": "application/json", **_echo(*nonce)}
        if cause:
            headers["Lambda-Runtime-Function-XRay-Error-Cause"] = _to_latin_1(cause)
        self._client.post(f"{invoke_id}/error", headers, report.encode(errors="backslashreplace"))


def _echo(nonce: str | None = None) -> dict[str, str]:
    """Return the header that is sent back with the outcome; version 3 of the client has none."""
    return {"Lambda-Runtime-Invocation-Id": nonce} if nonce else {}


def _from_latin_1(value: str) -> str:
    """Return the value of a header in UTF-8, which the reader of replies decodes as Latin-1."""
    return value.encode("latin-1").decode("utf-8", "replace")


def _to_latin_1(value: str) -> str:
    """Return the value of a header that is written as Latin-1, and has to be UTF-8."""
    return value.encode(errors="replace").decode("latin-1")


def _guard_init_reports(module: Any) -> None:
    """Let awslambdaric report each failure of init and of a restore."""
    write: Any = getattr(module, "to_json", None)

    def to_json(payload: Any) -> Any:
        is_report = isinstance(payload, dict) and "errorType" in payload
        return error_report(payload).decode() if is_report else write(payload)

    module.to_json = to_json


def _guard_reports(bootstrap: Any) -> None:
    """Let awslambdaric report errors that it cannot describe, and survive an error in its log."""
    handle: Any
    log: Any
    handle, log = (getattr(bootstrap, name, None) for name in _BOOTSTRAP)
    if not (_takes(handle, "lambda_runtime_client", "request_handler") and _takes(log)):
        logger.warning(
            "awslambdaric's bootstrap module differs from that of versions 3 and 4: an error of a"
            " function that cannot be described or logged ends the environment. Update the adapter."
        )
        return

    def handle_event_request(
        lambda_runtime_client: Any, request_handler: Any, *args: Any, **kwargs: Any
    ) -> None:
        handle(lambda_runtime_client, partial(call_guarded, request_handler), *args, **kwargs)

    def log_error(error: Any, sink: Any) -> None:
        try:
            log(error, sink)
        except Exception as failure:
            logger.error("%s: %s (%r)", error["errorType"], error["errorMessage"], failure)

    bootstrap.handle_event_request = handle_event_request
    bootstrap.log_error = log_error


def _guard_results(marshaller: Any) -> None:
    """Let awslambdaric post JSON with half of a surrogate pair, which UTF-8 cannot encode."""
    marshal: Any = getattr(marshaller, "marshal_response", None)
    if not _takes(marshal, "self", "response"):
        return

    def marshal_response(self: Any, response: Any) -> Any:
        result, content_type = marshal(self, response)
        if isinstance(result, str) and not result.isascii():
            # Only the strings in JSON can have such a half, and there `\\ud800` means the same.
            result = result.encode(errors="backslashreplace").decode()
        return result, content_type

    marshaller.marshal_response = marshal_response


def _run_hooks(bridge: ManagedBridge) -> None:
    """Run the hooks around a snapshot on the event loop of the app."""
    from ..invocation.snapshot_hooks import (  # lazy: cold start
        run_after_restore,
        run_before_snapshot,
    )

    runner = import_module("awslambdaric.lambda_runtime_hooks_runner")

    def start_and_run() -> None:
        bridge.start()
        run_before_snapshot(bridge.runner)

    runner.run_before_snapshot = start_and_run  # type: ignore[attr-defined]
    runner.run_after_restore = partial(run_after_restore, bridge.runner)  # type: ignore[attr-defined]
