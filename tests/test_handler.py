"""The handler: which way an invocation takes, and what outlives it."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import warnings
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from mangum.handlers import ALB

from adapter import LambdaHandler, streamify_response
from adapter.errors import AdapterError, ConfigurationError, EventError, LifespanFailed
from adapter.events.prelude import CONTENT_TYPE
from adapter.streams import buffered_stream as buffered_module
from adapter.streams import compression as compression_module
from adapter.testing import (
    MemoryStream,
    alb_event,
    function_url_event,
    lambda_context,
    rest_api_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.types import JSON, ASGIApp, Event, Receive, Scope, Send

EVENT = function_url_event("/shop")
HTTP_API_EVENT = function_url_event("/shop", domain="k2nq.execute-api.eu-west-1.amazonaws.com")
QUEUE_EVENT: Event = {"Records": [{"eventSource": "aws:sqs", "body": "hello"}]}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1")],
        }
    )
    await send({"type": "http.response.body", "body": b"hello", "more_body": True})
    await send({"type": "http.response.body"})


def responding(*headers: tuple[bytes, bytes], body: bytes = b"", status: int = 200) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


class Shop:
    """An app with a lifespan that notes what happens to it."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.failures = 0
        self.opened: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.loops.add(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
            return
        self.events.append("request")
        scope["state"]["seen"] = [*scope["state"].get("seen", ()), "request"]
        scope["state"]["shared"].append("request")
        body = json.dumps([scope["state"]["seen"], len(scope["state"]["shared"])]).encode()
        await responding(body=body)(scope, receive, send)

    async def live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self.failures:
            self.failures -= 1
            self.events.append("failed")
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        self.events.append("startup")
        if self.opened is not None:
            await self.opened.wait()
        scope["state"]["shared"] = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.events.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})


async def respond(
    app: ASGIApp, event: JSON = EVENT, *, stream: MemoryStream | None = None, **options: Any
) -> JSON:
    handler = LambdaHandler(app, **options)
    return await handler.respond(event, lambda_context(), stream)


class TestWay:
    @pytest.mark.anyio
    @pytest.mark.parametrize("given", [True, False], ids=["stream", "no-stream"])
    @pytest.mark.parametrize("event", [EVENT, HTTP_API_EVENT], ids=["function-url", "http-api"])
    @pytest.mark.parametrize("invoke_mode", ["auto", "response_stream", "buffered"])
    async def test_only_a_function_url_is_streamed_and_only_where_there_is_a_stream(
        self, invoke_mode: str, event: Event, given: bool
    ) -> None:
        stream = MemoryStream()
        response = await respond(
            hello, event, stream=stream if given else None, invoke_mode=invoke_mode
        )
        if given and event is EVENT and invoke_mode != "buffered":
            assert response is None
            assert stream.content_type == CONTENT_TYPE
            assert stream.prelude == {
                "statusCode": 200,
                "headers": {"content-type": "text/plain"},
                "cookies": ["a=1"],
            }
            assert stream.body == b"hello"
        else:
            assert not stream.started
            assert response == {
                "statusCode": 200,
                "headers": {"content-type": "text/plain"},
                "cookies": ["a=1"],
                "body": "hello",
                "isBase64Encoded": False,
            }

    @pytest.mark.anyio
    async def test_the_app_sees_the_event_and_the_context(self) -> None:
        scopes: list[Scope] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scopes.append(scope)
            await hello(scope, receive, send)

        handler = LambdaHandler(app, lifespan="off", base_path="/shop")
        context = lambda_context()
        await handler.respond(EVENT, context, None)
        [scope] = scopes
        assert scope["aws.event"] is EVENT
        assert scope["aws.context"] is context
        assert scope["root_path"] == "/shop"
        assert "state" not in scope

    @pytest.mark.anyio
    @pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
    async def test_a_body_that_is_not_base64_gets_a_400(
        self, invoke_mode: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        event = {**EVENT, "body": "%%%", "isBase64Encoded": True}
        stream = MemoryStream()
        response = await respond(hello, event, stream=stream, invoke_mode=invoke_mode)
        if isinstance(response, dict):
            assert (response["statusCode"], response["body"]) == (400, "Bad Request")
        else:
            assert (stream.prelude["statusCode"], stream.body) == (400, b"Bad Request")
        assert "responded 400: The event's 'body' is not valid base64" in caplog.text


class TestEventsThatAreNotHttp:
    @pytest.mark.anyio
    @pytest.mark.parametrize("event", [QUEUE_EVENT, "text", None, {"version": "2.0"}])
    async def test_go_to_on_event_with_the_context(self, event: JSON) -> None:
        def on_event(event: Any, context: Any) -> Any:
            return [event, context.aws_request_id, threading.get_ident() != main]

        main, stream = threading.get_ident(), MemoryStream()
        response = await respond(hello, event, stream=stream, on_event=on_event)
        assert response == [event, lambda_context().aws_request_id, True]
        assert not stream.started

    @pytest.mark.anyio
    async def test_may_be_handled_by_a_coroutine_function_on_the_loop_of_the_app(self) -> None:
        async def on_event(event: Any, context: Any) -> Any:
            return id(asyncio.get_running_loop())

        assert await respond(hello, QUEUE_EVENT, on_event=on_event) == id(
            asyncio.get_running_loop()
        )

    @pytest.mark.anyio
    async def test_raise_what_their_function_raises(self) -> None:
        def on_event(event: Any, context: Any) -> Any:
            return next(iter(()))

        with pytest.raises(RuntimeError, match="StopIteration"):
            await respond(hello, QUEUE_EVENT, on_event=on_event)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("event", "what"),
        [
            pytest.param(QUEUE_EVENT, "has the keys 'Records'", id="queue"),
            pytest.param([1], "is a list", id="list"),
        ],
    )
    async def test_without_one_are_an_error_that_says_what_came_and_what_to_do(
        self, event: JSON, what: str
    ) -> None:
        with pytest.raises(EventError) as caught:
            await respond(hello, event)
        assert f"The event {what}. Handle it with" in str(caught.value)
        assert "options of LambdaHandler: on_event (a function" in str(caught.value)


class Slotted:
    """Sentry's middleware has this form."""

    __slots__ = ("__call__",)

    def __init__(self) -> None:
        self.__call__ = hello


class WithStaticMethod:
    @staticmethod
    async def __call__(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)


class WithClassMethod:
    @classmethod
    async def __call__(cls, scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)


class WithProperty:
    @property
    def __call__(self) -> ASGIApp:
        return hello


class WithPropertyThatRaises:
    """Is callable later, once it has been set up."""

    @property
    def __call__(self) -> ASGIApp:
        raise LookupError("not yet")


class WithAppOfItsClass:
    __call__ = Slotted()


class OfItsMethod:
    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)


class SlottedAsgi2:
    __slots__ = ("__call__",)

    def __init__(self) -> None:
        self.__call__ = lambda scope: hello


class TestApp:
    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "app",
        [
            Slotted(),
            WithStaticMethod(),
            WithClassMethod(),
            WithProperty(),
            WithAppOfItsClass(),
            OfItsMethod().serve,
            partial(partial(lambda x, *args: hello(*args)), 1),
        ],
        ids=["slot", "static method", "class method", "property", "app", "method", "partial"],
    )
    async def test_may_be_callable_in_any_way_that_python_knows(self, app: Any) -> None:
        response: Any = await respond(app, EVENT, lifespan="off")
        assert response["statusCode"] == 200

    @pytest.mark.anyio
    async def test_is_not_refused_for_what_its_signature_raises(self) -> None:
        app: Any = WithPropertyThatRaises()
        assert await LambdaHandler(app, lifespan="off").startup() is False

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("app", "reason"),
        [
            pytest.param(lambda environ, start_response: [], "too many positional", id="WSGI"),
            pytest.param(lambda scope: hello, "too many positional", id="ASGI-2"),
            pytest.param(SlottedAsgi2(), "too many positional", id="ASGI-2-slot"),
            pytest.param("main:app", "'main:app' is not a callable object", id="a-name"),
        ],
    )
    async def test_that_cannot_be_called_as_one_is_refused_before_its_first_request(
        self, app: Any, reason: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=reason):
            await LambdaHandler(app, lifespan="off").startup()

    @pytest.mark.anyio
    async def test_that_is_compiled_and_does_not_say_what_it_takes_is_trusted(self) -> None:
        compiled: Any = type
        assert await LambdaHandler(compiled, lifespan="off").startup() is False


class TestLifespan:
    @pytest.mark.anyio
    async def test_is_one_for_three_invocations_and_state_a_shallow_copy_for_each(self) -> None:
        shop = Shop()
        handler = LambdaHandler(shop)
        assert await handler.startup() is True
        bodies = []
        for _ in range(3):
            stream = MemoryStream()
            await handler.respond(EVENT, None, stream)
            bodies.append(json.loads(stream.body))
        await handler.shutdown()
        # What a request puts into the state is gone with it; what it changes inside is shared.
        assert bodies == [[["request"], 1], [["request"], 2], [["request"], 3]]
        assert shop.events == ["startup", "request", "request", "request", "shutdown"]
        assert shop.loops == {asyncio.get_running_loop()}

    @pytest.mark.anyio
    async def test_starts_with_the_first_invocation_where_no_runtime_has_started_it(self) -> None:
        shop = Shop()
        handler = LambdaHandler(shop)
        await handler.respond(EVENT, None, None)
        await handler.respond(EVENT, None, None)
        await handler.shutdown()
        assert shop.events == ["startup", "request", "request", "shutdown"]

    @pytest.mark.anyio
    async def test_is_started_once_for_invocations_that_come_at_once_and_all_wait_for_it(
        self,
    ) -> None:
        shop = Shop()
        shop.opened = asyncio.Event()
        handler = LambdaHandler(shop)
        invocations = [asyncio.create_task(handler.respond(EVENT, None, None)) for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert shop.events == ["startup"]
        shop.opened.set()
        await asyncio.gather(*invocations)
        await handler.shutdown()
        assert shop.events == ["startup", "request", "request", "request", "shutdown"]

    @pytest.mark.anyio
    async def test_that_failed_fails_the_invocation_and_is_tried_again_for_the_next(self) -> None:
        shop = Shop()
        shop.failures = 1
        handler = LambdaHandler(shop)
        with pytest.raises(LifespanFailed, match="no database"):
            await handler.respond(EVENT, None, None)
        await handler.respond(EVENT, None, None)
        await handler.shutdown()
        assert shop.events == ["failed", "startup", "request", "shutdown"]

    def test_can_be_lived_again_on_another_loop(self) -> None:
        shop = Shop()
        handler = LambdaHandler(shop)

        async def live() -> None:
            await asyncio.gather(handler.startup(), handler.startup())
            await handler.shutdown()

        asyncio.run(live())
        asyncio.run(live())
        assert shop.events == ["startup", "shutdown"] * 2

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("app", "lifespan", "has_one"),
        [(Shop(), "auto", True), (Shop(), "off", False), (hello, "auto", False)],
        ids=["on", "off", "unsupported"],
    )
    async def test_says_whether_there_is_one_to_shut_down(
        self, app: ASGIApp, lifespan: str, has_one: bool
    ) -> None:
        handler = LambdaHandler(app, lifespan=lifespan)
        assert await handler.startup() is has_one
        await handler.shutdown()

    @pytest.mark.anyio
    async def test_that_never_was_needs_no_shutdown(self) -> None:
        await LambdaHandler(hello).shutdown()


class TestScript:
    """Called as a function where there is no runtime: in a script, in a test."""

    def test_gets_the_buffered_response_from_one_loop_and_one_lifespan(self) -> None:
        shop = Shop()
        handler = LambdaHandler(shop)
        responses = [handler(EVENT, lambda_context()) for _ in range(3)]
        assert [response["statusCode"] for response in responses] == [200] * 3
        assert shop.events == ["startup", "request", "request", "request"]
        [loop] = shop.loops
        assert not loop.is_closed()

    def test_may_give_no_context(self) -> None:
        assert LambdaHandler(hello)(EVENT, None)["body"] == "hello"

    def test_gets_what_the_app_raised(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise ValueError("boom")

        with pytest.raises(ValueError, match="boom"):
            LambdaHandler(app, errors="raise")(EVENT, None)

    def test_inside_a_running_loop_gets_told_what_to_do_every_time(self) -> None:
        handler = LambdaHandler(hello)

        async def call() -> None:
            with pytest.raises(AdapterError, match=r"use 'await handler.respond|Use 'await"):
                handler(EVENT, None)

        asyncio.run(call())
        assert handler(EVENT, None)["body"] == "hello"
        asyncio.run(call())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gc.collect()

    @pytest.mark.process
    def test_sees_the_lifespan_shut_down_at_its_exit(self) -> None:
        script = (
            "from adapter import LambdaHandler\n"
            "from adapter.testing import function_url_event\n"
            "async def app(scope, receive, send):\n"
            "    if scope['type'] == 'lifespan':\n"
            "        for _ in range(2):\n"
            "            kind = (await receive())['type']\n"
            "            print(kind)\n"
            "            await send({'type': kind + '.complete'})\n"
            "        return\n"
            "    await send({'type': 'http.response.start', 'status': 204})\n"
            "    await send({'type': 'http.response.body'})\n"
            "handler = LambdaHandler(app)\n"
            "print(handler(function_url_event(), None)['statusCode'])\n"
        )
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", script],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["lifespan.startup", "204", "lifespan.shutdown"]
        assert done.stderr == ""

    @pytest.mark.parametrize("event", [EVENT, QUEUE_EVENT], ids=["http", "on-event"])
    def test_context_variables_do_not_leak_from_one_invocation_to_the_next(
        self, event: Event
    ) -> None:
        user: ContextVar[str] = ContextVar("user", default="nobody")
        seen = []

        async def on_event(event: Any, context: Any) -> None:
            seen.append(user.get())
            user.set("somebody")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await on_event(None, None)
            await hello(scope, receive, send)

        handler = LambdaHandler(app, lifespan="off", on_event=on_event)
        for _ in range(3):
            handler(event, None)
        assert seen == ["nobody"] * 3
        assert user.get() == "nobody"


class TestOptions:
    def test_are_only_remembered_by_the_constructor_and_checked_at_startup(self) -> None:
        handler = LambdaHandler(hello, invoke_mode="sideways")
        with pytest.raises(ConfigurationError, match="'auto', 'response_stream' or 'buffered'"):
            asyncio.run(handler.startup())

    @pytest.mark.anyio
    async def test_from_the_environment_win(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "buffered")
        response = await respond(hello, stream=MemoryStream(), invoke_mode="response_stream")
        assert isinstance(response, dict)

    @pytest.mark.anyio
    async def test_that_do_not_exist_are_a_warning_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("ADAPTER_INVOKEMODE", "buffered")
        handler = LambdaHandler(hello)
        for _ in range(2):
            await handler.respond(EVENT, None, None)
        [record] = caplog.records
        assert "Did you mean ADAPTER_INVOKE_MODE?" in record.getMessage()

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("app", "method", "padded", "body"),
        [
            pytest.param(responding(), "GET", "on", b" ", id="empty"),
            pytest.param(responding(), "GET", "off", b"", id="empty-and-not-asked-for"),
            pytest.param(responding(body=b"x"), "GET", "on", b"x", id="not-empty"),
            pytest.param(responding(), "HEAD", "on", b"", id="HEAD"),
            pytest.param(responding(status=204), "GET", "on", b"", id="204"),
            pytest.param(responding(status=304), "GET", "on", b"", id="304"),
        ],
    )
    async def test_pad_empty_writes_one_byte_where_http_allows_one(
        self,
        monkeypatch: pytest.MonkeyPatch,
        app: ASGIApp,
        method: str,
        padded: str,
        body: bytes,
    ) -> None:
        monkeypatch.setenv("ADAPTER_PAD_EMPTY", padded)
        stream = MemoryStream()
        await respond(app, function_url_event(method=method), stream=stream, lifespan="off")
        assert (stream.body, stream.closed) == (body, True)

    @pytest.mark.anyio
    @pytest.mark.parametrize("stream", [None, MemoryStream()], ids=["outside a runtime", "inside"])
    async def test_pad_empty_does_not_change_a_buffered_response(
        self, monkeypatch: pytest.MonkeyPatch, stream: MemoryStream | None
    ) -> None:
        monkeypatch.setenv("ADAPTER_PAD_EMPTY", "on")
        response: Any = await respond(responding(), alb_event(), stream=stream, lifespan="off")
        assert response["body"] == ""

    @pytest.mark.anyio
    @pytest.mark.parametrize("invoke_mode", ["auto", "buffered"])
    async def test_deadline_margin_is_when_the_app_has_to_be_done(
        self, monkeypatch: pytest.MonkeyPatch, invoke_mode: str
    ) -> None:
        async def hang(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.Event().wait()

        monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "29990")
        stream = MemoryStream()
        response = await respond(hang, stream=stream, lifespan="off", invoke_mode=invoke_mode)
        status = (
            response["statusCode"] if isinstance(response, dict) else stream.prelude["statusCode"]
        )
        assert status == 504

    @pytest.mark.anyio
    @pytest.mark.parametrize("seconds", [0, -5])
    async def test_without_a_margin_there_is_no_deadline(
        self, monkeypatch: pytest.MonkeyPatch, seconds: float
    ) -> None:
        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.01)
            await hello(scope, receive, send)

        monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "0")
        stream = MemoryStream()
        handler = LambdaHandler(slow, lifespan="off")
        await handler.respond(EVENT, lambda_context(seconds=seconds), stream)
        assert stream.prelude["statusCode"] == 200


class TestWarmUp:
    @pytest.mark.anyio
    @pytest.mark.parametrize("options", [{}, {"event_path": "/events"}], ids=["no", "event path"])
    async def test_ping_is_responded_to_and_does_not_reach_the_app(
        self, options: dict[str, Any]
    ) -> None:
        shop = Shop()
        response = await respond(shop, {"source": "serverless-plugin-warmup"}, **options)
        assert (response, "request" in shop.events) == ("warm", False)

    @pytest.mark.anyio
    async def test_ping_goes_to_a_function_for_events_if_there_is_one(self) -> None:
        response = await respond(hello, {"warmer": True}, on_event=lambda event, context: [event])
        assert response == [{"warmer": True}]


SSE = responding((b"content-type", b"text/event-stream; charset=utf-8"), body=b"data: 1\n\n")
REST_EVENT = rest_api_event("/shop")


class TestBuffering:
    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("event", "mode", "advice"),
        [
            (HTTP_API_EVENT, "auto", "an HTTP API cannot stream; a function URL or a REST API can"),
            (REST_EVENT, "auto", "set invoke_mode to 'response_stream' (ADAPTER_INVOKE_MODE)"),
            (EVENT, "buffered", "set invoke_mode to 'auto' (ADAPTER_INVOKE_MODE)"),
        ],
        ids=["an event source", "a REST API", "an invoke mode"],
    )
    async def test_of_server_sent_events_is_one_warning_that_says_what_to_change(
        self,
        another_process: Callable[[], None],
        caplog: pytest.LogCaptureFixture,
        event: Event,
        mode: str,
        advice: str,
    ) -> None:
        another_process()
        for _ in range(2):
            await respond(SSE, event, stream=MemoryStream(), invoke_mode=mode, lifespan="off")
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert advice in record.getMessage()

    @pytest.mark.anyio
    async def test_of_anything_else_or_without_a_runtime_is_no_warning(
        self, another_process: Callable[[], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        another_process()
        await respond(hello, HTTP_API_EVENT, stream=MemoryStream(), lifespan="off")
        await respond(SSE, EVENT, lifespan="off")
        await respond(SSE, EVENT, stream=MemoryStream(), lifespan="off")
        await respond(SSE, rest_api_event(method="HEAD"), stream=MemoryStream(), lifespan="off")
        assert caplog.records == []

    @pytest.mark.anyio
    async def test_of_a_streaming_function_is_the_same_warning(
        self, another_process: Callable[[], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        another_process()

        @streamify_response
        async def function(event: Any, stream: Any, context: Any) -> None:
            stream.set_content_type("application/x-ndjson")
            await stream.write("{}\n")

        await function.respond(HTTP_API_EVENT, lambda_context(), MemoryStream())
        assert "the type application/x-ndjson was buffered until it was complete" in caplog.text
        assert "an HTTP API cannot stream" in caplog.text


@pytest.fixture
def another_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forget what is remembered once per process."""

    def forget() -> None:
        monkeypatch.setattr(compression_module, "_warned", False)
        monkeypatch.setattr(buffered_module, "_warned", False)

    return forget


@pytest.mark.anyio
async def test_content_encoding_on_a_stream_gets_one_warning_with_its_reason(
    another_process: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    another_process()
    app = responding((b"content-encoding", b"gzip"), body=b"\x1f\x8b")
    await respond(app, lifespan="off")
    assert caplog.records == []
    for _ in range(2):
        stream = MemoryStream()
        await respond(app, stream=stream, lifespan="off")
        assert stream.prelude["headers"] == {"content-encoding": "gzip"}
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "decompress" in record.getMessage()


@pytest.mark.anyio
async def test_the_identity_encoding_on_a_stream_gets_no_warning(
    another_process: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    another_process()
    app = responding((b"content-encoding", b"Identity"), body=b"data: 1")
    await respond(app, stream=MemoryStream(), lifespan="off")
    assert caplog.records == []


class Raising:
    """A custom handler that cannot render a response."""

    scope: ClassVar = {"type": "http", "method": "GET", "path": "/", "headers": []}
    body = b""

    def __init__(self, event: Any, context: Any, config: Any) -> None: ...

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return True

    def __call__(self, response: Any) -> Any:
        raise ValueError("no")


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [None, MemoryStream()], ids=["outside a runtime", "inside"])
async def test_a_custom_handler_that_raises_is_no_disconnect_of_the_client(
    caplog: pytest.LogCaptureFixture, stream: MemoryStream | None
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(ValueError, match="no"):
        await respond(hello, {}, stream=stream, lifespan="off", custom_handlers=[Raising])
    assert caplog.records == []


@pytest.mark.anyio
async def test_an_app_that_fails_behind_a_handler_of_mangum_is_a_500_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["raw_path"] is None
        raise ValueError("boom")

    event = alb_event("/x")
    response = await respond(failing, event, lifespan="off", custom_handlers=[ALB])
    assert isinstance(response, dict)
    assert response["statusCode"] == 500
    assert [record.getMessage() for record in caplog.records] == ["The app failed: GET /x"]


def yielding(event: Any, context: Any) -> Iterator[str]:
    yield "a"


def plain(event: Any = None, context: Any = None) -> str:
    return "a"


def create_app(debug: bool = False) -> ASGIApp:
    return hello


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    return []


class WsgiApp:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("app", "advice"),
    [
        pytest.param("main:app", "Pass the app, not its name", id="a-name"),
        pytest.param(yielding, "decorate it with @streamify_response", id="a-generator"),
        pytest.param(
            plain,
            f"a function of two parameters. Name a Lambda handler with a dot: {__name__}.plain",
            id="a-function-of-two-parameters",
        ),
        pytest.param(
            create_app,
            "If this function returns the app, call it: LambdaHandler(create_app()).",
            id="a-factory",
        ),
        pytest.param(wsgi_app, "adapter.wsgi.WsgiToAsgi(app)", id="a-WSGI-function"),
        pytest.param(WsgiApp(), "adapter.wsgi.WsgiToAsgi(app)", id="a-WSGI-object"),
    ],
)
async def test_what_is_not_an_app_is_refused_with_advice(app: Any, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await LambdaHandler(app).startup()
    assert advice in str(caught.value)
