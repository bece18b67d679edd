from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette import routing
from starlette.applications import Starlette
from starlette.responses import Response

from adapter import HttpResponseStream, LambdaHandler, ResponseStream, streamify_response
from adapter.errors import EventError
from adapter.observe import summary as summary_module
from adapter.observe.summary import Outcome, Summary
from adapter.testing import MemoryStream, function_url_event, lambda_context, rest_api_event

if TYPE_CHECKING:
    from adapter.types import JSON, ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

START: Message = {"type": "http.response.start", "status": 201, "headers": []}
MORE: Message = {"type": "http.response.body", "body": b"some", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b" more"}
EVENT = function_url_event("/")


def sending(*messages: Message, then: BaseException | None = None, hang: bool = False) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if then is not None:
            raise then
        if hang:
            await asyncio.Event().wait()

    return app


class Seen(list[Summary]):
    """The summaries that came."""

    async def respond(
        self,
        app: ASGIApp,
        stream: ResponseStream | None,
        event: JSON = EVENT,
        seconds: float = 30,
        **options: Any,
    ) -> Summary:
        handler = LambdaHandler(app, lifespan="off", on_complete=self.append, **options)
        await handler.respond(event, lambda_context("id-1", seconds=seconds), stream)
        return self[-1]


class TestStreamed:
    async def test_response_is_counted_without_its_head(self) -> None:
        summary = await Seen().respond(sending(START, MORE, MORE, LAST), MemoryStream())
        assert summary[:4] == ("id-1", Outcome.COMPLETE, 201, True)
        assert summary[6:8] == (len("some") * 2 + len(" more"), 3)
        assert summary.first_byte is not None
        assert 0 <= summary.first_byte <= summary.duration

    async def test_response_without_a_body_has_a_first_byte_all_the_same(self) -> None:
        nothing: Message = {"type": "http.response.body"}
        summary = await Seen().respond(sending(START, nothing), MemoryStream())
        assert (summary.bytes, summary.chunks) == (0, 0)
        assert summary.first_byte is not None

    @pytest.mark.parametrize(
        ("app", "outcome", "status"),
        [
            (sending(then=ValueError("early")), Outcome.FAILED, 500),
            (sending(START, MORE, then=ValueError("late")), Outcome.FAILED, 201),
            (sending(START, LAST, then=ValueError("after")), Outcome.COMPLETE, 201),
            (sending(START, MORE), Outcome.FAILED, 201),
        ],
    )
    async def test_response_ends_as_its_app_does(
        self, app: ASGIApp, outcome: Outcome, status: int
    ) -> None:
        summary = await Seen().respond(app, MemoryStream())
        assert (summary.outcome, summary.status) == (outcome, status)

    async def test_response_that_was_ended_after_its_time_is_complete(self) -> None:
        app = sending(START, MORE, hang=True)
        summary = await Seen().respond(app, MemoryStream(), max_stream_seconds=0.01)
        assert (summary.outcome, summary.status) == (Outcome.COMPLETE, 201)

    @pytest.mark.parametrize("messages", [(), (START, MORE)])
    async def test_response_may_be_late(self, messages: tuple[Message, ...]) -> None:
        summary = await Seen().respond(sending(*messages, hang=True), MemoryStream(), seconds=0.26)
        assert summary.outcome is Outcome.TIMEOUT

    async def test_response_may_have_nobody_who_reads(self) -> None:
        stream = MemoryStream()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(MORE)
            stream.disconnect("the test is over")
            await send(MORE)

        summary = await Seen().respond(app, stream)
        assert summary.outcome is Outcome.DISCONNECTED
        assert summary.chunks == 1

    async def test_response_whose_head_is_too_large_has_failed(self) -> None:
        header = (b"x-large", b"x" * 20_000)
        start: Message = {**START, "headers": [header]}
        summary = await Seen().respond(
            sending(start, LAST), MemoryStream(), rest_api_event("/"), invoke_mode="response_stream"
        )
        assert (summary.outcome, summary.status) == (Outcome.FAILED, 500)

    async def test_stream_is_as_it_was_afterwards(self) -> None:
        stream = MemoryStream()
        before = vars(stream).keys()
        await Seen().respond(sending(START, LAST), stream)
        assert vars(stream).keys() == before


class TestTheFirstByteOfTheBody:
    async def test_leaves_with_the_head_if_the_app_does_not_wait(self) -> None:
        summary = await Seen().respond(sending(START, MORE, LAST), MemoryStream())
        assert summary.first_byte is not None
        assert summary.first_body is not None
        assert summary.first_byte <= summary.first_body <= summary.duration

    async def test_may_come_later_than_the_head(self) -> None:
        nothing: Message = {"type": "http.response.body", "more_body": True}

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(nothing)
            await asyncio.sleep(0.02)
            for message in (MORE, MORE, LAST):
                await send(message)

        stream = MemoryStream()
        summary = await Seen().respond(app, stream)
        assert summary.first_byte is not None
        assert summary.first_body is not None
        assert summary.first_body > summary.first_byte
        assert not {"writelines_nowait", "write_chunk"} & vars(stream).keys()

    async def test_is_that_of_a_chunk_in_mid_stream_if_the_head_was_sent_alone(self) -> None:
        nothing: Message = {"type": "http.response.body", "more_body": True}
        ended: Message = {"type": "http.response.body"}
        summary = await Seen().respond(sending(START, nothing, MORE, ended), MemoryStream())
        assert summary.first_byte is not None
        assert summary.first_body is not None

    async def test_is_that_of_a_chunk_so_large_that_it_is_sent_in_slices(self) -> None:
        nothing: Message = {"type": "http.response.body", "more_body": True}
        large: Message = {"type": "http.response.body", "body": bytes(200_000), "more_body": True}
        ended: Message = {"type": "http.response.body"}
        stream = MemoryStream()
        summary = await Seen().respond(sending(START, nothing, large, ended), stream)
        assert summary.first_body is not None
        assert summary.bytes == 200_000

    async def test_never_comes_without_a_body(self) -> None:
        nothing: Message = {"type": "http.response.body"}
        stream = MemoryStream()
        assert (await Seen().respond(sending(START, nothing), stream)).first_body is None
        assert "writelines_nowait" not in vars(stream)

    async def test_is_not_told_of_a_buffered_response(self) -> None:
        assert (await Seen().respond(sending(START, MORE, LAST), None)).first_body is None


class Route:
    """A route of a framework, as FastAPI and Starlette leave it in the scope."""

    def __init__(self, path: object) -> None:
        self.path = path


def mounted(path: str, app: ASGIApp) -> Any:
    return Starlette(routes=[routing.Mount(path, app)])


def items(sub: Any = None) -> Any:
    """Return an app whose routes have the prefix of a router, and may have another app below."""
    app, router = FastAPI(), APIRouter()
    router.add_api_route("/items/{id}", lambda id: id)
    app.include_router(router, prefix="/v1")
    if sub is not None:
        app.mount("/sub", sub)
    return app


ROUTE = routing.Route("/items/{id}", lambda request: Response())
MOUNT = routing.Mount("/a", routes=[ROUTE])
INCLUDED = {"original_route": ROUTE, "starlette_route": routing.Route("/v1/items", ROUTE.endpoint)}
CONTEXT = {"effective_route_context": SimpleNamespace(**INCLUDED, path="")}


class TestTheRequest:
    async def test_is_as_the_client_sent_it(self) -> None:
        event = function_url_event("/a%20b", query="c=d", method="POST")
        summary = await Seen().respond(sending(START, LAST), MemoryStream(), event)
        assert (summary.method, summary.target, summary.http_version) == (
            "POST",
            "/a%20b?c=d",
            "1.1",
        )
        assert summary.source == "function URL"
        assert summary.client.endswith(":0")
        assert summary.route == "/a b"

    @pytest.mark.parametrize(
        ("route", "expected"),
        [(Route("/items/{id}"), "/items/{id}"), (Route(7), "/items/1"), ("x", "/items/1")],
    )
    async def test_has_the_route_that_the_framework_leaves_in_the_scope(
        self, route: object, expected: str
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["route"] = route
            await sending(START, LAST)(scope, receive, send)

        summary = await Seen().respond(app, MemoryStream(), function_url_event("/items/1"))
        assert summary.route == expected

    @pytest.mark.parametrize(
        ("app", "path", "route"),
        [
            (items(), "/v1/items/1", "/v1/items/{id}"),
            (items(items()), "/sub/v1/items/1", "/sub/v1/items/{id}"),
            (items(mounted("/a", items())), "/sub/a/v1/items/1", "/sub/a/v1/items/{id}"),
            (mounted("/v1", items()), "/v1/v1/items/1", "/v1/v1/items/{id}"),
            (mounted("/{shop}", items()), "/7/v1/items/1", "/7/v1/items/{id}"),
        ],
    )
    async def test_has_the_route_of_fastapi_with_the_prefixes_of_routers_and_mounts(
        self, app: ASGIApp, path: str, route: str
    ) -> None:
        summary = await Seen().respond(app, MemoryStream(), function_url_event(path))
        assert summary.route == route

    @pytest.mark.parametrize(
        ("left", "expected"),
        [
            ({"root_path": "/a", "app_root_path": "", "route": ROUTE}, "/a/items/{id}"),
            ({"root_path": "/a", "app_root_path": "", "route": MOUNT}, "/a"),
            ({"app_root_path": "", "route": routing.Mount("/", routes=[ROUTE])}, "/path"),
            ({"fastapi": CONTEXT}, "/v1/items"),
            ({"fastapi": CONTEXT, "route": ROUTE}, "/v1/items"),
            ({"fastapi": CONTEXT, "root_path": "/a", "app_root_path": "", "route": MOUNT}, "/a"),
        ],
    )
    async def test_has_the_route_that_the_newest_starlette_and_fastapi_leave_in_the_scope(
        self, left: Scope, expected: str
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.update(left)
            await sending(START, LAST)(scope, receive, send)

        summary = await Seen().respond(app, MemoryStream(), function_url_event("/path"))
        assert summary.route == expected

    async def test_has_a_route_without_the_stage_of_a_rest_api(self) -> None:
        event = rest_api_event("/sub/v1/items/1", stage="prod")
        summary = await Seen().respond(items(items()), MemoryStream(), event)
        assert summary.route == "/sub/v1/items/{id}"

    async def test_that_is_malformed_has_its_source_alone(self) -> None:
        event = function_url_event("/") | {"body": 7}
        summary = await Seen().respond(sending(), MemoryStream(), event)
        assert (summary.status, summary.source, summary.method) == (400, "function URL", "")

    async def test_whose_scope_the_app_has_emptied_changes_no_outcome(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.clear()
            await sending(START, LAST)(scope, receive, send)

        summary = await Seen().respond(app, MemoryStream())
        assert (summary.outcome, summary.method) == (Outcome.COMPLETE, "")


class TestAColdStart:
    @pytest.mark.parametrize(
        ("kind", "cold"),
        [
            ("on-demand", True),
            ("snap-start", True),
            ("provisioned-concurrency", False),
            ("lambda-managed-instances", False),
        ],
    )
    async def test_is_the_first_invocation_of_an_environment_that_was_started_for_it(
        self, kind: str, cold: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
        monkeypatch.setattr(summary_module, "_cold", True)
        seen = Seen()
        for _ in range(2):
            await seen.respond(sending(START, LAST), MemoryStream())
        assert [summary.cold_start for summary in seen] == [cold, False]


class TestBuffered:
    async def test_response_has_no_first_byte_because_it_goes_out_whole(self) -> None:
        summary = await Seen().respond(sending(START, MORE, LAST), None)
        assert summary[:5] == ("id-1", Outcome.COMPLETE, 201, False, None)
        assert summary[6:8] == (len("some more"), 2)

    async def test_response_may_be_replaced_by_a_500(self) -> None:
        summary = await Seen().respond(sending(START, MORE, then=ValueError("late")), None)
        assert (summary.outcome, summary.status) == (Outcome.FAILED, 500)

    async def test_response_that_is_too_large_has_failed(self) -> None:
        large: Message = {"type": "http.response.body", "body": bytes(7_000_000)}
        summary = await Seen().respond(sending(START, large), None)
        assert (summary.outcome, summary.status) == (Outcome.FAILED, 500)

    async def test_failure_is_seen_and_raised(self) -> None:
        seen = Seen()
        with pytest.raises(ValueError, match="early"):
            await seen.respond(sending(then=ValueError("early")), None, errors="raise")
        assert seen[0].outcome is Outcome.FAILED

    def test_call_from_a_script_is_measured_like_any_other(self) -> None:
        seen = Seen()
        handler = LambdaHandler(sending(START, LAST), lifespan="off", on_complete=seen.append)
        handler(EVENT, None)
        assert seen[0][:3] == ("", Outcome.COMPLETE, 201)


class TestOtherEvents:
    async def test_have_no_status(self) -> None:
        summary = await Seen().respond(
            sending(), MemoryStream(), {"a": 1}, on_event=lambda event, context: event
        )
        assert summary[:5] == ("id-1", Outcome.COMPLETE, None, False, None)

    async def test_that_only_keep_the_environment_warm_have_an_outcome_of_their_own(self) -> None:
        summary = await Seen().respond(sending(), MemoryStream(), {"warmer": True})
        assert summary[:5] == ("id-1", Outcome.WARM_UP, None, False, None)

    async def test_fail_without_somebody_to_handle_them(self) -> None:
        seen = Seen()
        with pytest.raises(EventError):
            await seen.respond(sending(), MemoryStream(), {"a": 1})
        assert seen[0].outcome is Outcome.FAILED

    async def test_may_be_posted_to_the_app(self) -> None:
        response: Message = {"type": "http.response.body", "body": b"{}"}
        summary = await Seen().respond(
            sending(START, response), MemoryStream(), {"a": 1}, event_path="/events"
        )
        assert (summary.outcome, summary.status, summary.bytes) == (Outcome.COMPLETE, 201, 2)
        assert (summary.source, summary.method) == ("", "")


class TestFunctionsThatStream:
    @pytest.mark.parametrize("streamed", [True, False])
    async def test_are_measured_too(
        self, streamed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ADAPTER_METRICS", "emf")

        @streamify_response
        async def function(event: Any, stream: ResponseStream, context: Any) -> None:
            await HttpResponseStream.from_(stream, {"statusCode": 203}).write("four")

        await function.respond(EVENT, lambda_context(), MemoryStream() if streamed else None)
        written = capsys.readouterr().out
        assert '"Status": 203' in written
        assert '"Method": "GET", "Route": "/", "Source": "function URL"' in written
        assert '"Bytes": 4' in written
        assert ("TimeToFirstByte" in written) is streamed

    async def test_have_no_request_if_the_event_is_malformed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ADAPTER_METRICS", "emf")

        @streamify_response
        async def function(event: Any, stream: ResponseStream, context: Any) -> None:
            await stream.write("four")

        await function.respond(EVENT | {"body": 7}, lambda_context(), MemoryStream())
        assert '"Method": "", "Route": "", "Source": "function URL"' in capsys.readouterr().out


class TestListener:
    async def test_may_be_async(self) -> None:
        seen = []

        async def on_complete(summary: Summary) -> None:
            await asyncio.sleep(0)
            seen.append(summary)

        handler = LambdaHandler(sending(START, LAST), lifespan="off", on_complete=on_complete)
        await handler.respond(EVENT, None, MemoryStream())
        assert len(seen) == 1

    async def test_that_fails_does_not_fail_the_invocation(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def on_complete(summary: Summary) -> None:
            raise OSError("no network")

        handler = LambdaHandler(sending(START, LAST), lifespan="off", on_complete=on_complete)
        stream = MemoryStream()
        await handler.respond(EVENT, None, stream)
        assert stream.body == b" more"
        assert [record.levelno for record in caplog.records] == [logging.ERROR]

    async def test_gets_each_of_many_at_once_apart(self) -> None:
        seen: list[Summary] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            for _ in range(int(scope["path"].strip("/"))):
                await send(MORE)
                await asyncio.sleep(0)
            await send({"type": "http.response.body"})

        handler = LambdaHandler(app, lifespan="off", on_complete=seen.append)
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, 9):
                event, context = function_url_event(f"/{number}"), lambda_context(f"id-{number}")
                tasks.create_task(handler.respond(event, context, MemoryStream()))
        counted = {summary.request_id: summary.chunks for summary in seen}
        assert counted == {f"id-{number}": number for number in range(1, 9)}
