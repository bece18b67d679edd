"""The response of one ASGI exchange: messages in, operations out, without I/O.

`Response` takes the app's messages and the other events of the exchange, and returns the next
operations as a tuple. Which message is allowed, and what is sent for it, is decided in this file.
`TRANSITIONS` lists the inputs that each state allows; any other input is an error.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ClientDisconnected, UnexpectedMessage
from ..events.prelude import header_fields
from ..light_classes import IntEnum, NamedTuple
from ..types import Head

if TYPE_CHECKING:
    from ..types import Message


class State(IntEnum):
    """The state of the response. (An `IntEnum`: it is the index of a list for every chunk.)"""

    IDLE = 0  #: the app has sent nothing
    STARTED = 1  #: the app has sent the head; it is held back until there is a body message
    STREAMING = 2  #: the head has been sent
    COMPLETE = 3  #: the whole response has been sent
    FAILED = 4  #: the app failed: a 500, a failed invocation, or error trailers
    EXPIRED = 5  #: the deadline passed: a 504, a failed invocation, or error trailers
    GONE = 6  #: the client disconnected
    REFUSED = 7  #: too large for the event source: a 500 or a failed invocation instead
    LIMITED = 8  #: ended after `max_stream_seconds`: a complete response


class Input(IntEnum):
    """The inputs of the state machine."""

    START = 0  #: ``http.response.start``
    BODY = 1  #: ``http.response.body`` with ``more_body``
    LAST_BODY = 2  #: ``http.response.body`` without ``more_body``
    FLUSH = 3  #: the head was held back for long enough
    RETURNED = 4  #: the app returned
    RAISED = 5  #: the app raised
    EXPIRED = 6  #: the deadline passed
    DISCONNECTED = 7  #: the client disconnected
    REFUSED = 8  #: the head, or the whole buffered response, is too large to send
    LIMIT = 9  #: `max_stream_seconds` have passed


# How an unfinished response ends.
_ENDINGS = {
    Input.RETURNED: State.FAILED,
    Input.RAISED: State.FAILED,
    Input.EXPIRED: State.EXPIRED,
    Input.DISCONNECTED: State.GONE,
}
_LATE = (Input.FLUSH, *_ENDINGS, Input.REFUSED, Input.LIMIT)
_UNFINISHED = (State.IDLE, State.STARTED, State.STREAMING)

TRANSITIONS: dict[State, dict[Input, State]] = {
    State.IDLE: {
        Input.START: State.STARTED,
        Input.FLUSH: State.IDLE,
        Input.LIMIT: State.IDLE,
        **_ENDINGS,
    },
    State.STARTED: {
        Input.BODY: State.STREAMING,
        Input.LAST_BODY: State.COMPLETE,
        Input.FLUSH: State.STREAMING,
        Input.LIMIT: State.STARTED,
        **_ENDINGS,
    },
    State.STREAMING: {
        Input.BODY: State.STREAMING,
        Input.LAST_BODY: State.COMPLETE,
        Input.FLUSH: State.STREAMING,
        Input.REFUSED: State.REFUSED,
        Input.LIMIT: State.LIMITED,
        **_ENDINGS,
    },
    # The last message is sent after this transition, and can still be too large.
    State.COMPLETE: dict.fromkeys(_LATE, State.COMPLETE) | {Input.REFUSED: State.REFUSED},
    State.FAILED: dict.fromkeys(_LATE, State.FAILED),
    State.EXPIRED: dict.fromkeys(_LATE, State.EXPIRED),
    State.GONE: dict.fromkeys(_LATE, State.GONE),
    State.REFUSED: dict.fromkeys(_LATE, State.REFUSED),
    State.LIMITED: dict.fromkeys(_LATE, State.LIMITED),
}
"""The next state for each state and input.

A missing pair of START, BODY or LAST_BODY is an illegal message of the app. REFUSED cannot happen
before the head is sent.
"""


_AFTER_BODY = [TRANSITIONS[state].get(Input.BODY) for state in State]
_AFTER_LAST_BODY = [TRANSITIONS[state].get(Input.LAST_BODY) for state in State]


class End(NamedTuple):
    """The response is complete."""


class Failure(NamedTuple):
    """End the response with an error."""

    error: BaseException


Operation = Head | bytes | End | Failure
"""An operation on the stream. Bytes are a part of the body to send, never empty."""

Operations = tuple[Operation, ...]

_END = End()  # the same object for every response

_REASONS = {
    400: b"Bad Request",
    404: b"Not Found",
    500: b"Internal Server Error",
    504: b"Gateway Timeout",
}
_START = "http.response.start"
_BODY = "http.response.body"


class Response:
    """The state machine of one response.

    Args:
        method: the method of the request; the response to ``HEAD`` has no body.
        raise_errors: whether a failure before the head fails the invocation instead of
            becoming a 500.
        pad_empty: whether an empty body gets one space, for accounts in which an empty
            stream hangs; never for HEAD, 1xx, 204 and 304.
        buffered: whether nothing is sent before the last body message, so that a failure
            after the head can still replace the whole response.
    """

    def __init__(
        self,
        method: str,
        *,
        raise_errors: bool = False,
        pad_empty: bool = False,
        buffered: bool = False,
    ) -> None:
        self.state = State.IDLE
        self._to_head_request = method == "HEAD"
        self._raise_errors = raise_errors
        self._pad_empty = pad_empty
        self._buffered = buffered
        self._bodiless = self._to_head_request
        self._length: int | None = None  #: the bytes that the body must have: its content-length
        self._counted = 0  #: the bytes of the body so far, if it has such a length
        self._is_checked = self._bodiless  #: whether the chunks are counted, or not sent at all
        self._empty = True
        self._held: tuple[Head, ...] = ()

    def send(self, message: Message) -> Operations:
        """Take a message of the app.

        Raises:
            UnexpectedMessage: the message is malformed, or not allowed now. The state is unchanged.
            ClientDisconnected: the message is valid, but the client has disconnected.
        """
        kind = message.get("type")
        if kind == _BODY:
            data = message.get("body", b"")
            if type(data) is not bytes:
                data = _bytes(data)
            more = message.get("more_body", False)
            # The same as `_advance`, without a call for every chunk.
            after = (_AFTER_BODY if more else _AFTER_LAST_BODY)[self.state]
            if after is None:
                raise self._illegal(kind)
            if self._held or self._is_checked or not (more and data):
                return self._send_body(data, more, after)
            self.state = after
            self._empty = False
            return (data,)
        if kind == _START:
            head = _head(message)
            after = TRANSITIONS[self.state].get(Input.START)
            if after is None:
                raise self._illegal(kind)
            self.state = after
            self._held = (head,)
            self._bodiless |= head.status < 200 or head.status in (204, 304)
            self._length = None if self._bodiless else _content_length(head)
            self._is_checked = self._bodiless or self._length is not None
            return ()
        raise UnexpectedMessage(
            f"The app sent a message of type {kind!r}; only {_START!r} and"
            f" {_BODY!r} can be sent in response to an HTTP request."
        )

    def flush(self) -> Operations:
        """Return the head if it is still held back."""
        return self._release() if self._advance(Input.FLUSH) is State.STARTED else ()

    def returned(self) -> Operations:
        """Record that the app has returned. An unfinished response is an error."""
        before = self._advance(Input.RETURNED)
        if before not in _UNFINISHED:
            return ()
        return self._ended(
            before,
            UnexpectedMessage(
                "The app returned without sending a response."
                if before is State.IDLE
                else "The app returned without finishing its response: the last"
                f" {_BODY!r} must have more_body=False."
            ),
        )

    def raised(self, error: BaseException) -> Operations:
        """Record that the app has raised."""
        return self._ended(self._advance(Input.RAISED), error)

    def expired(self, error: BaseException) -> Operations:
        """End the response because the deadline passed: a 504, or ``error`` after the head."""
        return self._ended(self._advance(Input.EXPIRED), error, status=504)

    def limited(self) -> Operations:
        """End a stream that has taken too long, as a complete response.

        A body that is shorter than its content-length goes on: the client would keep a part of a
        file as the whole.
        """
        if self._length is not None and self._counted < self._length:
            return ()
        return (_END,) if self._advance(Input.LIMIT) is State.STREAMING else ()

    def refused(self, error: BaseException) -> Operations:
        """End the response with a 500 or a failed invocation: it is too large to be sent."""
        before = self._advance(Input.REFUSED)
        return self._replace(error) if before in (State.STREAMING, State.COMPLETE) else ()

    def disconnected(self) -> None:
        """Record that the client has disconnected."""
        self._advance(Input.DISCONNECTED)

    def _advance(self, happened: Input, kind: str = "") -> State:
        """Go to the next state and return the previous state."""
        before = self.state
        after = TRANSITIONS[before].get(happened)
        if after is None:
            raise self._illegal(kind)
        self.state = after
        return before

    def _illegal(self, kind: str) -> Exception:
        if self.state is State.GONE:
            return ClientDisconnected("The client has disconnected.")
        if self.state is State.EXPIRED:
            return ClientDisconnected("The deadline has passed; the response has been ended.")
        if self.state is State.LIMITED:
            return ClientDisconnected("The stream has been ended after max_stream_seconds.")
        if self.state is State.REFUSED:
            return ClientDisconnected("The response is too large, and was not sent.")
        when = {
            State.IDLE: f"before {_START!r}",
            State.STARTED: "a second time",
            State.STREAMING: "a second time",
        }.get(self.state, "after the response had ended")
        return UnexpectedMessage(f"The app sent {kind!r} {when}.")

    def _send_body(self, data: bytes, more: bool, after: State) -> Operations:
        if self._length is not None:
            counted = self._counted + len(data)
            if counted > self._length or (counted < self._length and not more):
                raise UnexpectedMessage(
                    f"The body of the app's response has {counted:,} bytes"
                    f"{' or more' if more else ''}, but its content-length is {self._length:,}."
                )
            self._counted = counted
        self.state = after
        chunks: Operations = ()
        if self._bodiless:
            pass
        elif data:
            self._empty = False
            chunks = (data,)
        elif not more and self._empty and self._pad_empty:
            chunks = (b" ",)
        if self._held:
            chunks, self._held = self._held + chunks, ()
        return chunks if more else (*chunks, _END)

    def _release(self) -> Operations:
        held, self._held = self._held, ()
        return held

    def _ended(self, before: State, error: BaseException, status: int = 500) -> Operations:
        if before not in _UNFINISHED:
            return ()
        if before is State.STREAMING and not self._buffered:
            return (Failure(error),)
        return self._replace(error, status)

    def _replace(self, error: BaseException, status: int = 500) -> Operations:
        """Return the response to send instead of the app's. Nothing has been sent yet."""
        if self._raise_errors:
            return (Failure(error),)
        return plain_response(status, to_head_request=self._to_head_request)


def plain_response(status: int, *, to_head_request: bool = False) -> Operations:
    """Return a complete response of the adapter: ``status``, with its reason phrase as the body."""
    head = Head(status, [(b"content-type", b"text/plain; charset=utf-8")])
    if to_head_request:
        return (head, _END)
    return (head, _REASONS[status], _END)


def _head(message: Message) -> Head:
    status = message.get("status")
    if not isinstance(status, int) or not 100 <= status <= 999:
        raise UnexpectedMessage(f"'status' must be an int from 100 to 999, not {status!r}.")
    try:
        headers = header_fields(message.get("headers", ()))
    except (TypeError, ValueError) as error:
        raise UnexpectedMessage(
            f"'headers' must be an iterable of [name, value] pairs of byte strings: {error}."
        ) from error
    return Head(int(status), headers)


def _content_length(head: Head) -> int | None:
    """Return the declared length of the body.

    The field is not sent, so the client cannot see that the body has another length.
    """
    for name, value in head.headers:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return None


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise UnexpectedMessage(f"'body' must be a byte string, not {type(body).__name__}.")
