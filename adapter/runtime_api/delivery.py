"""The delivery of the outcome of one invocation: one POST to the Runtime API, and its reply."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from ..errors import HandlerError, NotPosted, ProtocolError, RuntimeApiError
from ..invocation.claim import CLAIMS, ClaimInput, ClaimState
from ..invocation.current import drop_caught_app_cancellation
from ..invocation.loggers import get_logger
from ..invocation.tasks import unlisted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..invocation.current import Current
    from ..streams.response_stream import ResponseStream
    from .client import RuntimeClient
    from .connection import Connection, ReplyOrError
    from .invocation import Invocation
    from .wire import ApiReply

logger = get_logger("adapter.runtime")

# The statuses that refuse an outcome, but do not end the environment.
_REFUSALS = {
    400: "the response is malformed, or its invocation is over",
    410: "the invocation is over",
    413: "the response is larger than Lambda accepts",
}


class Delivery:
    """Sends the one outcome of an invocation, for the party that `CLAIMS` admits.

    Args:
        client: the client whose connection sends the POST.
        invocation: the invocation.
        on_reply: called when there is a reply to a streamed POST.
    """

    def __init__(
        self,
        client: RuntimeClient,
        invocation: Invocation,
        on_reply: Callable[[], None] | None = None,
    ) -> None:
        self.claim = ClaimState.OPEN
        self.invocation = invocation
        self.client = client
        self.sent = False  #: an outcome has been sent, at least in part
        self.opened = False  #: a streamed POST has begun
        self.reply_to_stream: ReplyOrError | None = None
        self._on_reply = on_reply
        self._stream: ResponseStream | None = None
        self._waiting: asyncio.Future[ReplyOrError] | None = None  #: a task waits for the reply
        self._posting: asyncio.Future[ApiReply] | None = None  #: a POST of a whole outcome

    def enter(self, happened: ClaimInput) -> bool:
        """Enter the next state of the claim; return whether the party of the input may respond."""
        before = self.claim
        self.claim = after = CLAIMS[before][happened]
        return after is not before

    @property
    def has_posted(self) -> bool:
        """Whether the POST of a whole outcome has ended, with or without a reply."""
        return self._posting is not None and self._posting.done()

    def open(self, connection: Connection, stream: ResponseStream) -> None:
        """Begin the POST of ``stream``: its head will be written to ``connection`` now."""
        self.sent = self.opened = True
        self._stream = stream
        connection.on_reply = self._replied

    def _replied(self, reply: ReplyOrError) -> None:
        self.reply_to_stream = reply
        stream, self._stream = self._stream, None  # the stream refers to this object: a cycle
        if stream is not None and not stream.closed:
            self._refuse(stream, reply)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)
        if self._on_reply is not None:
            self._on_reply()

    def _refuse(self, stream: ResponseStream, reply: ReplyOrError) -> None:
        """Stop the writer of ``stream``: the reply has come before the end of the response."""
        stream.disconnect(
            f"The Runtime API stopped reading the response: {reply}"
            if isinstance(reply, Exception)
            else f"The Runtime API refused the response with {reply.status}."
        )
        self.client.abort()

    def respond(self, response: object, party: ClaimInput) -> bool:
        """Post a whole response if ``party`` may respond; return whether it may.

        Raises:
            HandlerError: ``response`` is not JSON. The claim has not changed, so that an error can
                be reported.
        """
        payload, content_type = _encoded(response)
        if not self.enter(party):
            return False
        self._post(self.client.respond(self.invocation, payload, content_type))
        return True

    def report(self, error: BaseException) -> None:
        """Post an error report."""
        self._post(self.client.error(self.invocation, error))

    def _post(self, posting: Coroutine[None, None, ApiReply]) -> None:
        self.sent = True
        self._posting = unlisted(asyncio.ensure_future(posting))

    async def reply(self) -> ApiReply:
        """Return the reply of the Runtime API to the outcome.

        The reply comes when Lambda has read the whole body, which may be slow.

        Raises:
            ConnectionError: there is no reply, because the connection is gone.
            NotPosted: nothing was sent; awslambdaric may still send an error report.
        """
        if self.opened:
            reply = self.reply_to_stream
            if reply is None:
                self._waiting = asyncio.get_running_loop().create_future()
                reply = await self._waiting
            if isinstance(reply, Exception):
                raise reply
            return reply
        posting = self._posting
        if posting is None:
            raise NotPosted("The invocation ended, and nothing was posted.")
        await asyncio.wait((posting,))
        if posting.cancelled():
            raise NotPosted("The POST of the outcome was cancelled.")
        try:
            return posting.result()
        except NotPosted:
            self.sent, self._posting = False, None
            raise

    async def wait_for_reply(self, record: Current | None = None) -> None:
        """Wait for the reply of the Runtime API: the next event may be asked for only after it.

        Args:
            record: the record of the invocation, if the current task has run its app. A
                cancellation by the app does not end this wait.

        Raises:
            CancelledError: the task was cancelled from outside.
            RuntimeApiError: the reply says that this environment is lost.
            NotPosted: nothing could be posted, so ``next`` would deliver the same event again.
        """
        reply: ApiReply | None = None
        while reply is None:
            try:
                reply = await self.reply()
            except asyncio.CancelledError:
                if not drop_caught_app_cancellation(record):
                    raise
            except (OSError, ProtocolError) as error:
                # For example, Lambda resets the connection at the timeout. If the environment goes
                # on, the next request opens a new connection.
                logger.error("It is not known whether the Runtime API took the response: %s", error)
                return
        if reply.status in _REFUSALS:
            logger.error(
                "The Runtime API did not take the response (%s): %s. %s",
                reply.status,
                _REFUSALS[reply.status],
                reply.body.decode("utf-8", "replace").strip(),
            )
        elif reply.status != 202:
            body = reply.body.decode("utf-8", "replace")
            raise RuntimeApiError("POST /runtime/invocation/…", reply.status, body)


def _encoded(response: object) -> tuple[bytes, str]:
    """Return ``response`` as JSON, and its content type; bytes are sent as they are.

    Raises:
        HandlerError: ``response`` is not JSON.
    """
    if isinstance(response, bytes):
        return response, "application/unknown"  # as AWS's own runtime says
    try:
        return _json(response), "application/json"
    except (TypeError, ValueError, RecursionError) as error:
        raise HandlerError(
            "Runtime.MarshalError", f"The handler's response cannot be sent as JSON: {error}"
        ) from error


def _json(response: object) -> bytes:
    """Return ``response`` as JSON in UTF-8, the encoding in which its size was measured."""
    try:
        return json.dumps(response, default=_number, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot encode
        return json.dumps(response, default=_number).encode()


def _number(value: object) -> int | float:
    """Return the JSON number for a `Decimal`, which is the type of DynamoDB's numbers."""
    # Not imported here: if no module has imported `decimal`, there is no Decimal.
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        whole = value == value.to_integral_value() if value.is_finite() else False
        return int(value) if whole else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
