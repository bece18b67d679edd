"""The Runtime API of one environment, as far as it is the same for every environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; where that page is silent, the
behaviour is RAPID's (https://github.com/aws/aws-lambda-runtime-interface-emulator).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import anyio

from ..host import host_is_local
from . import replies
from .extensions import Extensions, Registered
from .on_demand_state import TransitionError
from .replies import Reply
from .server_connection import GONE, ServerConnection, TruncatedError
from .uploads import is_json, read_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import SocketStream

    from ..local_invocation import InvocationFailure, LocalInvocation

NONCE = "Lambda-Runtime-Invocation-Id"

# What every browser sends with a page's POST, and with everything that a page loads. The page may
# come from anywhere, and a runtime sends neither.
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
)


class Identity(NamedTuple):
    """What an environment knows of its function, as far as the Runtime API tells it."""

    function: Registered
    arn: str
    timeout: float
    throttle: bool
    snapstart: bool = False


class RuntimeApi(ABC):
    """Serves one environment.

    `initialised` is set when its init is over, `asked` when it asks for events; `init_failure` is
    there if the runtime reported that it cannot start. `deliver` hands it an invocation, whose
    ``done`` is set when the environment has nothing more to do for it.
    """

    routes = ROUTES

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.initialised = anyio.Event()
        self.initialised_at: float | None = None
        self.asked = anyio.Event()
        self.init_failure: InvocationFailure | None = None
        self.extensions = Extensions(identity.function)

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether it can take an invocation: now or, while it starts, soon."""

    @abstractmethod
    def deliver(self, invocation: LocalInvocation) -> bool:
        """Hand an event to a runtime that waits; return false, with its failure, if none does."""

    @abstractmethod
    def expire(self, invocation: LocalInvocation) -> bool:
        """Fail an invocation whose time is up; return whether the environment ends with it."""

    @abstractmethod
    def death(self, request_id: str, returncode: int) -> InvocationFailure:
        """Describe to a caller that the runtime process has ended."""

    @abstractmethod
    async def settled(self) -> None:
        """Wait until no answer is being read."""

    def restore(self) -> bool:
        """Let a runtime that waits in its snapshot go on; return false if it is in none."""
        return False

    async def serve(self, stream: SocketStream) -> None:
        """Serve one connection until either side ends it."""
        async with stream:
            connection = ServerConnection(stream)
            try:
                while await connection.next_request():
                    if not await connection.reply(await self._handle(connection)):
                        return
            except GONE:
                return  # the runtime left before it had its answer: nothing to tell it

    async def _handle(self, connection: ServerConnection) -> Reply:
        # AWS has no need of these two: no browser is in reach of its Runtime API.
        if not host_is_local(list(connection.request.headers)):
            return replies.NOT_THIS_HOST
        if any(connection.header(name) for name in BROWSER_HEADERS):
            return replies.NOT_FOR_BROWSERS
        method, target = connection.request.method.decode(), connection.request.target.decode()
        call, argument = find_route(self.routes, method, target)
        if isinstance(call, Reply):
            return call
        try:
            return await self._calls()[call](connection, argument)
        except TransitionError as error:
            return replies.invalid_transition(str(error))
        except TruncatedError:
            return replies.TRUNCATED

    def _calls(self) -> dict[str, Callable[[ServerConnection, str], Awaitable[Reply]]]:
        """What answers each call of `routes`."""
        return {
            "ping": self._ping,
            "next": self._next,
            "response": self._response,
            "error": self._error,
            "init_error": self._init_error,
            "register": self._register,
            "extension_next": self._extension_next,
        }

    @abstractmethod
    async def _next(self, connection: ServerConnection, _argument: str) -> Reply:
        """Answer with the next event, when there is one."""

    @abstractmethod
    async def _response(self, connection: ServerConnection, request_id: str) -> Reply:
        """Take the response to an invocation."""

    @abstractmethod
    async def _error(self, connection: ServerConnection, request_id: str) -> Reply:
        """Take the report that an invocation failed."""

    @abstractmethod
    async def _init_error(self, connection: ServerConnection, _argument: str) -> Reply:
        """Take the report that the environment cannot start."""

    async def _ping(self, _connection: ServerConnection, _argument: str) -> Reply:
        return replies.PONG

    async def _register(self, connection: ServerConnection, _argument: str) -> Reply:
        body = b"".join([data async for data in connection.body()])
        return self.extensions.register(
            connection.header("Lambda-Extension-Name"), body, closed=self._init_is_over
        )

    async def _extension_next(self, connection: ServerConnection, _argument: str) -> Reply:
        reply = self.extensions.next(connection.header("Lambda-Extension-Identifier"))
        self._check_initialised()
        if reply is None:
            await anyio.sleep_forever()
        assert reply is not None
        return reply

    @property
    @abstractmethod
    def _init_is_over(self) -> bool:
        """Whether the runtime has said how its own init went."""

    @property
    @abstractmethod
    def _init_went_well(self) -> bool:
        """Whether it has said that it went well."""

    def _check_initialised(self) -> None:
        if self._init_went_well and self.extensions.ready and not self.initialised.is_set():
            self.initialised_at = monotonic()
            self.initialised.set()

    async def _read_init_failure(self, connection: ServerConnection) -> Reply:
        failure = await read_failure(connection)
        kind = "application/json" if is_json(failure.payload) else "application/octet-stream"
        self.init_failure = failure._replace(content_type=kind)
        return replies.ACCEPTED

    def _event_headers(self, invocation: LocalInvocation) -> replies.HeaderItems:
        """What is said of an event: an empty value where there is nothing to say."""
        return (
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.identity.arn),
            ("Lambda-Runtime-Trace-Id", invocation.trace_id),
            ("Lambda-Runtime-Client-Context", invocation.client_context),
            # Who calls is in the caller's credentials, which nobody looks at here.
            ("Lambda-Runtime-Cognito-Identity", ""),
            (NONCE, invocation.nonce),
        )


def is_stale(connection: ServerConnection, invocation: LocalInvocation) -> bool:
    """Whether it answers another delivery of the same request; many runtimes do not say.

    AWS has not published how its server judges this. That it says 410, and that the right answer
    may still come, is what its runtimes are prepared for.
    """
    return connection.header(NONCE) not in ("", invocation.nonce)


def find_route(routes: Routes, method: str, target: str) -> tuple[str | Reply, str]:
    """Return the name of the call and its argument, or the reply if there is no such call."""
    path = target.partition("?")[0]
    for allowed, pattern, call in routes:
        if match := re.fullmatch(pattern, path):
            if method != allowed:
                return replies.METHOD_NOT_ALLOWED, ""
            return call, match.group(1) if match.groups() else ""
    return replies.NOT_FOUND, ""
