"""The Runtime API of one environment: what its runtime may call, and what happens then.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; where that page is silent, the
behaviour is RAPID's (https://github.com/aws/aws-lambda-runtime-interface-emulator).
"""

from __future__ import annotations

import json
import re
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import anyio

from . import reply as replies
from .bandwidth import Bucket
from .connection import GONE, Connection, TruncatedError
from .extensions import Extensions, Registered
from .invocation import End, EndOfResponse, Failure, Invocation, known_error_type
from .reply import MAX_PAYLOAD, Reply
from .state import State, Step, TransitionError, move

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import SocketStream

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
ERROR_CAUSE_TYPE = "application/vnd.aws.lambda.error.cause+json"

ROUTES = (
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


class RuntimeApi:
    """Serves one environment, one invocation at a time.

    `initialised` is set at the first ``next``; `init_failure` is there if the runtime reported
    that it cannot start; `deliver` hands it an invocation, whose ``done`` is set by the
    following ``next``.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.state = State.STARTED
        self.initialised = anyio.Event()
        self.initialised_at: float | None = None
        self.init_failure: Failure | None = None
        self.extensions = Extensions(identity.function)
        self._invocation: Invocation | None = None
        self._delivered = anyio.Event()
        # RAPID holds a lock while it copies an answer: a second answer hangs until the first
        # one has been read, and only then hears that it was not allowed.
        self._answering = anyio.Lock()

    def deliver(self, invocation: Invocation) -> None:
        """Hand an event to the waiting runtime."""
        self.state = move(self.state, Step.EVENT)
        invocation.deliver(self._identity.timeout)
        self._invocation = invocation
        self._delivered.set()

    async def settled(self) -> None:
        """Wait until no answer is being read."""
        async with self._answering:
            pass

    async def serve(self, stream: SocketStream) -> None:
        """Serve one connection until either side ends it."""
        async with stream:
            connection = Connection(stream)
            try:
                while await connection.next_request():
                    if not await connection.reply(await self._handle(connection)):
                        return
            except GONE:
                return  # the runtime left before it had its answer: nothing to tell it

    async def _handle(self, connection: Connection) -> Reply:
        call, argument = find_route(
            connection.request.method.decode(), connection.request.target.decode()
        )
        if isinstance(call, Reply):
            return call
        handlers: dict[str, Callable[[Connection, str], Awaitable[Reply]]] = {
            "ping": self._ping,
            "next": self._next,
            "response": self._response,
            "error": self._error,
            "init_error": self._init_error,
            "register": self._register,
            "extension_next": self._extension_next,
        }
        try:
            return await handlers[call](connection, argument)
        except TransitionError as error:
            return replies.invalid_transition(str(error))
        except TruncatedError:
            return replies.TRUNCATED

    async def _ping(self, _connection: Connection, _argument: str) -> Reply:
        return replies.PONG

    async def _next(self, _connection: Connection, _argument: str) -> Reply:
        before = self.state
        self.state = move(self.state, Step.NEXT)
        if before is State.SENT:
            self._release()
        self._check_initialised()
        while self._invocation is None:
            await self._delivered.wait()
        return replies.event(self._invocation.event, self._event_headers(self._invocation))

    def _release(self) -> None:
        if self._invocation is not None:
            self._invocation.done.set()
        self._invocation = None
        self._delivered = anyio.Event()

    def _check_initialised(self) -> None:
        started = self.state not in (State.STARTED, State.INIT_ERROR)
        if started and self.extensions.ready and not self.initialised.is_set():
            self.initialised_at = monotonic()
            self.initialised.set()

    def _event_headers(self, invocation: Invocation) -> replies.HeaderItems:
        return (
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self._identity.arn),
            ("Lambda-Runtime-Trace-Id", invocation.trace_id),
        )

    def _current(self, request_id: str) -> Invocation | None:
        current = self._invocation
        return current if current is not None and current.request_id == request_id else None

    async def _response(self, connection: Connection, request_id: str) -> Reply:
        async with self._answering:
            invocation = self._current(request_id)
            if invocation is None:
                return replies.INVALID_REQUEST_ID
            self.state = move(self.state, Step.RESPONSE)
            if connection.header(RESPONSE_MODE) not in ("", "streaming"):
                # The state stays: this runtime can neither answer again nor ask for more.
                invocation.fail(Failure("Runtime.InvalidResponseModeHeader"))
                return replies.INVALID_RESPONSE_MODE
            try:
                return await self._copy(connection, invocation)
            finally:
                self.state = move(self.state, Step.SENT)

    async def _copy(self, connection: Connection, invocation: Invocation) -> Reply:
        invocation.begin(connection.header("Content-Type"))
        throttled = self._identity.throttle and invocation.streaming
        bucket = Bucket() if throttled else None
        try:
            async for data in connection.body():
                # One byte more than is allowed shows the client that it is not all.
                data = data[: invocation.limit + 1 - invocation.bytes]
                if bucket:
                    await take(bucket, len(data))
                await invocation.write(data)
                if invocation.bytes > invocation.limit:
                    invocation.finish(End(EndOfResponse.OVERSIZED, "Function.ResponseSizeTooLarge"))
                    return replies.TOO_LARGE
        except TruncatedError:
            invocation.finish(End(EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse"))
            raise
        invocation.finish(end_of(connection, invocation))
        return replies.ACCEPTED

    async def _error(self, connection: Connection, request_id: str) -> Reply:
        async with self._answering:
            invocation = self._current(request_id)
            if invocation is None:
                return replies.INVALID_REQUEST_ID
            self.state = move(self.state, Step.ERROR)
            try:
                failure = await read_failure(connection)
            except TruncatedError:
                invocation.fail(Failure("Runtime.TruncatedResponse"))
                raise
            finally:
                self.state = move(self.state, Step.SENT)
            if len(failure.payload) > MAX_PAYLOAD:
                invocation.fail(Failure("Function.ResponseSizeTooLarge"))
                return replies.TOO_LARGE
            invocation.fail(failure)
            return replies.ACCEPTED

    async def _init_error(self, connection: Connection, _argument: str) -> Reply:
        self.state = move(self.state, Step.INIT_ERROR)
        failure = await read_failure(connection)
        kind = "application/json" if is_json(failure.payload) else "application/octet-stream"
        self.init_failure = failure._replace(content_type=kind)
        return replies.ACCEPTED

    async def _register(self, connection: Connection, _argument: str) -> Reply:
        body = b"".join([data async for data in connection.body()])
        closed = self.state is not State.STARTED
        return self.extensions.register(
            connection.header("Lambda-Extension-Name"), body, closed=closed
        )

    async def _extension_next(self, connection: Connection, _argument: str) -> Reply:
        reply = self.extensions.next(connection.header("Lambda-Extension-Identifier"))
        self._check_initialised()
        if reply is None:
            await anyio.sleep_forever()
        assert reply is not None
        return reply


def find_route(method: str, target: str) -> tuple[str | Reply, str]:
    """Return the name of the call and its argument, or the reply if there is no such call."""
    path = target.partition("?")[0]
    for allowed, pattern, call in ROUTES:
        if match := re.fullmatch(pattern, path):
            if method != allowed:
                return replies.METHOD_NOT_ALLOWED, ""
            return call, match.group(1) if match.groups() else ""
    return replies.NOT_FOUND, ""


def end_of(connection: Connection, invocation: Invocation) -> End:
    """Return the end of a response that was read whole, with the error in its trailers if any."""
    heard = invocation.streaming or connection.header(RESPONSE_MODE) == "streaming"
    trailers = connection.trailers if heard else {}
    return End(
        EndOfResponse.COMPLETE,
        trailers.get(ERROR_TYPE.lower(), ""),
        trailers.get(ERROR_BODY.lower(), ""),
    )


async def take(bucket: Bucket, size: int) -> None:
    """Wait until ``size`` bytes may be sent."""
    delay = bucket.take(size, monotonic())
    while delay:
        await anyio.sleep(delay)
        delay = bucket.take(size, monotonic())


async def read_failure(connection: Connection) -> Failure:
    """Read the body and the headers of an error report."""
    payload = b"".join([data async for data in connection.body()])
    content_type = connection.header("Content-Type")
    if content_type == ERROR_CAUSE_TYPE:
        try:
            document = json.loads(payload)
            document.pop("errorCause", None)
            payload, content_type = json.dumps(document).encode(), "application/json"
        except (ValueError, AttributeError, TypeError, RecursionError):  # no JSON, no object
            payload, content_type = b"Invalid error body", "application/octet-stream"
    return Failure(known_error_type(connection.header(ERROR_TYPE)), payload, content_type)


def is_json(payload: bytes) -> bool:
    """Whether the payload parses as JSON."""
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
