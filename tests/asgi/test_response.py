from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.asgi.response import (
    TRANSITIONS,
    End,
    Failure,
    Input,
    Operation,
    Operations,
    Response,
    State,
    plain_response,
)
from adapter.errors import (
    ClientDisconnected,
    DeadlineExceeded,
    ResponseTooLarge,
    UnexpectedMessage,
)
from adapter.types import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adapter.types import Message

BOOM = RuntimeError("boom")
TOO_LARGE = ResponseTooLarge("too large")
LATE = DeadlineExceeded("late")

TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
SERVER_ERROR = [Head(500, TEXT), b"Internal Server Error", End()]
TIMEOUT = [Head(504, TEXT), b"Gateway Timeout", End()]


def start(status: object = 200, headers: object = ()) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: object = b"", more: object = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def more(data: object = b"") -> Message:
    return body(data, more=True)


def length(declared: int) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Length", str(declared).encode())]


def sent(response: Response, messages: Iterable[Message]) -> list[Operation]:
    return [operation for message in messages for operation in response.send(message)]


def returned(response: Response) -> Operations:
    return response.returned()


def raised(response: Response) -> Operations:
    return response.raised(BOOM)


def expired(response: Response) -> Operations:
    return response.expired(LATE)


def left(response: Response) -> Operations:
    response.disconnected()
    return ()


def refused(response: Response) -> Operations:
    return response.refused(TOO_LARGE)


def flushed(response: Response) -> Operations:
    return response.flush()


def limited(response: Response) -> Operations:
    return response.limited()


#: How to bring a fresh response into each state.
WAYS: dict[State, Callable[[Response], object]] = {
    State.IDLE: lambda response: None,
    State.STARTED: lambda response: response.send(start()),
    State.STREAMING: lambda response: sent(response, [start(), more()]),
    State.COMPLETE: lambda response: sent(response, [start(), body()]),
    State.FAILED: raised,
    State.EXPIRED: expired,
    State.GONE: left,
    State.REFUSED: lambda response: (sent(response, [start(), more()]), refused(response)),
    State.LIMITED: lambda response: (sent(response, [start(), more()]), limited(response)),
}

#: How to make each thing happen.
EVENTS: dict[Input, Callable[[Response], object]] = {
    Input.START: lambda response: response.send(start()),
    Input.BODY: lambda response: response.send(more(b"x")),
    Input.LAST_BODY: lambda response: response.send(body(b"x")),
    Input.FLUSH: flushed,
    Input.RETURNED: returned,
    Input.RAISED: raised,
    Input.EXPIRED: expired,
    Input.DISCONNECTED: left,
    Input.REFUSED: refused,
    Input.LIMIT: limited,
}

# The table once more, as one would draw it: a cell is the state after, "misuse" when the app
# must not, "nobody" when it may but the client is gone.
TABLE = """
          START    BODY       LAST_BODY  FLUSH      RETURNED   RAISED     EXPIRED    DISCONNECTED REFUSED   LIMIT
IDLE      STARTED  misuse     misuse     IDLE       FAILED     FAILED     EXPIRED    GONE         misuse    IDLE
STARTED   misuse   STREAMING  COMPLETE   STREAMING  FAILED     FAILED     EXPIRED    GONE         misuse    STARTED
STREAMING misuse   STREAMING  COMPLETE   STREAMING  FAILED     FAILED     EXPIRED    GONE         REFUSED   LIMITED
COMPLETE  misuse   misuse     misuse     COMPLETE   COMPLETE   COMPLETE   COMPLETE   COMPLETE     REFUSED   COMPLETE
FAILED    misuse   misuse     misuse     FAILED     FAILED     FAILED     FAILED     FAILED       FAILED    FAILED
EXPIRED   nobody   nobody     nobody     EXPIRED    EXPIRED    EXPIRED    EXPIRED    EXPIRED      EXPIRED   EXPIRED
GONE      nobody   nobody     nobody     GONE       GONE       GONE       GONE       GONE         GONE      GONE
REFUSED   nobody   nobody     nobody     REFUSED    REFUSED    REFUSED    REFUSED    REFUSED      REFUSED   REFUSED
LIMITED   nobody   nobody     nobody     LIMITED    LIMITED    LIMITED    LIMITED    LIMITED      LIMITED   LIMITED
"""  # noqa: E501
COLUMNS, *ROWS = (line.split() for line in TABLE.strip().splitlines())
CELLS = [
    pytest.param(State[row[0]], Input[column], cell, id=f"{row[0]}-{column}")
    for row in ROWS
    for column, cell in zip(COLUMNS, row[1:], strict=True)
]


def in_state(state: State) -> Response:
    response = Response("GET")
    WAYS[state](response)
    assert response.state == state
    return response


class TestTransitions:
    def test_the_table_below_has_every_pair(self) -> None:
        assert len(CELLS) == len(State) * len(Input)

    @pytest.mark.parametrize(("before", "happened", "cell"), CELLS)
    def test_every_pair_of_state_and_input_has_one_outcome(
        self, before: State, happened: Input, cell: str
    ) -> None:
        response = in_state(before)
        if cell in ("misuse", "nobody"):
            expected = {"misuse": UnexpectedMessage, "nobody": ClientDisconnected}[cell]
            with pytest.raises(expected):
                EVENTS[happened](response)
            assert response.state == before
            assert happened not in TRANSITIONS[before]
        else:
            EVENTS[happened](response)
            assert response.state == State[cell]
            assert TRANSITIONS[before][happened] == State[cell]

    @pytest.mark.parametrize(
        "state", [s for s in State if s > State.STREAMING], ids=lambda s: s.name
    )
    @pytest.mark.parametrize("ending", [flushed, returned, raised, expired, limited])
    def test_what_has_ended_sends_nothing_more(
        self, state: State, ending: Callable[[Response], Operations]
    ) -> None:
        assert ending(in_state(state)) == ()


class TestLimited:
    def test_a_stream_is_ended_as_a_complete_response(self) -> None:
        assert in_state(State.STREAMING).limited() == (End(),)

    @pytest.mark.parametrize("state", [State.IDLE, State.STARTED], ids=lambda s: s.name)
    def test_a_response_that_does_not_stream_yet_goes_on(self, state: State) -> None:
        assert in_state(state).limited() == ()

    def test_a_body_shorter_than_its_content_length_goes_on_because_it_would_seem_complete(
        self,
    ) -> None:
        response = Response("GET")
        sent(response, [start(200, length(10)), more(b"hello")])
        assert response.limited() == ()
        assert response.state == State.STREAMING
        response.send(more(b"world"))
        assert response.limited() == (End(),)


class TestTooLarge:
    @pytest.mark.parametrize("state", [State.STREAMING, State.COMPLETE], ids=lambda s: s.name)
    def test_a_response_that_cannot_be_sent_is_replaced_by_a_500(self, state: State) -> None:
        assert [*in_state(state).refused(TOO_LARGE)] == SERVER_ERROR

    def test_a_response_that_cannot_be_sent_fails_where_errors_are_raised(self) -> None:
        response = Response("GET", raise_errors=True)
        sent(response, [start(), more()])
        assert response.refused(TOO_LARGE) == (Failure(TOO_LARGE),)

    @pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.GONE, State.REFUSED])
    def test_a_response_that_has_ended_in_another_way_is_left_alone(self, state: State) -> None:
        assert in_state(state).refused(TOO_LARGE) == ()

    def test_a_response_that_is_only_begun_cannot_be_refused(self) -> None:
        with pytest.raises(UnexpectedMessage):
            in_state(State.STARTED).refused(TOO_LARGE)


class TestBuffered:
    """Nothing has been sent before the last body message, so everything can be replaced."""

    def test_a_failure_after_the_head_is_a_500(self) -> None:
        response = Response("GET", buffered=True)
        sent(response, [start(), more(b"part")])
        assert [*response.raised(BOOM)] == SERVER_ERROR

    def test_a_deadline_after_the_head_is_a_504(self) -> None:
        response = Response("GET", buffered=True)
        sent(response, [start(), more(b"part")])
        head, *_ = response.expired(LATE)
        assert isinstance(head, Head)
        assert head.status == 504

    def test_a_failure_fails_the_invocation_where_errors_are_raised(self) -> None:
        response = Response("GET", buffered=True, raise_errors=True)
        sent(response, [start(), more(b"part")])
        assert response.raised(BOOM) == (Failure(BOOM),)

    def test_a_failure_after_the_end_changes_nothing(self) -> None:
        response = Response("GET", buffered=True)
        sent(response, [start(), body(b"all")])
        assert response.raised(BOOM) == ()


class TestScripts:
    """What the app does, and the operations that come of it."""

    @pytest.mark.parametrize(
        ("messages", "operations"),
        [
            pytest.param([start()], [], id="the head waits, so that a failure can still be a 500"),
            pytest.param(
                [start(201, [(b"a", b"b")]), body(b"hi")],
                [Head(201, [(b"a", b"b")]), b"hi", End()],
                id="a whole response",
            ),
            pytest.param(
                [start(), more(b"a"), more(b"b"), body(b"c")],
                [Head(200, []), b"a", b"b", b"c", End()],
                id="one message is one chunk",
            ),
            pytest.param(
                [start(), more(b"a"), body()],
                [Head(200, []), b"a", End()],
                id="an empty last body is no chunk, because that would end the upload twice",
            ),
            pytest.param(
                [start(), more(b"a"), more(), more(b"b")],
                [Head(200, []), b"a", b"b"],
                id="an empty body is no chunk, because that would end the upload early",
            ),
            pytest.param(
                [start(), more()],
                [Head(200, [])],
                id="an empty first body lets the head go, because an app asks for it that way",
            ),
            pytest.param(
                [start(204), body()], [Head(204, []), End()], id="an empty response is complete"
            ),
            pytest.param(
                [{"type": "http.response.start", "status": 200}, {"type": "http.response.body"}],
                [Head(200, []), End()],
                id="headers, body and more_body may be missing, as the specification says",
            ),
            pytest.param(
                [start(HTTPStatus.NOT_FOUND, [[b"X-A", b"\xe9"], (b"x-a", b"")]), body()],
                [Head(404, [(b"x-a", b"\xe9"), (b"x-a", b"")]), End()],
                id="pairs of any kind; names become lower-case, repeats are kept",
            ),
            pytest.param(
                [start(200, ((n, v) for n, v in [(b"a", b"b")])), body()],
                [Head(200, [(b"a", b"b")]), End()],
                id="headers may be a generator, because the specification says iterable",
            ),
            pytest.param(
                [start(), more(bytearray(b"a")), more(memoryview(b"xbx")[1:2]), body(b"")],
                [Head(200, []), b"a", b"b", End()],
                id="a body may be any kind of byte string, because apps send what they have",
            ),
            pytest.param(
                [start(), more(b"a"), body(b"", more=None)],
                [Head(200, []), b"a", End()],
                id="more_body is taken for what it is worth, as Python does",
            ),
        ],
    )
    def test_become_operations(self, messages: list[Message], operations: list[Operation]) -> None:
        assert sent(Response("GET"), messages) == operations

    def test_chunks_are_bytes_whatever_was_sent_because_streams_write_bytes(self) -> None:
        chunks = sent(in_state(State.STREAMING), [more(bytearray(b"a")), more(memoryview(b"b"))])
        assert [type(chunk) for chunk in chunks] == [bytes, bytes]

    def test_a_chunk_is_the_very_object_the_app_sent_because_copies_cost(self) -> None:
        data = bytes(100_000)
        (chunk,) = in_state(State.STREAMING).send(more(data))
        assert chunk is data


class TestFlush:
    def test_lets_the_head_go_when_it_was_held_for_long_enough(self) -> None:
        response = in_state(State.STARTED)
        assert response.flush() == (Head(200, []),)
        assert response.send(body(b"x")) == (b"x", End())

    def test_has_nothing_to_do_twice(self) -> None:
        response = in_state(State.STARTED)
        response.flush()
        assert response.flush() == ()

    @pytest.mark.parametrize("ending", [returned, raised, expired, left])
    def test_never_lets_the_head_follow_the_end_because_the_timer_may_fire_late(
        self, ending: Callable[[Response], Operations]
    ) -> None:
        response = in_state(State.STARTED)
        ending(response)
        assert response.flush() == ()


BODILESS = [
    pytest.param("HEAD", 200, id="HEAD"),
    pytest.param("GET", 103, id="1xx"),
    pytest.param("GET", 204, id="204"),
    pytest.param("GET", 304, id="304"),
]


class TestNoBody:
    @pytest.mark.parametrize(("method", "status"), BODILESS)
    @pytest.mark.parametrize("pad_empty", [False, True], ids=["", "padded"])
    def test_bytes_are_never_sent_where_http_forbids_them(
        self, method: str, status: int, pad_empty: bool
    ) -> None:
        response = Response(method, pad_empty=pad_empty)
        messages = [start(status), more(b"a"), more(b""), body(b"b")]
        assert sent(response, messages) == [Head(status, []), End()]

    @pytest.mark.parametrize("status", [200, 205, 404])
    def test_other_statuses_may_have_a_body(self, status: int) -> None:
        operations = sent(Response("GET"), [start(status), body(b"a")])
        assert operations == [Head(status, []), b"a", End()]

    def test_our_own_500_has_none_for_head_either(self) -> None:
        assert raised(Response("HEAD")) == (Head(500, TEXT), End())


class TestPadding:
    """For accounts in which a stream without a byte hangs until the function's time-out."""

    @pytest.mark.parametrize(
        "messages",
        [
            pytest.param([start(), body()], id="at once"),
            pytest.param([start(), more(), more(), body()], id="after empty bodies"),
        ],
    )
    def test_gives_an_empty_body_one_space(self, messages: list[Message]) -> None:
        operations = sent(Response("GET", pad_empty=True), messages)
        assert operations == [Head(200, []), b" ", End()]

    def test_leaves_a_body_alone_that_has_bytes(self) -> None:
        operations = sent(Response("GET", pad_empty=True), [start(), more(b"a"), body()])
        assert operations == [Head(200, []), b"a", End()]

    def test_is_not_done_unless_asked_for_because_it_changes_the_response(self) -> None:
        assert sent(Response("GET"), [start(), body()]) == [Head(200, []), End()]


class TestEndings:
    """Each way an exchange can end, from each point it can end at."""

    @pytest.mark.parametrize("messages", [[], [start(201)]], ids=["unstarted", "started"])
    @pytest.mark.parametrize(
        ("ending", "expected"),
        [(returned, SERVER_ERROR), (raised, SERVER_ERROR), (expired, TIMEOUT), (left, [])],
        ids=["returns", "raises", "runs out of time", "loses its client"],
    )
    def test_before_the_head_is_out_the_client_gets_an_honest_status(
        self,
        messages: list[Message],
        ending: Callable[[Response], Operations],
        expected: list[Operation],
    ) -> None:
        response = Response("GET")
        assert sent(response, messages) == []
        assert list(ending(response)) == expected

    @pytest.mark.parametrize("messages", [[], [start()]], ids=["unstarted", "started"])
    @pytest.mark.parametrize(("ending", "error"), [(raised, BOOM), (expired, LATE)])
    def test_before_the_head_is_out_the_invocation_fails_if_that_was_asked_for(
        self,
        messages: list[Message],
        ending: Callable[[Response], Operations],
        error: Exception,
    ) -> None:
        response = Response("GET", raise_errors=True)
        sent(response, messages)
        assert ending(response) == (Failure(error),)

    @pytest.mark.parametrize("raise_errors", [False, True], ids=["respond", "raise"])
    @pytest.mark.parametrize(("ending", "error"), [(raised, BOOM), (expired, LATE)])
    def test_after_the_head_the_error_follows_what_was_sent(
        self, ending: Callable[[Response], Operations], error: Exception, raise_errors: bool
    ) -> None:
        response = Response("GET", raise_errors=raise_errors)
        sent(response, [start(), more(b"a")])
        assert ending(response) == (Failure(error),)

    def test_returning_without_a_response_is_the_apps_fault_and_says_so(self) -> None:
        (failure,) = Response("GET", raise_errors=True).returned()
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, UnexpectedMessage)
        assert str(failure.error) == "The app returned without sending a response."

    def test_returning_without_the_last_body_is_the_apps_fault_and_says_what_is_missing(
        self,
    ) -> None:
        (failure,) = in_state(State.STREAMING).returned()
        assert isinstance(failure, Failure)
        assert "without finishing its response" in str(failure.error)
        assert "more_body=False" in str(failure.error)

    def test_a_client_that_is_told_of_the_deadline_is_gone_for_the_app(self) -> None:
        with pytest.raises(ClientDisconnected, match="deadline has passed"):
            in_state(State.EXPIRED).send(body(b"x"))

    def test_sending_to_a_client_that_is_gone_is_an_os_error_because_starlette_stops_on_it(
        self,
    ) -> None:
        with pytest.raises(OSError, match="The client has disconnected"):
            in_state(State.GONE).send(more(b"x"))

    def test_raising_after_the_end_changes_nothing_because_the_client_has_it_all(self) -> None:
        response = in_state(State.COMPLETE)
        assert raised(response) == ()
        assert response.state == State.COMPLETE


class TestContentLength:
    """The field is not sent, so the client cannot count; the length is checked here."""

    @pytest.mark.parametrize(
        "messages",
        [
            pytest.param([body(b"hello")], id="at once"),
            pytest.param([more(b"he"), more(), more(b"llo"), body()], id="in parts"),
        ],
    )
    def test_a_body_of_this_length_is_sent(self, messages: list[Message]) -> None:
        operations = sent(Response("GET"), [start(200, length(5)), *messages])
        assert b"".join(each for each in operations if isinstance(each, bytes)) == b"hello"
        assert isinstance(operations[-1], End)

    @pytest.mark.parametrize(
        ("messages", "last", "counted"),
        [
            pytest.param([], body(b"hell"), "4 bytes", id="shorter, at once"),
            pytest.param([more(b"he")], body(b"l"), "3 bytes", id="shorter, in parts"),
            pytest.param([], body(), "0 bytes", id="empty"),
            pytest.param([], body(b"hello!"), "6 bytes", id="longer, at once"),
            pytest.param([more(b"hel")], more(b"lo!"), "6 bytes or more", id="longer, in parts"),
        ],
    )
    def test_a_body_of_another_length_is_the_apps_error_and_changes_nothing(
        self, messages: list[Message], last: Message, counted: str
    ) -> None:
        response = Response("GET")
        sent(response, [start(200, length(5)), *messages])
        before = response.state
        with pytest.raises(UnexpectedMessage, match=f"has {counted}, but its content-length is 5"):
            response.send(last)
        assert response.state == before

    @pytest.mark.parametrize(
        ("method", "status"),
        [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 103)],
    )
    def test_a_response_without_a_body_may_have_any_length(self, method: str, status: int) -> None:
        head, end = sent(Response(method), [start(status, length(5)), body()])
        assert isinstance(head, Head)
        assert isinstance(end, End)

    @pytest.mark.parametrize("value", [b"", b"five", b"-5", b"+5", b"5, 5", b"9" * 5000])
    def test_a_length_that_is_no_number_is_not_checked(self, value: bytes) -> None:
        fields = [(b"content-length", value)]
        operations = sent(Response("GET"), [start(200, fields), body(b"hello")])
        assert operations[1:] == [b"hello", End()]


class TestMisuse:
    """A message out of turn, or of the wrong make, is the app's error and changes nothing."""

    @pytest.mark.parametrize(
        ("before", "message", "complaint"),
        [
            pytest.param(
                State.IDLE,
                body(),
                "'http.response.body' before 'http.response.start'",
                id="a body before the start",
            ),
            pytest.param(State.STARTED, start(), "a second time", id="two starts"),
            pytest.param(State.STREAMING, start(), "a second time", id="a start among bodies"),
            pytest.param(State.COMPLETE, body(b"x"), "had ended", id="a body after the end"),
            pytest.param(State.COMPLETE, start(), "had ended", id="a start after the end"),
            pytest.param(State.FAILED, body(b"x"), "had ended", id="a body after a 500"),
        ],
    )
    def test_out_of_turn(self, before: State, message: Message, complaint: str) -> None:
        response = in_state(before)
        with pytest.raises(UnexpectedMessage, match=complaint):
            response.send(message)
        assert response.state == before

    @pytest.mark.parametrize(
        "message",
        [
            pytest.param({}, id="no type"),
            pytest.param({"type": None}, id="type None"),
            pytest.param({"type": b"http.response.start"}, id="type in bytes"),
            pytest.param({"type": "http.response.trailers"}, id="trailers, not advertised"),
            pytest.param({"type": "http.response.pathsend"}, id="pathsend, not advertised"),
            pytest.param({"type": "websocket.accept"}, id="another protocol"),
        ],
    )
    def test_of_an_unknown_type(self, message: Message) -> None:
        with pytest.raises(UnexpectedMessage, match="of type"):
            in_state(State.STREAMING).send(message)

    @pytest.mark.parametrize(
        "status",
        [None, "200", b"200", 200.0, True, 0, 99, 1000, -200],
        ids=repr,
    )
    def test_with_a_status_that_is_none(self, status: object) -> None:
        response = in_state(State.IDLE)
        with pytest.raises(UnexpectedMessage, match="'status' must be an int from 100 to 999"):
            response.send(start(status))
        assert response.state == State.IDLE

    def test_without_a_status(self) -> None:
        with pytest.raises(UnexpectedMessage, match="'status'"):
            Response("GET").send({"type": "http.response.start"})

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param(None, id="None"),
            pytest.param(5, id="not iterable"),
            pytest.param({b"a": b"b"}, id="a mapping with names of one letter"),
            pytest.param({b"content-type": b"b"}, id="a mapping"),
            pytest.param([(b"a",)], id="a name alone"),
            pytest.param([(b"a", b"b", b"c")], id="three parts"),
            pytest.param([b"ab"], id="two bytes are no pair"),
            pytest.param([None], id="None for a pair"),
            pytest.param([("a", b"b")], id="a name of text"),
            pytest.param([(b"a", "b")], id="a value of text"),
            pytest.param([(b"a", 5)], id="a value that is a number"),
            pytest.param([(b"a", None)], id="a value that is None"),
        ],
    )
    def test_with_headers_that_are_none(self, headers: object) -> None:
        response = in_state(State.IDLE)
        with pytest.raises(UnexpectedMessage, match="'headers' must be an iterable of"):
            response.send(start(200, headers))
        assert response.state == State.IDLE

    @pytest.mark.parametrize(
        "name", [b"", b"a b", b"a:", b":status", b"a\r\n", b"\0", b"caf\xe9"], ids=repr
    )
    def test_with_a_header_name_that_no_client_would_read_as_one(self, name: bytes) -> None:
        with pytest.raises(UnexpectedMessage, match="cannot be the name of a header field"):
            Response("GET").send(start(200, [(name, b"x")]))

    @pytest.mark.parametrize("value", [b"a\r\nb", b"a\nb", b"a\r", b"\0"], ids=repr)
    def test_with_a_header_value_that_would_begin_a_header_of_its_own(self, value: bytes) -> None:
        with pytest.raises(UnexpectedMessage, match="field 'location' has a line break or a NUL"):
            Response("GET").send(start(200, [(b"location", value)]))

    @pytest.mark.parametrize("value", [b"secret\n", "secret"], ids=repr)
    def test_never_puts_a_header_value_in_a_message_because_it_may_be_a_secret(
        self, value: object
    ) -> None:
        with pytest.raises(UnexpectedMessage) as raised:
            Response("GET").send(start(200, [(b"set-cookie", value)]))
        assert "secret" not in str(raised.value)

    @pytest.mark.parametrize("data", ["text", None, 5, [b"a"]], ids=repr)
    def test_with_a_body_that_is_no_byte_string(self, data: object) -> None:
        response = in_state(State.STREAMING)
        with pytest.raises(UnexpectedMessage, match="'body' must be a byte string"):
            response.send(body(data))
        assert response.state == State.STREAMING


@pytest.mark.parametrize(
    ("status", "text"),
    [(400, b"Bad Request"), (500, b"Internal Server Error"), (504, b"Gateway Timeout")],
)
def test_a_response_of_our_own_is_its_status_in_words(status: int, text: bytes) -> None:
    assert plain_response(status) == (Head(status, TEXT), text, End())


MESSAGES = st.one_of(
    st.builds(start, st.sampled_from([200, 103, 204, 304, 500, "200", None])),
    st.builds(body, st.binary(max_size=4), st.booleans()),
    st.sampled_from([{}, {"type": "http.response.trailers"}, body("text"), start(200, [("a", 1)])]),
)
HAPPENINGS = st.lists(
    MESSAGES | st.sampled_from([flushed, returned, raised, expired, left]), max_size=12
)
LIKELY = st.builds(
    lambda status, chunks, then: [start(status), *chunks, *then],
    st.sampled_from([200, 204]),
    st.lists(st.builds(more, st.binary(max_size=4)), max_size=6),
    HAPPENINGS,
)


class TestWhateverHappens:
    @given(
        happenings=HAPPENINGS | LIKELY,
        method=st.sampled_from(["GET", "HEAD"]),
        raise_errors=st.booleans(),
        pad_empty=st.booleans(),
    )
    def test_there_is_one_head_first_and_one_end_last_and_the_body_comes_out_as_it_went_in(
        self, happenings: list[Any], method: str, raise_errors: bool, pad_empty: bool
    ) -> None:
        response = Response(method, raise_errors=raise_errors, pad_empty=pad_empty)
        operations: list[Operation] = []
        accepted = b""
        for happening in happenings:
            try:
                if callable(happening):
                    operations += happening(response)
                else:
                    operations += response.send(happening)
                    accepted += happening.get("body", b"")
            except (UnexpectedMessage, ClientDisconnected):
                continue
        heads = [o for o in operations if isinstance(o, Head)]
        ends = [o for o in operations if isinstance(o, End | Failure)]
        chunks = [o for o in operations if isinstance(o, bytes)]
        assert len(heads) <= 1
        assert len(ends) <= 1
        assert operations[:1] in (heads, ends)
        assert not ends or operations[-1] is ends[0]
        assert all(chunks)
        if heads and heads[0].status == 200 and method == "GET":
            padded = pad_empty and not accepted
            assert b"".join(chunks) in ((accepted, b" ") if padded else (accepted,))
        elif heads and (heads[0].status in (204, 304, 103) or method == "HEAD"):
            assert chunks == []
        if response.state is State.COMPLETE:
            assert len(ends) == 1
