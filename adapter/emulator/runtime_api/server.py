"""The Runtime API of one environment: the part that all kinds of environments share.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Where that page does not say, the
code follows RAPID, AWS's own server of this API
(https://github.com/aws/aws-lambda-runtime-interface-emulator).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio

from ..host import host_is_local
from . import replies
from .extension_state import ExtensionStep
from .extensions import Extensions
from .on_demand_state import TransitionError
from .replies import Reply
from .server_connection import CONNECTION_LOST, ServerConnection, TruncatedError
from .uploads import is_json, read_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import SocketStream

    from ..function_config import FunctionConfig
    from ..local_invocation import LocalInvocation
    from ..outcome import InvocationFailure

    Handler = Callable[[ServerConnection, str], Awaitable[Reply]]

NONCE_HEADER = "Lambda-Runtime-Invocation-Id"
TENANT_ID_HEADER = "Lambda-Runtime-Aws-Tenant-Id"
EXTENSION_IDENTIFIER = "Lambda-Extension-Identifier"

# A browser sends one of these headers with every POST, and with every request for a resource of a
# page. A runtime sends neither header.
BROWSER_HEADERS = ("Origin", "Sec-Fetch-Site")

Routes = tuple[tuple[str, str, str], ...]

ROUTES: Routes = (
    ("GET", r"/2018-06-01/ping", "ping"),
    ("GET", r"/2018-06-01/runtime/invocation/next", "next"),
    ("POST", r"/2018-06-01/runtime/invocation/([^/]+)/response", "response"),
    ("POST", r"/2018-06-01/runtime/invocation/([^/]+)/error", "error"),
    ("POST", r"/2018-06-01/runtime/init/error", "init_error"),
    ("POST", r"/2020-01-01/extension/register", "register"),
    ("GET", r"/2020-01-01/extension/event/next", "extension_next"),
    ("POST", r"/2020-01-01/extension/(init|exit)/error", "extension_error"),
    ("PUT", r"/2020-08-15/logs", "logs"),
    ("PUT", r"/2022-07-01/telemetry", "telemetry"),
)


class RuntimeApi(ABC):
    """Serves the runtime of one environment.

    `initialised` is set when the init is over, `next_called` at the first call of ``next``, and
    `init_failure` holds the runtime's report of a failed init. `deliver` gives the runtime an
    invocation; its ``done`` is set when the environment has finished with it.
    """

    routes = ROUTES

    def __init__(self, function: FunctionConfig, region: str) -> None:
        self.function = function
        self.initialised = anyio.Event()
        self.initialised_at: float | None = None
        self.next_called = anyio.Event()
        self.init_failure: InvocationFailure | None = None
        self.extensions = Extensions(function)
        self._responded: LocalInvocation | None = None  #: only its extensions still run
        self._arn = function.arn(region)

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether the environment can take an invocation, now or after its init."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Return how many calls of ``next`` wait for an event."""

    @abstractmethod
    async def wait_for_next(self) -> None:
        """Wait a moment for a call of ``next`` that will come soon."""

    @abstractmethod
    def deliver(self, invocation: LocalInvocation) -> bool:
        """Give an event to a waiting ``next``, or fail the invocation and return false."""

    @abstractmethod
    def time_out(self, invocation: LocalInvocation) -> bool:
        """Fail an invocation that timed out; return whether its environment has to end."""

    @abstractmethod
    def exit_failure(self, request_id: str, returncode: int) -> InvocationFailure:
        """Return the failure of an invocation whose runtime process exited."""

    @abstractmethod
    async def uploads_finished(self) -> None:
        """Wait until no response or report is being read."""

    def restore(self) -> bool:
        """If a runtime waits in its snapshot, let it continue and return true."""
        return False

    async def serve(self, stream: SocketStream) -> None:
        """Serve one connection until either side closes it."""
        async with stream:
            connection = ServerConnection(stream)
            try:
                while await connection.next_request():
                    if not await connection.reply(await self._reply_to(connection)):
                        return
            except CONNECTION_LOST:
                return  # the runtime disconnected before the reply

    async def _reply_to(self, connection: ServerConnection) -> Reply:
        # AWS needs neither check: no browser can reach its Runtime API.
        if not host_is_local(list(connection.request.headers)):
            return replies.NOT_THIS_HOST
        if any(connection.header(name) for name in BROWSER_HEADERS):
            return replies.NOT_FOR_BROWSERS
        method, target = connection.request.method.decode(), connection.request.target.decode()
        found, argument = find_route(self.routes, method, target)
        if isinstance(found, Reply):
            return found
        try:
            return await self._handlers()[found](connection, argument)
        except TransitionError as error:
            return replies.invalid_transition(str(error))
        except TruncatedError:
            return replies.TRUNCATED

    def _handlers(self) -> dict[str, Handler]:
        """Return the method for each call of `routes`."""
        return {
            "ping": self._ping,
            "next": self._next,
            "response": self._response,
            "error": self._error,
            "init_error": self._init_error,
            "register": self._register,
            "extension_next": self._extension_next,
            "extension_error": self._extension_error,
            "logs": self._logs,
            "telemetry": self._telemetry,
        }

    @abstractmethod
    async def _next(self, connection: ServerConnection, _argument: str) -> Reply:
        """Wait for the next event."""

    @abstractmethod
    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        """Read the response to an invocation."""

    @abstractmethod
    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        """Read the error report of an invocation."""

    @abstractmethod
    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        """Read the error report of a failed init."""

    async def _ping(self, _connection: ServerConnection, _argument: str) -> Reply:
        return replies.PONG

    async def _register(self, connection: ServerConnection, _argument: str) -> Reply:
        body = b"".join([data async for data in connection.body()])
        return self.extensions.register(
            connection.header("Lambda-Extension-Name"),
            body,
            features=connection.header("Lambda-Extension-Accept-Feature"),
            closed=self._init_is_over,
        )

    async def _extension_next(self, connection: ServerConnection, _argument: str) -> Reply:
        extension = self.extensions.next(connection.header(EXTENSION_IDENTIFIER))
        if isinstance(extension, Reply):
            return extension
        self._check_initialised()
        self._check_finished()
        await extension.has_event.wait()
        headers = (("Lambda-Extension-Event-Identifier", str(uuid4())),)
        return replies.event(extension.event, headers)

    async def _extension_error(self, connection: ServerConnection, phase: str) -> Reply:
        step = ExtensionStep.INIT_ERROR if phase == "init" else ExtensionStep.EXIT_ERROR
        error_type = connection.header("Lambda-Extension-Function-Error-Type")
        return self.extensions.report(step, connection.header(EXTENSION_IDENTIFIER), error_type)

    async def _logs(self, _connection: ServerConnection, _argument: str) -> Reply:
        return replies.NO_LOGS

    async def _telemetry(self, _connection: ServerConnection, _argument: str) -> Reply:
        return replies.NO_TELEMETRY

    def _check_finished(self) -> None:
        """End the invocation if the runtime and all extensions have finished with it."""
        if self._responded is not None and self.extensions.finished:
            self._responded.done.set()
            self._responded = None

    @property
    @abstractmethod
    def _init_is_over(self) -> bool:
        """Whether the runtime's own init has succeeded or failed."""

    @property
    @abstractmethod
    def _init_succeeded(self) -> bool:
        """Whether the runtime's own init has succeeded."""

    def _check_initialised(self) -> None:
        if self._init_succeeded and self.extensions.ready and not self.initialised.is_set():
            self.initialised_at = monotonic()
            self.initialised.set()

    async def _read_init_failure(self, connection: ServerConnection) -> Reply:
        failure = await read_failure(connection)
        kind = "application/json" if is_json(failure.payload) else "application/octet-stream"
        self.init_failure = failure._replace(content_type=kind)
        return replies.ACCEPTED

    def _event_headers(self, invocation: LocalInvocation) -> replies.HeaderItems:
        """Return the headers of an event; without a value a header is empty, or is left out."""
        tenant = ((TENANT_ID_HEADER, invocation.tenant_id),) if invocation.tenant_id else ()
        return (
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self._arn),
            ("Lambda-Runtime-Trace-Id", invocation.trace_id),
            ("Lambda-Runtime-Client-Context", invocation.client_context),
            # The identity is in the caller's credentials, which are not checked here.
            ("Lambda-Runtime-Cognito-Identity", ""),
            (NONCE_HEADER, invocation.nonce),
            *tenant,
        )


def is_stale(connection: ServerConnection, invocation: LocalInvocation) -> bool:
    """Whether the call belongs to an earlier delivery of the event.

    Many runtimes do not send the header; their calls are never stale. AWS has not published how its
    server decides this. Its runtimes expect a 410, after which the response to the current delivery
    may still come.
    """
    return connection.header(NONCE_HEADER) not in ("", invocation.nonce)


def find_route(routes: Routes, method: str, target: str) -> tuple[str | Reply, str]:
    """Return the name of the call and its argument, or the reply if there is no such call."""
    path = target.partition("?")[0]
    for allowed, pattern, call in routes:
        if match := re.fullmatch(pattern, path):
            if method != allowed:
                return replies.METHOD_NOT_ALLOWED, ""
            return call, match.group(1) if match.groups() else ""
    return replies.NOT_FOUND, ""
