"""Whatever AWS puts in front of the function: requests, links, and events that are no requests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django
import pytest
from aws_lambda_powertools.utilities.data_classes import (
    ALBEvent,
    APIGatewayProxyEvent,
    APIGatewayProxyEventV2,
    LambdaFunctionUrlEvent,
    SQSEvent,
    VPCLatticeEventV2,
    event_source,
)
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test.utils import override_settings
from django.urls import include, path, reverse
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.routing import Router as StarletteRouter

from adapter import LambdaHandler, streamify_response
from adapter.errors import DeadlineExceeded, EventError, ResponseTooLarge
from adapter.testing import (
    MemoryStream,
    alb_event,
    dynamodb_event,
    eventbridge_event,
    function_url_event,
    http_api_event,
    lambda_context,
    lattice_event,
    rest_api_event,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)

from .events.fuzz import ANY, check_scope
from .support.event_sources import EVENT_SOURCES, PREFIXED, EventSource, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_lambda_powertools.utilities.data_classes.common import DictWrapper
    from django.http import HttpRequest
    from starlette.requests import Request as StarletteRequest

    from adapter.types import JSON, ASGIApp, Event, Receive, Scope, Send

pytestmark = pytest.mark.anyio
every_source = pytest.mark.parametrize("source", EVENT_SOURCES, ids=lambda source: source.name)
every_way_in = pytest.mark.parametrize(
    "source", [*EVENT_SOURCES, *PREFIXED], ids=lambda source: source.name
)


async def visit(app: ASGIApp, source: EventSource, url: str, **parts: Any) -> Reply:
    """Ask for a URL as a client of the event source does."""
    sent = urlsplit(url).path
    assert sent.startswith(f"{source.prefix}/"), f"{url} is not a URL of this event source"
    handler = LambdaHandler(app, lifespan="off", base_path=source.base_path)
    event = source.event(sent.removeprefix(source.prefix), **parts)
    return source.read(await handler.respond(event, lambda_context(), None))


class TestRequests:
    @every_source
    @pytest.mark.parametrize("body", [b"", b"text", bytes(range(256))], ids=["no", "text", "bytes"])
    async def test_come_in_and_responses_go_out_unchanged(
        self, source: EventSource, body: bytes
    ) -> None:
        async def echo(scope: Scope, receive: Receive, send: Send) -> None:
            message = await receive()
            headers = [(b"x-sent", dict(scope["headers"])[b"x-sent"])]
            headers += [(b"x-query", scope["query_string"]), (b"set-cookie", b"a=1")]
            headers += [(b"set-cookie", b"b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
            await send({"type": "http.response.body", "body": message["body"]})

        reply = await visit(
            echo,
            source,
            f"{source.prefix}/x",
            method="POST",
            query="q=x%20y",
            headers={"x-sent": "Café"},
            body=body,
        )
        assert (reply.status, reply.body) == (201, body)
        assert reply.headers == {"x-sent": ["Café"], "x-query": ["q=x%20y"]}
        assert reply.cookies == ["a=1", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]

    @every_source
    async def test_that_are_empty_keep_their_length_of_zero(self, source: EventSource) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert dict(scope["headers"])[b"content-length"] == b"0"
            await PlainTextResponse("ok")(scope, receive, send)

        sent = {"method": "POST", "headers": {"content-length": "0"}}
        assert (await visit(app, source, f"{source.prefix}/x", **sent)).status == 200

    async def test_may_have_bytes_for_a_body_in_a_test(self) -> None:
        async def echo(scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse((await receive())["body"])(scope, receive, send)

        event: Any = {**function_url_event("/", method="POST"), "body": b"caf\xc3\xa9"}
        response: Any = await LambdaHandler(echo, lifespan="off").respond(event, None, None)
        assert response["body"] == "café"

    @every_source
    async def test_whose_body_is_not_base64_as_they_say_get_a_400(
        self, source: EventSource
    ) -> None:
        event = source.event(method="POST", headers={"content-type": "image/png"}, body=b"\xff")
        broken = json.dumps(event).replace('"/w=="', '"%%%"')
        assert "%%%" in broken
        handler = LambdaHandler(PlainTextResponse("x"), lifespan="off")
        reply = source.read(await handler.respond(json.loads(broken), None, None))
        assert (reply.status, reply.body) == (400, b"Bad Request")


async def item(request: Request, id: int) -> dict[str, str]:
    return {"url": str(request.url_for("item", id=id + 1)), "path": request.url.path}


def fastapi() -> FastAPI:
    app = FastAPI()
    app.get("/items/{id}", name="item")(item)
    return app


def starlette() -> Starlette:
    async def leaf(request: StarletteRequest) -> JSONResponse:
        return JSONResponse(
            {"url": str(request.url_for("sub:leaf", id=8)), "path": request.url.path}
        )

    sub = StarletteRouter([Route("/leaves/{id}", leaf, name="leaf")])
    return Starlette(routes=[Mount("/sub", app=sub, name="sub")])


@contextmanager
def django_app() -> Iterator[ASGIApp]:
    def leaf(request: HttpRequest, id: int) -> HttpResponse:
        relative = reverse("leaf", args=[8])
        found = {
            "url": relative,
            "path": request.path,
            "whole": request.build_absolute_uri(relative),
        }
        return HttpResponse(json.dumps(found))

    if not settings.configured:
        settings.configure()
    django.setup(set_prefix=False)
    routes = (path("sub/", include([path("leaves/<int:id>", leaf, name="leaf")])),)
    with override_settings(ROOT_URLCONF=routes, ALLOWED_HOSTS=["*"]):
        yield ASGIHandler()


@every_way_in
class TestLinks:
    """A link that an app makes leads back to the app, through the same event source."""

    async def test_of_fastapis_docs_page_lead_to_its_schema(self, source: EventSource) -> None:
        page = await visit(fastapi(), source, f"{source.prefix}/docs")
        [link] = re.findall(rb"url: '([^']*)'", page.body)
        schema = await visit(fastapi(), source, link.decode())
        servers = json.loads(schema.body).get("servers", [{"url": ""}])
        assert servers == [{"url": source.prefix}]

    async def test_of_fastapis_url_for_lead_to_the_next_page(self, source: EventSource) -> None:
        first = json.loads((await visit(fastapi(), source, f"{source.prefix}/items/7")).body)
        assert first["path"] == f"{source.prefix}/items/7"
        assert first["url"].startswith("https://")
        second = json.loads((await visit(fastapi(), source, first["url"])).body)
        assert second["path"] == f"{source.prefix}/items/8"

    async def test_lead_into_what_starlette_has_mounted(self, source: EventSource) -> None:
        first = json.loads((await visit(starlette(), source, f"{source.prefix}/sub/leaves/7")).body)
        second = json.loads((await visit(starlette(), source, first["url"])).body)
        assert second["path"] == f"{source.prefix}/sub/leaves/8"

    async def test_of_djangos_reverse_lead_to_the_view(self, source: EventSource) -> None:
        with django_app() as app:
            first = json.loads((await visit(app, source, f"{source.prefix}/sub/leaves/7")).body)
            second = json.loads((await visit(app, source, first["url"])).body)
        assert second["path"] == f"{source.prefix}/sub/leaves/8"
        assert urlsplit(first["whole"]).path == second["path"]
        assert first["whole"].startswith("https://")


def by_powertools(kind: type[DictWrapper], handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler as it stands in a function that Powertools gives its own class of event."""
    return event_source(data_class=kind)(lambda event, context: handler(event, context))


class TestPowertoolsEvents:
    """They are mappings, and no dicts."""

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            pytest.param(function_url_event("/x"), LambdaFunctionUrlEvent, id="a-function-url"),
            pytest.param(http_api_event("/x"), APIGatewayProxyEventV2, id="an-http-api"),
            pytest.param(rest_api_event("/x"), APIGatewayProxyEvent, id="a-rest-api"),
            pytest.param(alb_event("/x"), ALBEvent, id="a-load-balancer"),
            pytest.param(lattice_event("/x"), VPCLatticeEventV2, id="vpc-lattice"),
        ],
    )
    def test_are_requests_like_those_they_stand_for(
        self, event: Event, kind: type[DictWrapper]
    ) -> None:
        seen = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["aws.event"])
            await PlainTextResponse(scope["path"])(scope, receive, send)

        handler = LambdaHandler(app, lifespan="off")
        context = lambda_context()
        assert by_powertools(kind, handler)(event, context) == handler(event, context)
        assert [(type(found), found) for found in seen] == [(dict, event)] * 2

    def test_are_given_to_on_event_as_they_came_because_it_may_want_their_attributes(self) -> None:
        def bodies(event: Any, context: Any) -> list[str]:
            return [record.body for record in event.records]

        handler = LambdaHandler(PlainTextResponse("x"), lifespan="off", on_event=bodies)
        assert by_powertools(SQSEvent, handler)(sqs_event("a", "b"), None) == ["a", "b"]

    def test_are_posted_to_the_event_path_as_json(self) -> None:
        handler = LambdaHandler(worker(), lifespan="off", event_path=PATH)
        response = by_powertools(SQSEvent, handler)(sqs_event("bad"), lambda_context())
        assert response == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}

    def test_are_told_apart_for_a_streaming_function_too_which_gets_them_as_they_came(self) -> None:
        @streamify_response
        def handler(event: Any, stream: Any, context: Any) -> dict[str, Any]:
            return {"statusCode": 200, "cookies": ["a=1"], "body": event.path}

        response = by_powertools(ALBEvent, handler)(alb_event("/x", multi=True), lambda_context())
        assert response["multiValueHeaders"]["set-cookie"] == ["a=1"]
        assert response["body"] == "L3g="  # /x


class Letter:
    """A custom handler, for events that are letters."""

    def __init__(self, event: Any, context: Any, config: Any) -> None:
        self.event, self.context, self.config = event, context, config

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return "letter" in event

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "method": "POST",
            "path": self.event.get("path", "/letters"),
            "headers": [],
            "query_string": b"",
            "aws.event": self.event,
        }

    @property
    def body(self) -> bytes:
        return bytes(self.event["letter"], "utf-8")

    def __call__(self, response: Any) -> Any:
        headers = {name.decode(): value.decode() for name, value in response["headers"]}
        return {"response": response["body"].decode(), "status": response["status"], **headers}


class TestCustomHandlers:
    async def test_turn_an_event_into_a_request_and_the_response_into_its_own_form(self) -> None:
        seen: list[Scope] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["database"] = "open"
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
                return
            seen.append(scope)
            body = (await receive())["body"]
            head = {"status": 202, "headers": [(b"x-a", b"1"), (b"content-length", b"5")]}
            await send({"type": "http.response.start", **head})
            await send({"type": "http.response.body", "body": body.upper()})

        handler = LambdaHandler(app, custom_handlers=[Letter])
        stream = MemoryStream()
        response = await handler.respond({"letter": "hello"}, lambda_context(), stream)
        await handler.shutdown()
        assert response == {"response": "HELLO", "status": 202, "x-a": "1", "content-length": "5"}
        assert not stream.started
        assert seen[0]["state"] == {"database": "open"}
        assert seen[0]["asgi"]["spec_version"] == "2.4"

    @every_source
    async def test_are_asked_first_because_they_may_know_better(self, source: EventSource) -> None:
        event = {**source.event("/x"), "letter": "hello"}
        handler = LambdaHandler(PlainTextResponse("ok"), lifespan="off", custom_handlers=[Letter])
        response: Any = await handler.respond(event, None, None)
        assert response["response"] == "ok"

    async def test_leave_other_events_to_the_others(self) -> None:
        handler = LambdaHandler(PlainTextResponse("ok"), lifespan="off", custom_handlers=[Letter])
        response: Any = await handler.respond(EVENT_SOURCES[0].event(), None, None)
        assert response["body"] == "ok"

    async def test_do_not_reach_the_event_path(self) -> None:
        handler = LambdaHandler(
            PlainTextResponse("ok"),
            lifespan="off",
            custom_handlers=[Letter],
            event_path="/lambda-events",
        )
        event: Event = {"letter": "x", "path": "/lambda-events"}
        response: Any = await handler.respond(event, None, None)
        assert response["status"] == 404

    async def test_see_a_failing_app_as_a_500(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise ValueError("boom")

        handler = LambdaHandler(app, lifespan="off", custom_handlers=[Letter])
        response: Any = await handler.respond({"letter": "x"}, None, None)
        assert response["status"] == 500


EVENTS = [
    pytest.param(sqs_event("a", "b"), id="a queue"),
    pytest.param(sns_event("a"), id="a topic"),
    pytest.param(s3_event("a"), id="a bucket"),
    pytest.param(eventbridge_event({"a": 1}), id="a bus"),
    pytest.param(schedule_event(), id="a schedule"),
    pytest.param(dynamodb_event({"a": {"S": "b"}}), id="a table"),
    pytest.param({"anything": ["else"]}, id="an object"),
    pytest.param([1, "two", None], id="a list"),
    pytest.param("text", id="text"),
    pytest.param(None, id="null"),
]
PATH = "/lambda-events"


def worker() -> FastAPI:
    """An app with an endpoint for events; it refuses messages that say so."""
    app = FastAPI()

    @app.api_route(PATH, methods=["POST", "GET", "PUT"])
    async def events(request: Request) -> Any:
        event = await request.json()
        assert request.scope["aws.event"] == event
        if isinstance(event, dict) and "Records" in event:
            refused = [r for r in event["Records"] if r.get("body") == "bad"]
            return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in refused]}
        return event

    return app


async def post(app: ASGIApp, event: JSON, **options: Any) -> JSON:
    handler = LambdaHandler(app, lifespan="off", event_path=PATH, **options)
    return await handler.respond(event, lambda_context(), MemoryStream())


class TestEventPath:
    @pytest.mark.parametrize("event", EVENTS)
    async def test_is_where_an_event_is_posted_and_its_json_comes_back(self, event: JSON) -> None:
        response = await post(worker(), event)
        is_batch = isinstance(event, dict) and "Records" in event
        assert response == ({"batchItemFailures": []} if is_batch else event)

    async def test_reports_the_messages_that_failed_so_that_only_they_come_again(self) -> None:
        response = await post(worker(), sqs_event("good", "bad", "good"))
        assert response == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}

    async def test_takes_no_base_path(self) -> None:
        assert await post(worker(), {"a": 1}, base_path="/api") == {"a": 1}

    async def test_comes_after_on_event(self) -> None:
        assert await post(worker(), {"a": 1}, on_event=lambda event, context: "mine") == "mine"

    async def test_that_the_app_does_not_have_fails_the_invocation(self) -> None:
        with pytest.raises(EventError, match=r"the event at /lambda-events with 404\."):
            await post(FastAPI(), {"a": 1})

    @pytest.mark.parametrize("errors", ["respond", "raise"])
    async def test_raises_what_the_app_raised_so_that_lambda_tries_again(self, errors: str) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise ValueError("no database")

        with pytest.raises(ValueError, match="no database"):
            await post(app, {"a": 1}, errors=errors)

    @pytest.mark.parametrize("in_runtime", [True, False])
    async def test_refuses_an_endless_response_before_it_fills_the_memory(
        self, in_runtime: bool
    ) -> None:
        sent = 0

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while sent < 12 * 2**20:
                await send({"type": "http.response.body", "body": b"x" * 2**20, "more_body": True})
                sent += 2**20

        stream = MemoryStream() if in_runtime else None
        handler = LambdaHandler(app, lifespan="off", event_path=PATH)
        with pytest.raises(ResponseTooLarge, match=r"6,291,556 for the event source event_path: "):
            await handler.respond({"a": 1}, lambda_context(), stream)
        assert sent <= 7 * 2**20
        assert stream is None or isinstance(stream.error, ResponseTooLarge)

    async def test_has_the_deadline_of_the_invocation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await receive()  # for ever

        monkeypatch.setenv("ADAPTER_DEADLINE_MARGIN", "29990")
        with pytest.raises(DeadlineExceeded):
            await post(app, {"a": 1})

    @every_way_in
    @pytest.mark.parametrize("method", ["POST", "post", "GET", "PUT", "HEAD"])
    @pytest.mark.parametrize(
        "path", [PATH, f"{PATH}/", "//lambda-events", "/x/..%2Flambda-events", "/%6Cambda%2Devents"]
    )
    async def test_is_closed_to_requests_from_outside(
        self, source: EventSource, method: str, path: str
    ) -> None:
        reached: list[Scope] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            reached.append(scope)

        options = {"base_path": source.base_path, "event_path": PATH}
        handler = LambdaHandler(app, lifespan="off", **options)  # type: ignore[arg-type]
        event = source.event(path, method=method, body=b'{"Records": []}')
        reply = source.read(await handler.respond(event, None, None))
        assert reply.status == 404
        assert reply.body == (b"" if method == "HEAD" else b"Not Found")
        assert reached == []

    @every_source
    async def test_closes_no_other(self, source: EventSource) -> None:
        handler = LambdaHandler(PlainTextResponse("ok"), lifespan="off", event_path=PATH)
        event = source.event("/lambda-events-of-today")
        assert source.read(await handler.respond(event, None, None)).body == b"ok"

    async def test_is_closed_to_streamed_requests_too(self) -> None:
        stream = MemoryStream()
        handler = LambdaHandler(worker(), lifespan="off", event_path=PATH)
        event = EVENT_SOURCES[0].event(PATH, method="POST", body=b"{}")
        assert await handler.respond(event, None, stream) is None
        assert (stream.prelude["statusCode"], stream.body) == (404, b"Not Found")


async def test_an_event_that_nobody_handles_is_an_error_with_its_keys_and_the_options() -> None:
    handler = LambdaHandler(worker(), lifespan="off")
    with pytest.raises(EventError) as raised:
        await handler.respond(eventbridge_event({}), None, None)
    message = str(raised.value)
    assert "'detail-type', 'source'" in message
    for option in ("on_event", "event_path", "custom_handlers"):
        assert option in message


def replaced(value: JSON, path: list[int], new: JSON) -> JSON:
    """Return ``value`` with something in it replaced: ``path`` says where, and always fits."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
    key = keys[path[0] % len(keys)]
    changed: Any = value.copy()
    changed[key] = replaced(changed[key], path[1:], new)
    whole: JSON = changed
    return whole


@every_source
@given(path=st.lists(st.integers(0, 30), min_size=1, max_size=5), new=ANY)
async def test_an_event_with_anything_wrong_in_it_gets_a_response_or_a_refusal(
    source: EventSource, path: list[int], new: JSON
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        check_scope(scope)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    headers = {"cookie": "a=1", "x-a": "b"}
    event = replaced(source.event("/x", query="a=1", headers=headers, body=b"{}"), path, new)
    handler = LambdaHandler(app, lifespan="off", base_path=source.base_path, event_path=PATH)
    response: Any = await handler.respond(event, None, None)
    # Where it is no request any more it goes to the event path, and the response has no body.
    if response is not None:
        assert int(response.get("statusCode", 0) or response["status"]) in (204, 400)


PROGRAM = """
import json, sys
from adapter import LambdaHandler
from adapter.events import identify
from adapter.invocation import runner  # for a call outside a runtime,
from adapter.streams import buffered_stream  # whose response is buffered

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})

before = set(sys.modules)
event = json.loads(sys.argv[1])
LambdaHandler(app, lifespan="off")(event, None)
names = set(sys.modules) - before
print(*sorted(name for name in names if name.partition(".")[0] not in sys.stdlib_module_names))
"""


@every_source
@pytest.mark.process
def test_a_source_imports_nothing_of_third_parties_and_a_function_url_nothing_at_all(
    source: EventSource,
) -> None:
    command = [sys.executable, "-c", PROGRAM, json.dumps(source.event("/x"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert all(name.startswith("adapter.events.") for name in imported)
    assert bool(imported) is (source.name not in ("function URL", "HTTP API"))
