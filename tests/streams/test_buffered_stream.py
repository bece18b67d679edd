"""Buffered responses: how large they may be, and who gets them when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter import LambdaHandler, ResponseStream, streamify_response
from adapter.errors import ResponseTooLarge, StreamClosed
from adapter.events import FUNCTION_URL
from adapter.events.prelude import DELIMITER
from adapter.streams.buffered_stream import BufferedStream, buffered_response
from adapter.testing import (
    MemoryStream,
    alb_event,
    edge_event,
    function_url_event,
    http_api_event,
    lambda_context,
    lattice_event,
    rest_api_event,
)
from adapter.types import Head

if TYPE_CHECKING:
    from adapter.types import JSON, ASGIApp, Event, Headers, Receive, Scope, Send

LIMIT = 6_291_556


def responding(*headers: tuple[bytes, bytes], body: bytes = b"", status: int = 200) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def stream_of(app: ASGIApp, event: Event, **options: Any) -> MemoryStream:
    """The stream of a REST API's response."""
    stream = MemoryStream()
    handler = LambdaHandler(app, lifespan="off", invoke_mode="response_stream", **options)
    assert await handler.respond(event, lambda_context(), stream) is None
    return stream


async def response_of(app: ASGIApp, event: Event, **options: Any) -> Any:
    """The buffered response."""
    return await LambdaHandler(app, lifespan="off", **options).respond(event, None, None)


def status_of(response: JSON) -> JSON:
    assert isinstance(response, dict)
    return response["statusCode"]


@pytest.mark.anyio
class TestRestApi:
    async def test_is_streamed_in_its_own_mode_with_repeated_headers_apart(self) -> None:
        app = responding((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x", b"1"), body=b"hi")
        stream = await stream_of(app, rest_api_event())
        assert stream.prelude == {
            "statusCode": 200,
            "headers": {"x": "1"},
            "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
        }
        assert stream.body == b"hi"

    @pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
    async def test_is_buffered_in_the_others(self, invoke_mode: str) -> None:
        stream = MemoryStream()
        handler = LambdaHandler(responding(), lifespan="off", invoke_mode=invoke_mode)
        assert await handler.respond(rest_api_event(), None, stream) is not None
        assert not stream.started

    @pytest.mark.parametrize(("size", "fits"), [(16_000, True), (16_001, False)])
    async def test_gets_a_head_of_16000_bytes_at_most_because_it_reads_no_more(
        self, size: int, fits: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        bare = len(b'{"statusCode":200,"headers":{"x":""}}' + DELIMITER)
        app = responding((b"x", b"y" * (size - bare)), body=b"secret")
        stream = await stream_of(app, rest_api_event())
        assert stream.closed
        if fits:
            head, _, _ = b"".join(stream.chunks).partition(b"secret")
            assert len(head) == size
            return
        assert stream.prelude["statusCode"] == 500
        assert stream.body == b"Internal Server Error"
        assert "GET /prod/: The head of the response is 16,001 bytes of JSON, and" in caplog.text

    async def test_may_have_the_invocation_fail_over_it_instead(self) -> None:
        app = responding((b"x", b"y" * 16_000), body=b"secret")
        stream = await stream_of(app, rest_api_event(), errors="raise")
        assert isinstance(stream.error, ResponseTooLarge)
        assert stream.chunks == []

    async def test_refuses_a_request_to_head_without_a_body(self) -> None:
        app = responding((b"x", b"y" * 16_000))
        stream = await stream_of(app, rest_api_event(method="HEAD"))
        assert (stream.prelude["statusCode"], stream.body) == (500, b"")

    async def test_with_such_a_head_is_gone_for_an_app_that_goes_on(self) -> None:
        raised = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"x", b"y" * 16_000)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for _ in range(2):
                try:
                    await send({"type": "http.response.body", "body": b"x", "more_body": True})
                except OSError as error:
                    raised.append(error)

        stream = await stream_of(app, rest_api_event())
        assert len(raised) == 2
        assert stream.body == b"Internal Server Error"


@pytest.mark.anyio
async def test_a_function_url_has_no_such_limit() -> None:
    stream = MemoryStream()
    headers: Headers = [(b"x", b"y" * 20_000)]
    stream.start(Head(200, headers), FUNCTION_URL)
    await stream.aclose()
    assert stream.prelude["headers"] == {"x": "y" * 20_000}


EVENTS = [
    pytest.param(function_url_event(), LIMIT, "InvokeMode of", id="a function URL"),
    pytest.param(rest_api_event(), LIMIT, "responseTransferMode", id="a REST API"),
    pytest.param(http_api_event(), LIMIT, "HTTP API cannot stream", id="an HTTP API"),
    pytest.param(http_api_event(version="1.0"), LIMIT, "HTTP API cannot", id="an HTTP API 1.0"),
    pytest.param(alb_event(), 1_000_000, "load balancer cannot", id="a load balancer"),
    pytest.param(alb_event(multi=True), 1_000_000, "load balancer cannot", id="one with lists"),
    pytest.param(edge_event(), 1024 * 1024, "Lambda@Edge cannot", id="Lambda@Edge"),
    pytest.param(lattice_event(), LIMIT, "VPC Lattice cannot", id="VPC Lattice"),
]
TEXT = (b"content-type", b"text/plain")


@pytest.mark.anyio
class TestTooLarge:
    @pytest.mark.parametrize(("event", "limit", "way_out"), EVENTS)
    async def test_a_response_is_an_error_that_names_what_would_stream_it(
        self, event: Event, limit: int, way_out: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = responding(TEXT, body=b"x" * limit)
        with pytest.raises(ResponseTooLarge, match=way_out) as caught:
            await response_of(app, event, errors="raise")
        assert f"more than {limit:,} for the event source" in str(caught.value)
        assert str(caught.value) in caplog.text

    async def test_a_response_is_a_500_for_the_client(self) -> None:
        response = await response_of(responding(TEXT, body=b"x" * LIMIT), function_url_event())
        assert (response["statusCode"], response["body"]) == (500, "Internal Server Error")

    async def test_a_response_fails_the_invocation_where_there_is_a_stream_to_fail(self) -> None:
        stream = MemoryStream()
        handler = LambdaHandler(
            responding(TEXT, body=b"x" * LIMIT),
            lifespan="off",
            invoke_mode="buffered",
            errors="raise",
        )
        assert await handler.respond(function_url_event(), None, stream) is None
        assert isinstance(stream.error, ResponseTooLarge)

    @pytest.mark.parametrize(
        ("character", "size"),
        [
            pytest.param("x", 1, id="ASCII"),
            pytest.param("é", 2, id="two bytes"),
            pytest.param('"', 2, id="escaped"),
            pytest.param("\x01", 6, id="escaped by its number"),
        ],
    )
    async def test_a_response_is_measured_as_json_because_that_is_what_lambda_counts(
        self, character: str, size: int
    ) -> None:
        bare = len(
            '{"statusCode": 200, "headers": {"content-type": "text/plain"}, "cookies": [],'
            ' "body": "", "isBase64Encoded": false}'
        )
        fitting = (LIMIT - bare) // size
        for count, status in ((fitting, 200), (fitting + 1, 500)):
            app = responding(TEXT, body=(character * count).encode())
            assert status_of(await response_of(app, function_url_event())) == status

    async def test_a_binary_response_is_measured_as_base64(self) -> None:
        app = responding(body=b"\xff" * (LIMIT * 3 // 4))
        assert status_of(await response_of(app, function_url_event())) == 500


@pytest.mark.anyio
@pytest.mark.parametrize("chunk", [b"x" * 50_000, b"x" * 500_000], ids=["small", "in slices"])
@pytest.mark.parametrize("streaming_function", [False, True], ids=["an app", "a function"])
async def test_an_endless_response_is_refused_before_it_fills_the_memory(
    streaming_function: bool, chunk: bytes
) -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
        while sent < 10 * LIMIT:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            sent += len(chunk)

    async def function(event: Any, stream: ResponseStream, context: Any) -> None:
        nonlocal sent
        while sent < 10 * LIMIT:
            await stream.write(chunk)
            sent += len(chunk)

    handler = (
        streamify_response(function)
        if streaming_function
        else LambdaHandler(app, lifespan="off", errors="raise")
    )
    with pytest.raises(ResponseTooLarge, match="InvokeMode of the function URL"):
        await handler.respond(function_url_event(), None, None)
    assert LIMIT - len(chunk) <= sent <= LIMIT + len(chunk)


class Carrier(MemoryStream):
    """The stream of a runtime that takes a whole response."""

    def __init__(self, *, wrapped: bool) -> None:
        super().__init__()
        self.wrapped = wrapped
        self.responses: list[JSON] = []

    def respond(self, response: JSON) -> None:
        self.responses.append(response)
        self._close()


def whole(head: Head | None, body: bytes) -> JSON:
    assert head is not None
    return buffered_response(FUNCTION_URL, head, body)


@pytest.mark.anyio
class TestCarrier:
    async def test_gets_the_response_with_its_last_chunk_and_nothing_is_left_to_return(
        self,
    ) -> None:
        carrier = Carrier(wrapped=False)
        stream = BufferedStream(whole, FUNCTION_URL, carrier)
        stream.start(Head(201, [TEXT]), FUNCTION_URL)
        await stream.write(b"a")
        assert carrier.responses == []
        await stream.writelines([b"b"], end=True)
        [response] = carrier.responses
        assert isinstance(response, dict)
        assert (response["statusCode"], response["body"]) == (201, "ab")
        assert stream.result() is None

    async def test_behind_a_wrapper_gets_nothing_because_the_wrapper_may_change_the_response(
        self,
    ) -> None:
        carrier = Carrier(wrapped=True)
        stream = BufferedStream(whole, FUNCTION_URL, carrier)
        stream.start(Head(200, []), FUNCTION_URL)
        await stream.writelines([b"a", b"b"], end=True)
        assert carrier.responses == []
        assert status_of(stream.result()) == 200

    async def test_fails_with_the_response(self) -> None:
        carrier = Carrier(wrapped=False)
        stream = BufferedStream(whole, FUNCTION_URL, carrier)
        error = ValueError("boom")
        stream.fail(error)
        assert carrier.error is error
        assert stream.result() is None

    @pytest.mark.parametrize("wrapped", [True, False])
    async def test_fails_where_the_response_cannot_be_rendered_and_the_caller_gets_the_reason(
        self, wrapped: bool
    ) -> None:
        def render(head: Head | None, body: bytes) -> JSON:
            raise KeyError("no such header")

        carrier = Carrier(wrapped=wrapped)
        stream = BufferedStream(render, FUNCTION_URL, carrier)
        with pytest.raises(StreamClosed, match="could not be rendered"):
            await stream.writelines([b"a"], end=True)
        assert isinstance(carrier.error, KeyError)
        with pytest.raises(KeyError):
            stream.result()


@pytest.mark.anyio
async def test_another_head_replaces_a_response_that_has_not_ended() -> None:
    stream = BufferedStream(whole, FUNCTION_URL)
    stream.start(Head(200, []), FUNCTION_URL)
    await stream.write(b"the app's")
    stream.start(Head(500, [TEXT]), FUNCTION_URL)
    await stream.writelines([b"ours"], end=True)
    response: Any = stream.result()
    assert (response["statusCode"], response["body"], stream.body_bytes) == (500, "ours", 4)
    with pytest.raises(StreamClosed):
        stream.start(Head(200, []), FUNCTION_URL)


@pytest.mark.anyio
async def test_a_response_that_was_begun_and_left_has_no_result_but_its_error() -> None:
    stream = BufferedStream(whole, FUNCTION_URL)
    stream.fail(ValueError("boom"))
    with pytest.raises(ValueError, match="boom"):
        stream.result()


def test_a_body_far_over_the_limit_is_refused_before_it_is_copied() -> None:
    with pytest.raises(ResponseTooLarge, match="7,000,000 bytes of JSON"):
        buffered_response(FUNCTION_URL, Head(200, []), bytes(7_000_000))
