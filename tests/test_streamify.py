"""Functions written by hand: what they may look like, and how each of them ends."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import logging
import threading
from base64 import b64encode
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from adapter import HttpResponseStream, ResponseStream, streamify_response
from adapter.errors import (
    ClientDisconnected,
    ConfigurationError,
    DeadlineExceeded,
    EventError,
    ResponseTooLarge,
    StreamClosed,
)
from adapter.events.prelude import CONTENT_TYPE
from adapter.streams.streaming_handler import StreamingHandler
from adapter.testing import (
    LambdaTransport,
    MemoryStream,
    function_url_event,
    lambda_context,
    rest_api_event,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from adapter.types import JSON, Event

URL = function_url_event("/shop")
HEAD = {"statusCode": 201, "headers": {"Content-Type": "text/plain"}, "cookies": ["a=1"]}
SENT = {"statusCode": 201, "headers": {"content-type": "text/plain"}, "cookies": ["a=1"]}


async def respond(handler: StreamingHandler, event: JSON = None) -> MemoryStream:
    stream = MemoryStream()
    assert await handler.respond(event, lambda_context(), stream) is None
    assert stream.closed
    return stream


async def writes(event: Any, stream: Any, context: Any) -> None:
    stream = HttpResponseStream.from_(stream, HEAD)
    await stream.write("he")
    await stream.write(b"llo")


async def pipes(event: Any, stream: Any, context: Any) -> None:
    stream = HttpResponseStream.from_(stream, HEAD)
    await stream.pipe(io.BytesIO(b"hello"))


async def ends(event: Any, stream: Any, context: Any) -> None:
    stream = HttpResponseStream.from_(stream, HEAD)
    await stream.write("hello")
    await stream.aclose()
    await stream.finished()


async def yields(event: Any, stream: Any, context: Any) -> AsyncIterator[str]:
    HttpResponseStream.from_(stream, HEAD)
    for letter in "hello":
        yield letter


def writes_blocking(event: Any, stream: Any, context: Any) -> None:
    stream = HttpResponseStream.from_(stream, HEAD)
    stream.write("hello")


def yields_blocking(event: Any, stream: Any, context: Any) -> Iterator[bytes]:
    stream = HttpResponseStream.from_(stream, HEAD)
    yield b"hel"
    yield b"lo"


def returns_iterator(event: Any, stream: Any, context: Any) -> dict[str, Any]:
    return {**HEAD, "body": iter(["hel", b"lo"])}


def returns_base64(event: Any, stream: Any, context: Any) -> dict[str, Any]:
    return {**HEAD, "body": b64encode(b"hello").decode(), "isBase64Encoded": True}


async def returns_text(event: Any, stream: Any, context: Any) -> dict[str, Any]:
    return {**HEAD, "body": "hello"}


async def returns_async_iterator(event: Any, stream: Any, context: Any) -> dict[str, Any]:
    async def body() -> AsyncIterator[str]:
        yield "hello"

    return {**HEAD, "body": body()}


def returns_async_iterator_blocking(event: Any, stream: Any, context: Any) -> dict[str, Any]:
    async def body() -> AsyncIterator[str]:
        yield "hello"

    return {**HEAD, "body": body()}


@functools.wraps(writes)
def wrapped(event: Any, stream: Any, context: Any) -> Any:
    return writes(event, stream, context)


class AsyncCallable:
    async def __call__(self, event: Any, stream: Any, context: Any) -> None:
        await writes(event, stream, context)


KINDS: list[Callable[..., Any]] = [
    writes,
    pipes,
    ends,
    yields,
    writes_blocking,
    yields_blocking,
    returns_iterator,
    returns_base64,
    returns_text,
    returns_async_iterator,
    returns_async_iterator_blocking,
    wrapped,
    functools.partial(writes),
    AsyncCallable(),
]
every_kind = pytest.mark.parametrize(
    "function", KINDS, ids=lambda f: getattr(f, "__name__", type(f).__name__)
)


class TestKinds:
    @pytest.mark.anyio
    @every_kind
    async def test_each_kind_streams_an_http_response(self, function: Callable[..., Any]) -> None:
        stream = await respond(streamify_response(function), URL)
        assert (stream.content_type, stream.error) == (CONTENT_TYPE, None)
        assert (stream.prelude, stream.body) == (SENT, b"hello")

    @every_kind
    def test_each_kind_can_be_called_where_no_runtime_is(
        self, function: Callable[..., Any]
    ) -> None:
        response = streamify_response(function)(URL, lambda_context())
        assert response == {**SENT, "body": "hello", "isBase64Encoded": False}

    @pytest.mark.anyio
    async def test_an_event_of_any_kind_gets_the_bytes_as_they_are(self) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            await stream.write(json.dumps(event))

        events: list[JSON] = [{"a": 1}, [1], "text", 1, None]
        for event in events:
            stream = await respond(handler, event)
            assert stream.content_type == "application/octet-stream"
            assert [json.loads(chunk) for chunk in stream.chunks] == [event]

    @pytest.mark.anyio
    @pytest.mark.parametrize("returned", ["hello", b"hello", ["hel", "lo"], io.BytesIO(b"hello")])
    async def test_what_can_be_piped_may_be_returned_without_a_head(self, returned: Any) -> None:
        stream = await respond(streamify_response(lambda event, stream, context: returned))
        assert b"".join(stream.chunks) == b"hello"

    @pytest.mark.anyio
    async def test_headers_may_be_lists_as_in_a_response_that_is_not_streamed(self) -> None:
        response = {"body": "x", "multiValueHeaders": {"X-A": ["1", "2"], "Set-Cookie": ["a=1"]}}
        stream = await respond(streamify_response(lambda e, s, c: response), URL)
        assert stream.prelude["headers"]["x-a"] == "1, 2"
        assert stream.prelude["cookies"] == ["a=1"]

    @pytest.mark.anyio
    async def test_a_body_that_is_missing_is_empty(self) -> None:
        stream = await respond(streamify_response(lambda e, s, c: {"statusCode": 204}), URL)
        assert (stream.prelude, stream.body) == ({"statusCode": 204, "headers": {}}, b"")

    @pytest.mark.anyio
    async def test_a_function_that_does_nothing_has_an_empty_response(self) -> None:
        assert (await respond(streamify_response(lambda e, s, c: None))).chunks == []

    @pytest.mark.anyio
    @pytest.mark.parametrize("kind", ["sync", "async"])
    async def test_a_file_that_is_returned_is_closed_because_nobody_else_can(
        self, kind: str
    ) -> None:
        files = []

        def open_file() -> dict[str, Any]:
            files.append(io.BytesIO(b"hello"))
            return {"statusCode": 200, "body": files[-1]}

        async def handler(event: Any, stream: Any, context: Any) -> dict[str, Any]:
            return open_file()

        def blocking(event: Any, stream: Any, context: Any) -> dict[str, Any]:
            return open_file()

        stream = await respond(streamify_response(handler if kind == "async" else blocking))
        assert stream.body == b"hello"
        assert files[0].closed

    @pytest.mark.anyio
    async def test_a_function_that_is_not_async_may_block(self) -> None:
        loop_runs = threading.Event()

        @streamify_response
        def handler(event: Any, stream: Any, context: Any) -> None:
            assert loop_runs.wait(20)

        responding = asyncio.create_task(respond(handler))
        asyncio.get_running_loop().call_soon(loop_runs.set)
        assert (await responding).error is None

    @pytest.mark.anyio
    async def test_it_shows_in_logs_and_tracers_as_the_function(self) -> None:
        handler = streamify_response(writes)
        assert isinstance(handler, StreamingHandler)
        assert (handler.__name__, handler.__wrapped__) == ("writes", writes)  # type: ignore[attr-defined]
        assert await handler.startup() is False
        await handler.shutdown()


class TestRefused:
    @pytest.mark.parametrize(
        ("function", "says"),
        [
            (lambda event, context, stream: None, "the second parameter of .* is 'context'"),
            (lambda event, context: None, r"The order is \(event, stream, context\)"),
            (lambda event, stream: None, "does not take: too many positional arguments"),
            (lambda event, stream, context, more: None, "does not take: missing .* 'more'"),
        ],
        ids=["another-order", "no-stream", "no-context", "one-more"],
    )
    def test_other_parameters_are_refused_at_import(
        self, function: Callable[..., Any], says: str
    ) -> None:
        with pytest.raises(TypeError, match=says):
            streamify_response(function)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("function", "error", "says"),
        [
            (lambda e, s, c: {"ok": True}, TypeError, "neither 'statusCode' nor 'body'"),
            (lambda e, s, c: 42, TypeError, "A int cannot be written"),
            (lambda e, s, c: {"body": "", "status": 1}, EventError, "has the key 'status'"),
            (lambda e, s, c: writes(e, s, c), TypeError, "Decorate the async function itself"),
        ],
    )
    async def test_what_cannot_be_a_response_is_an_error_and_not_an_empty_one(
        self, function: Callable[..., Any], error: type[Exception], says: str
    ) -> None:
        stream = await respond(streamify_response(function))
        assert type(stream.error) is error
        assert says in str(stream.error)
        assert stream.chunks == []

    @pytest.mark.anyio
    @pytest.mark.parametrize("ending", ["left-open", "ended", "written", "written-in-spite-of-it"])
    async def test_a_head_that_the_front_door_would_not_read_fails_before_the_first_byte(
        self, ending: str
    ) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            stream.set_metadata({"headers": {"x": "y" * 16_000}})
            if ending == "ended":
                await stream.aclose()
            if ending == "written-in-spite-of-it":
                with suppress(ResponseTooLarge):
                    await stream.write("x")
            if ending.startswith("written"):
                await stream.write("x")

        stream = await respond(handler, rest_api_event())
        assert isinstance(stream.error, ResponseTooLarge)
        assert "and a REST API reads 16,000. Send fewer" in str(stream.error)
        assert (stream.chunks, stream.started) == ([], False)
        assert (await respond(handler, URL)).error is None

    @pytest.mark.anyio
    async def test_a_head_after_the_first_byte_is_too_late(self) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> dict[str, Any]:
            await stream.write("x")
            return HEAD

        stream = await respond(handler)
        assert isinstance(stream.error, StreamClosed)

    def test_an_option_that_means_nothing_fails_the_start_and_not_the_first_invocation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "streaming")
        with pytest.raises(ConfigurationError, match="'response_stream'"):
            asyncio.run(streamify_response(writes).startup())


class TestBuffered:
    @pytest.mark.parametrize(
        ("content_type", "chunk", "expected"),
        [
            ("text/plain", "äbc", {"body": "äbc", "isBase64Encoded": False}),
            ("image/png", b"\x89PNG", {"body": "iVBORw==", "isBase64Encoded": True}),
        ],
    )
    def test_without_a_head_it_is_what_a_function_url_would_make_of_the_stream(
        self, content_type: str, chunk: Any, expected: dict[str, Any]
    ) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            stream.set_content_type(content_type)
            await stream.write(chunk)

        response = handler({"any": "event"}, None)
        assert response["headers"] == {"content-type": content_type}
        assert response["statusCode"] == 200
        assert {key: response[key] for key in expected} == expected

    def test_a_head_after_the_first_write_is_an_error_and_no_byte_is_lost(self) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            await stream.write("a")
            stream.set_metadata({"statusCode": 200})
            await stream.write("b")

        with pytest.raises(StreamClosed, match="before the first write"):
            handler({"any": "event"}, None)

    @pytest.mark.anyio
    @pytest.mark.parametrize("event", [URL, {"any": "event"}], ids=["url", "other"])
    async def test_a_deployment_can_turn_streaming_off(
        self, event: JSON, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "buffered")
        stream = MemoryStream()
        response = await streamify_response(writes).respond(event, lambda_context(), stream)
        assert response == {**SENT, "body": "hello", "isBase64Encoded": False}
        assert not stream.started

    @pytest.mark.anyio
    async def test_a_source_that_cannot_stream_gets_the_whole(self) -> None:
        event = function_url_event("/", domain="k2nq.execute-api.eu-west-1.amazonaws.com")
        stream = MemoryStream()
        response: Any = await streamify_response(writes).respond(event, lambda_context(), stream)
        assert (response["body"], stream.started) == ("hello", False)

    @pytest.mark.parametrize("event", [URL, None], ids=["url", "other"])
    def test_a_response_over_what_lambda_takes_is_an_error_that_says_what_would_stream_it(
        self, event: Event | None
    ) -> None:
        handler = streamify_response(lambda event, stream, context: b"x" * 6_000_000)
        with pytest.raises(ResponseTooLarge, match="RESPONSE_STREAM"):
            handler(event, None)

    def test_a_load_balancer_gets_its_own_form(self) -> None:
        event = {
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
            "httpMethod": "GET",
            "path": "/",
            "multiValueQueryStringParameters": {},
            "multiValueHeaders": {"host": ["shop.example"]},
            "body": "",
            "isBase64Encoded": False,
        }
        response = streamify_response(writes)(event, lambda_context())
        assert response["multiValueHeaders"]["set-cookie"] == ["a=1"]
        assert response["body"] == "hello"

    def test_what_the_function_raises_is_raised(self) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            await stream.write("x")
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            handler(URL, lambda_context())


@pytest.mark.anyio
class TestEndings:
    @pytest.mark.parametrize("kind", ["sync", "async"])
    @pytest.mark.parametrize("chunks", [(), ("x", "y")], ids=["before-the-first-byte", "after"])
    @pytest.mark.parametrize("raised", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
    async def test_what_it_raises_fails_the_stream_and_never_the_runtime(
        self,
        raised: BaseException,
        chunks: tuple[str, ...],
        kind: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def handler(event: Any, stream: Any, context: Any) -> None:
            for chunk in chunks:
                await stream.write(chunk)
            raise raised

        def blocking(event: Any, stream: Any, context: Any) -> None:
            for chunk in chunks:
                stream.write(chunk)
            raise raised

        stream = await respond(streamify_response(handler if kind == "async" else blocking))
        assert stream.error is raised
        assert stream.chunks == [chunk.encode() for chunk in chunks]
        [record] = caplog.records
        assert record.getMessage() == "The function failed"

    async def test_a_failure_after_the_end_is_logged_and_the_response_stays_good(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            await stream.aclose()
            raise ValueError("no")

        assert (await respond(handler)).error is None
        assert "after its response had ended" in caplog.text

    @pytest.mark.parametrize("kind", ["sync", "async", "grouped"])
    async def test_a_write_after_the_client_has_gone_raises_and_that_is_no_failure(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = []
        stream = MemoryStream()

        async def handler(event: Any, writer: Any, context: Any) -> None:
            await writer.write("x")
            stream.disconnect("the reader hung up")
            try:
                await writer.write("y")
            except ClientDisconnected as error:
                told.append(str(error))
                if kind == "grouped":  # as anyio's and asyncio's task groups raise it
                    raise ExceptionGroup("tasks", [error]) from None
                raise

        def blocking(event: Any, writer: Any, context: Any) -> None:
            writer.write("x")
            asyncio.run_coroutine_threadsafe(leave(), loop).result()
            try:
                writer.write("y")
            except ClientDisconnected as error:
                told.append(str(error))
                raise

        async def leave() -> None:
            stream.disconnect("the reader hung up")

        loop = asyncio.get_running_loop()
        caplog.set_level(logging.INFO)
        function = blocking if kind == "sync" else handler
        await streamify_response(function).respond(None, lambda_context(), stream)
        assert (told, stream.chunks) == (["the reader hung up"], [b"x"])
        assert {record.levelname for record in caplog.records} == {"INFO"}

    @pytest.mark.parametrize("catches", [False, True])
    async def test_a_generator_that_a_disconnect_has_stopped_is_closed_first(
        self, catches: bool
    ) -> None:
        closed = []

        async def parts() -> AsyncIterator[str]:
            try:
                yield "x"
                yield "y"
            finally:
                await asyncio.sleep(0.01)
                closed.append(True)

        async def handler(event: Any, writer: ResponseStream, context: Any) -> None:
            with suppress(ClientDisconnected) if catches else nullcontext():
                async for part in parts():
                    await writer.write(part)
                    stream.disconnect("the reader hung up")

        stream = MemoryStream()
        await streamify_response(handler).respond(None, lambda_context(), stream)
        assert closed == [True]

    @pytest.mark.parametrize("chunks", [(), ("x",)], ids=["before-the-first-byte", "after"])
    async def test_when_its_time_is_up_it_is_cancelled_and_the_stream_fails(
        self, chunks: tuple[str, ...], caplog: pytest.LogCaptureFixture
    ) -> None:
        @streamify_response
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            for chunk in chunks:
                await stream.write(chunk)
            await asyncio.Event().wait()

        stream = MemoryStream()
        await handler.respond(None, lambda_context(seconds=0.26), stream)
        assert isinstance(stream.error, DeadlineExceeded)
        assert stream.chunks == [chunk.encode() for chunk in chunks]
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        [record] = caplog.records
        assert "still running at its deadline" in record.getMessage()

    @pytest.mark.parametrize("kind", ["sync", "async", "generator", "tasks"])
    async def test_when_its_time_is_up_while_it_writes_that_is_logged_once(
        self, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def handler(event: Any, stream: ResponseStream, context: Any) -> None:
            while True:
                await stream.write("x")

        def blocking(event: Any, stream: Any, context: Any) -> None:
            while True:
                stream.write("x")

        async def generator(event: Any, stream: Any, context: Any) -> AsyncIterator[str]:
            while True:
                yield "x"

        async def tasks(event: Any, stream: ResponseStream, context: Any) -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(handler(event, stream, context))

        stream = MemoryStream()
        functions = {"sync": blocking, "async": handler, "generator": generator, "tasks": tasks}
        function = streamify_response(functions[kind])
        await function.respond(None, lambda_context(seconds=0.26), stream)
        assert isinstance(stream.error, DeadlineExceeded)
        [record] = caplog.records
        assert "still running at its deadline" in record.getMessage()

    async def test_an_overdue_thread_is_told_by_its_next_write_and_waited_for(self) -> None:
        stream, told, go_on = MemoryStream(), [], threading.Event()

        @streamify_response
        def handler(event: Any, writer: Any, context: Any) -> None:
            go_on.wait()
            try:
                writer.write("late")
            except ClientDisconnected as error:
                told.append(error)
                raise

        responding = asyncio.create_task(
            handler.respond(None, lambda_context(seconds=0.26), stream)
        )
        await stream.wait_closed()
        await asyncio.sleep(0)  # the cancellation is on its way
        assert not responding.done()
        go_on.set()
        assert await responding is None
        assert isinstance(stream.error, DeadlineExceeded)
        assert len(told) == 1

    async def test_cancelled_from_outside_it_ends_as_cancelled(self) -> None:
        stream, started = MemoryStream(), asyncio.Event()

        @streamify_response
        async def handler(event: Any, writer: ResponseStream, context: Any) -> None:
            started.set()
            await asyncio.Event().wait()

        responding = asyncio.create_task(handler.respond(None, lambda_context(), stream))
        await started.wait()
        responding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await responding
        assert isinstance(stream.error, asyncio.CancelledError)


class TestContext:
    @pytest.mark.parametrize("kind", ["sync", "async", "generator"])
    def test_context_variables_do_not_leak_into_the_next_invocation(self, kind: str) -> None:
        user: ContextVar[str] = ContextVar("user", default="nobody")

        async def handler(event: Any, stream: Any, context: Any) -> None:
            await stream.write(user.get())
            user.set(event)

        def blocking(event: Any, stream: Any, context: Any) -> None:
            stream.write(user.get())
            user.set(event)

        def generator(event: Any, stream: Any, context: Any) -> Iterator[str]:
            yield user.get()
            user.set(event)
            assert user.get() == event

        function = {"sync": blocking, "async": handler, "generator": generator}[kind]
        handle = streamify_response(function)
        responses = [handle(name, None)["body"] for name in ("ann", "bob")]
        assert responses == ["bm9ib2R5", "bm9ib2R5"]  # nobody


@pytest.mark.anyio
async def test_the_test_transport_shows_it_as_a_function_url_does() -> None:
    @streamify_response
    async def raw(event: Any, stream: ResponseStream, context: Any) -> None:
        stream.set_content_type("text/csv")
        await stream.write("a,b\n")

    for handler, expected in (
        (streamify_response(writes), (201, "text/plain", "hello")),
        (raw, (200, "text/csv", "a,b\n")),
    ):
        transport = LambdaTransport(handler)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            response = await client.get("/")
        assert (response.status_code, response.headers["content-type"], response.text) == expected
