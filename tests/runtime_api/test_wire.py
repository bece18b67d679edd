"""Our HTTP/1.1 against h11's, in both directions, and against what is no HTTP at all."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.errors import ProtocolError
from adapter.runtime_api.wire import (
    ERROR_BODY,
    ERROR_TYPE,
    LAST_CHUNK,
    MAX_REPORT_BYTES,
    ApiReply,
    ReplyReader,
    chunk,
    chunked_fields,
    error_report,
    error_trailers,
    error_type_header,
    header_lines,
    last_chunk,
    request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapter.types import ErrorObject

HOST = {"Host": "127.0.0.1:9001"}
PATH = "/2018-06-01/runtime/invocation/8476a536/response"
POST = f"POST {PATH} HTTP/1.1\r\n".encode()

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=12)
# What a header value may be (RFC 9110, 5.5), without the blanks at its ends that a parser drops.
VALUES = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=12
)
FIELDS = st.dictionaries(TOKENS.map(lambda name: f"X-{name}"), VALUES, max_size=5)


def received(data: bytes) -> list[h11.Event]:
    """What an h11 server makes of ``data``."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    events: list[h11.Event] = []
    while not events or not isinstance(events[-1], h11.EndOfMessage):
        event = server.next_event()
        assert isinstance(event, h11.Event), f"h11 wants more: {events}"
        events.append(event)
    assert server.trailing_data == (b"", False)
    return events


def lowered(fields: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]


class TestRequests:
    @given(FIELDS)
    def test_a_get_is_understood_by_h11(self, fields: dict[str, str]) -> None:
        head, _ = received(request("GET", "/next", {**HOST, **fields}))
        assert isinstance(head, h11.Request)
        assert (head.method, head.target) == (b"GET", b"/next")
        assert list(head.headers) == lowered({**HOST, **fields})

    @given(FIELDS, st.binary(max_size=100))
    def test_a_post_is_understood_by_h11_with_its_body(
        self, fields: dict[str, str], body: bytes
    ) -> None:
        head, *data, _ = received(request("POST", PATH, {**HOST, **fields}, body))
        assert isinstance(head, h11.Request)
        assert (head.method, head.target) == (b"POST", PATH.encode())
        assert (b"content-length", b"%d" % len(body)) in head.headers
        assert b"".join(bytes(part.data) for part in data if isinstance(part, h11.Data)) == body

    @given(FIELDS, st.lists(st.binary(min_size=1, max_size=40)), FIELDS)
    def test_a_streamed_post_is_understood_by_h11_with_its_chunks_and_trailers(
        self, fields: dict[str, str], chunks: list[bytes], trailers: dict[str, str]
    ) -> None:
        data = POST + chunked_fields({**HOST, **fields}) + b"".join(map(chunk, chunks))
        head, *parts, end = received(data + last_chunk(trailers))
        assert isinstance(head, h11.Request)
        assert (b"transfer-encoding", b"chunked") in head.headers
        assert [bytes(part.data) for part in parts if isinstance(part, h11.Data)] == chunks
        assert isinstance(end, h11.EndOfMessage)
        assert list(end.headers) == lowered(trailers)

    def test_a_streamed_post_declares_its_trailers_because_others_are_thrown_away(self) -> None:
        head, _ = received(POST + chunked_fields(HOST) + LAST_CHUNK)
        assert isinstance(head, h11.Request)
        declared = dict(head.headers)[b"trailer"].decode()
        assert declared == f"{ERROR_TYPE}, {ERROR_BODY}"

    def test_the_last_chunk_without_trailers_is_what_a_complete_response_ends_with(self) -> None:
        assert last_chunk({}) == LAST_CHUNK

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"], ids=repr)
    @pytest.mark.parametrize(
        "write",
        [
            lambda value: request("GET", "/next", {"Host": value}),
            lambda value: request("GET", f"/{value}/response", HOST),
            lambda value: request("POST", "/error", {"Lambda-Runtime-Invocation-Id": value}),
            lambda value: header_lines({"Content-Type": value}, f"POST {PATH} HTTP/1.1"),
            lambda value: header_lines(HOST, f"POST /{value}/response HTTP/1.1"),
            lambda value: chunked_fields({"Host": value}),
            lambda value: last_chunk({value: "x"}),
        ],
        ids=["host", "path", "nonce", "content type", "streamed path", "lines", "trailer name"],
    )
    def test_nothing_that_comes_from_elsewhere_can_add_a_line_because_it_would_speak_for_us(
        self, write: object, value: str
    ) -> None:
        assert callable(write)
        with pytest.raises(ValueError, match="A line break or a NUL"):
            write(value)

    def test_text_that_no_header_can_carry_is_refused(self) -> None:
        with pytest.raises(ValueError, match="latin-1"):
            request("GET", "/next", {"X": "☕"})


def read(pieces: Iterable[bytes], *, eof: bool = False) -> ApiReply | None:
    """What our reader makes of ``pieces``; the last must complete the response, if any does."""
    reader = ReplyReader()
    response = None
    for piece in pieces:
        assert response is None
        response = reader.feed(piece)
    return reader.eof() if eof else response


def by_byte(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data`` in pieces, cut anywhere."""
    places = draw(st.lists(st.integers(0, len(data)), max_size=6).map(sorted))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


STATUSES = st.sampled_from([200, 202, 400, 403, 410, 413, 500])


def h11_response(status: int, fields: dict[str, str], body: bytes, *, chunked: bool) -> bytes:
    """A response as an h11 server writes it."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
    server.next_event()
    server.next_event()
    length = str(len(body))
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": length}
    headers = lowered({**fields, **framing})
    head = h11.Response(status_code=status, headers=headers, reason=b"Fine")
    parts = [server.send(head)]
    if chunked and body:
        parts += [server.send(h11.Data(data=body[:3])), server.send(h11.Data(data=body[3:]))]
    elif body:
        parts.append(server.send(h11.Data(data=body)))
    trailers = [("X-Trailer", "after")] if chunked else []
    parts.append(server.send(h11.EndOfMessage(headers=trailers)))
    return b"".join(part or b"" for part in parts)


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, ApiReply]:
    """Bytes an h11 server writes, and what they mean."""
    status, fields, body = draw(STATUSES), draw(FIELDS), draw(st.binary(max_size=60))
    chunked = draw(st.booleans())
    unique = {name.lower(): value for name, value in fields.items()}
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(len(body))}
    data = h11_response(status, unique, body, chunked=chunked)
    return data, ApiReply(status, {**unique, **framing}, body, keep_alive=True)


class TestResponsesFromH11:
    @given(responses())
    def test_are_understood_whole(self, sample: tuple[bytes, ApiReply]) -> None:
        data, response = sample
        assert read([data]) == response

    @given(responses())
    def test_are_understood_byte_by_byte(self, sample: tuple[bytes, ApiReply]) -> None:
        data, response = sample
        assert read(by_byte(data)) == response

    @given(responses(), st.data())
    def test_are_understood_at_any_split(
        self, sample: tuple[bytes, ApiReply], draw: st.DataObject
    ) -> None:
        data, response = sample
        pieces = [piece for piece in draw.draw(cuts(data)) if piece]
        assert read(pieces) == response

    @given(responses(), responses())
    def test_are_understood_one_after_the_other_on_one_connection(
        self, first: tuple[bytes, ApiReply], second: tuple[bytes, ApiReply]
    ) -> None:
        reader = ReplyReader()
        assert reader.feed(first[0]) == first[1]
        assert reader.feed(second[0]) == second[1]

    @given(responses(), responses())
    def test_are_understood_when_they_repeat(
        self, first: tuple[bytes, ApiReply], second: tuple[bytes, ApiReply]
    ) -> None:
        reader = ReplyReader()
        for data, response in (first, first, second, first, second, second):
            assert reader.feed(data) == response

    def test_a_repeat_inside_of_another_response_belongs_to_that_one(self) -> None:
        reader = ReplyReader()
        short = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        response = reader.feed(short)
        assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(short)) is None
        outer = reader.feed(short)
        assert outer is not None
        assert outer.body == short
        assert reader.feed(short) == response


class TestResponses:
    @pytest.mark.parametrize(
        ("data", "status", "body"),
        [
            pytest.param(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b"", id="no reason"),
            pytest.param(
                b'HTTP/1.1 202 Accepted\r\ncontent-length:16\r\n\r\n{"status":"OK"}\n',
                202,
                b'{"status":"OK"}\n',
                id="no blank after the colon",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
                200,
                b"hi",
                id="the same length twice",
            ),
            pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="204 has no body"),
            pytest.param(
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                304,
                b"",
                id="304 has none, whatever its length says",
            ),
            pytest.param(
                b"HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n",
                204,
                b"",
                id="204 has none, whatever its coding says",
            ),
            pytest.param(
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                200,
                b"x",
                id="1xx replies are skipped",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                b"2;name=value\r\nhi\r\n0A  \r\n0123456789\r\n000;last\r\nX-T: 1\r\nY: 2\r\n\r\n",
                200,
                b"hi0123456789",
                id="chunks with extensions, blanks, zeros and trailers",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n"
                b"1\r\nx\r\n0\r\n\r\n",
                200,
                b"x",
                id="chunks win over a length, as RFC 9112 says",
            ),
        ],
    )
    @pytest.mark.parametrize("way", ["whole", "byte by byte"])
    def test_that_h11_does_not_write_are_understood_too(
        self, data: bytes, status: int, body: bytes, way: str
    ) -> None:
        response = read([data] if way == "whole" else by_byte(data))
        assert response is not None
        assert (response.status, response.body) == (status, body)

    def test_join_a_header_that_comes_twice(self) -> None:
        response = read([b"HTTP/1.1 204 None\r\nA: 1\r\nb: 2\r\na:  3 \r\n\r\n"])
        assert response is not None
        assert response.headers == {"a": "1, 3", "b": "2"}

    @pytest.mark.parametrize(
        ("head", "keep_alive"),
        [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0", True),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", True),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close", False),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", False),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: TE,close", False),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x\r\nConnection: close", False),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0", False),
        ],
    )
    def test_say_whether_the_connection_can_be_used_again(
        self, head: str, keep_alive: bool
    ) -> None:
        response = read([f"{head}\r\n\r\n".encode()])
        assert response is not None
        assert response.keep_alive is keep_alive

    @pytest.mark.parametrize(
        ("data", "body"),
        [
            pytest.param(b"HTTP/1.1 200 OK\r\n\r\nall of it", b"all of it", id="HTTP/1.1"),
            pytest.param(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n", b"", id="HTTP/1.0, empty"),
        ],
    )
    def test_without_a_length_end_with_the_connection(self, data: bytes, body: bytes) -> None:
        reader = ReplyReader()
        assert reader.feed(data) is None
        response = reader.eof()
        assert response is not None
        assert (response.body, response.keep_alive) == (body, False)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
        ],
        ids=["nothing", "half a head", "only 1xx", "half a body", "no end of the trailers"],
    )
    def test_that_are_cut_off_are_no_responses(self, data: bytes) -> None:
        assert read([data], eof=True) is None

    def test_have_begun_with_their_first_byte_and_until_their_last(self) -> None:
        reader = ReplyReader()
        begun = [reader.begun]
        for piece in (b"HTTP", b"/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"h", b"i"):
            reader.feed(piece)
            begun.append(reader.begun)
        assert begun == [False, True, True, True, False]


class TestWhatIsNoHttp:
    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="another protocol"),
            pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="another version"),
            pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="four digits"),
            pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="two digits"),
            pytest.param(b"HTTP/1.1 099 OK\r\n\r\n", id="below 100"),
            pytest.param(b"HTTP/1.1 2\xb20 OK\r\n\r\n", id="a digit that is none"),
            pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="a line without a colon"),
            pytest.param(b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", id="a header without a name"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA : x\r\n\r\n", id="a blank before the colon"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA: x\r\n y\r\n\r\n", id="a folded line"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA: x\nB: y\r\n\r\n", id="a lone LF"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA: x\ry\r\n\r\n", id="a lone CR"),
            pytest.param(b"HTTP/1.1 200 OK\r\nA: x\0y\r\n\r\n", id="a NUL"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n", id="a Python length"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", id="an empty length"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000),
                id="a length that int() refuses",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                id="two lengths",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", id="compressed"
            ),
            pytest.param(b"x" * 64 * 1024, id="a head without end"),
        ],
    )
    def test_is_a_protocol_error(self, data: bytes) -> None:
        with pytest.raises(ProtocolError):
            read([data])

    @pytest.mark.parametrize(
        "chunks",
        [
            pytest.param(b"x\r\n", id="no number"),
            pytest.param(b"\r\n", id="nothing"),
            pytest.param(b"0x1\r\n", id="a Python number"),
            pytest.param(b"-1\r\n", id="a negative number"),
            pytest.param(b"1" * 17 + b"\r\n", id="more than there is"),
            pytest.param(b"2\r\nhiXX", id="data longer than its chunk"),
            pytest.param(b"1;" + b"x" * 1024, id="an extension without end"),
            pytest.param(b"0\r\nX-T: " + b"x" * 1024, id="a trailer without end"),
        ],
    )
    def test_is_a_protocol_error_within_chunks_too(self, chunks: bytes) -> None:
        with pytest.raises(ProtocolError):
            read([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks])

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1",
            b"HTTP/1.1 204 None\r\n\r\n!",
        ],
        ids=["after a length", "after chunks", "after nothing"],
    )
    def test_is_any_byte_after_a_response_because_no_request_is_open(self, data: bytes) -> None:
        with pytest.raises(ProtocolError, match="Bytes after the end of a response"):
            read([data])

    @given(st.binary(max_size=80), st.booleans())
    @example(b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n", True)
    def test_never_raises_anything_else(self, data: bytes, begins_well: bool) -> None:
        start = b"HTTP/1.1 200 OK\r\n" if begins_well else b""
        read_or_refuse(start + data)

    @given(responses(), st.data())
    def test_never_raises_anything_else_when_a_response_was_damaged_on_its_way(
        self, sample: tuple[bytes, ApiReply], draw: st.DataObject
    ) -> None:
        data = bytearray(sample[0])
        places = st.integers(0, len(data) - 1)
        for place in draw.draw(st.lists(places, min_size=1, max_size=4)):
            data[place] = draw.draw(st.sampled_from(b"\r\n\0 :;,0159afAFxX\xb2\xff"))
        read_or_refuse(bytes(data[: draw.draw(st.integers(1, len(data)))]))


def read_or_refuse(data: bytes) -> None:
    """Read ``data`` as one response; both a reply and a refusal are fine."""
    reader = ReplyReader()
    try:
        response = reader.feed(data) or reader.eof()
    except ProtocolError:
        return
    assert response is None or 200 <= response.status <= 999


ERRORS = st.fixed_dictionaries(
    {
        "errorType": st.text(max_size=300),
        "errorMessage": st.text(max_size=4000),
        "stackTrace": st.lists(st.text(max_size=400), max_size=40),
    },
    optional={"requestId": st.text(max_size=300)},
)


def decoded(trailers: dict[str, str]) -> ErrorObject:
    error: ErrorObject = json.loads(b64decode(trailers[ERROR_BODY], validate=True))
    return error


def failure(message: str = "boom", frames: int = 0, width: int = 60) -> ErrorObject:
    stack = [f"{number}: {'x' * width}" for number in range(frames)]
    return {
        "errorType": "RuntimeError",
        "errorMessage": message,
        "stackTrace": stack,
        "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    }


class TestErrorTrailers:
    @given(ERRORS)
    @example({"errorType": "\U0001f4a5" * 300, "errorMessage": "", "requestId": "\U0001f4a5" * 99})
    @example({"errorType": "E", "errorMessage": "\ud800\r\n\0" * 4000, "stackTrace": ["\r\n"]})
    @example({})
    def test_always_fit_the_platforms_buffer_and_their_lines(self, error: ErrorObject) -> None:
        trailers = error_trailers(error)
        assert len(trailers[ERROR_BODY]) <= 3000
        assert len(last_chunk(trailers)) <= 4096
        assert not set("\r\n\0") & set("".join(trailers.values()))
        assert decoded(trailers).keys() >= {"errorType", "errorMessage", "stackTrace"}

    def test_carry_a_short_error_as_it_is(self) -> None:
        assert decoded(error_trailers(failure(frames=3))) == failure(frames=3)

    def test_shorten_the_stack_first_and_keep_its_innermost_frames_because_they_say_most(
        self,
    ) -> None:
        error = failure("m" * 500, frames=100)
        shorter = decoded(error_trailers(error))
        assert shorter["errorMessage"] == error["errorMessage"]
        kept = shorter["stackTrace"]
        assert 0 < len(kept) < 100
        assert kept == error["stackTrace"][-len(kept) :]

    def test_use_all_the_room_there_is(self) -> None:
        assert len(error_trailers(failure(frames=400, width=1))[ERROR_BODY]) > 2980
        assert len(error_trailers(failure("m" * 10_000))[ERROR_BODY]) > 2980

    def test_shorten_the_message_when_there_is_no_stack_left(self) -> None:
        error = failure("m" * 10_000, frames=3)
        shorter = decoded(error_trailers(error))
        assert shorter["stackTrace"] == []
        assert len(shorter["errorMessage"]) > 2000
        assert error["errorMessage"].startswith(shorter["errorMessage"])

    def test_leave_the_error_itself_alone_because_it_is_logged_too(self) -> None:
        error = failure("m" * 10_000, frames=100)
        error_trailers(error)
        assert error == failure("m" * 10_000, frames=100)


class TestErrorReport:
    @given(ERRORS)
    @example({"errorType": "E", "errorMessage": "\U0001f4a5" * 300_000})
    @example({"errorType": "E", "errorMessage": "\0" * 1_000_000, "stackTrace": ["x" * 300_000]})
    @example({})
    def test_always_fits_because_the_platform_loses_an_invocation_over_a_long_one(
        self, error: ErrorObject
    ) -> None:
        report = error_report(error)
        assert len(report) <= MAX_REPORT_BYTES
        assert json.loads(report).keys() >= {"errorType", "errorMessage", "stackTrace"}

    def test_carries_an_error_of_usual_size_as_it_is(self) -> None:
        error = failure("m" * 10_000, frames=500)
        assert json.loads(error_report(error)) == error

    def test_keeps_the_message_and_the_innermost_frames_of_the_stack(self) -> None:
        error = failure("m" * 200_000, frames=2_000)
        shorter = json.loads(error_report(error))
        assert shorter["errorMessage"] == error["errorMessage"]
        kept = shorter["stackTrace"]
        assert 0 < len(kept) < 2_000
        assert kept == error["stackTrace"][-len(kept) :]

    @pytest.mark.parametrize("character", ["m", "\0", "\U0001f4a5"], ids=["1", "6", "12"])
    def test_keeps_as_much_of_a_long_message_as_fits(self, character: str) -> None:
        error = failure(character * 10_000_000, frames=3)
        report = error_report(error)
        assert MAX_REPORT_BYTES - 12 < len(report) <= MAX_REPORT_BYTES
        assert error["errorMessage"].startswith(json.loads(report)["errorMessage"])


class TestErrorTypeHeader:
    @pytest.mark.parametrize(
        ("name", "header"),
        [
            ("ValueError", "Function.ValueError"),
            ("boom", "Function.Boom"),
            ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
            ("Function.Custom", "Function.Custom"),
            ("OAuth2Error", "Function.OAuth2Error"),
            ("HTTP_Error", "Function.HTTP_Error"),
            ("Error2", "Function.Error2"),
            ("X", "Function.Unknown"),
            ("E2", "Function.Unknown"),
            ("Not-A-Name", "Function.Unknown"),
            ("_Private", "Function.Unknown"),
            ("Größe", "Function.Unknown"),
            ("Sandbox.Timeout", "Function.Unknown"),
            ("Runtime.", "Function.Unknown"),
            ("Runtime.lower", "Function.Unknown"),
            ("Runtime", "Function.Unknown"),
            ("a\r\nX-Evil: 1", "Function.Unknown"),
            ("E" * 101, "Function.Unknown"),
            ("", "Function.Unknown"),
        ],
    )
    def test_is_a_category_and_a_reason_because_the_platform_keeps_nothing_else(
        self, name: str, header: str
    ) -> None:
        assert error_type_header({"errorType": name}) == header
