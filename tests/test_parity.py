"""One app through Mangum and through this adapter: the same, but for what is meant."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI, Request, Response
from mangum import Mangum, exceptions
from mangum.handlers import ALB, APIGateway, HTTPGateway, LambdaAtEdge

from adapter import LambdaHandler, errors
from adapter.testing import (
    MemoryStream,
    function_url_event,
    http_api_event,
    rest_api_event,
    sqs_event,
)

from .parity_differences import BOTH, DIFFERENCES, EVERY, markdown
from .support.event_sources import EVENT_SOURCES, EventSource
from .support.mangum_parity import CASES, NO_CONTEXT, Case, differing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.types import Receive, Scope, Send

DOCS = (Path(__file__).parent.parent / "docs" / "moving-from-mangum.md").read_text(encoding="utf-8")


@pytest.fixture
def loop() -> Iterator[None]:
    """Mangum takes the event loop that is set, and sets one where there is none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def expected(source: EventSource, case: Case) -> set[str]:
    """The aspects in which the two are meant to differ."""
    aspects = {
        d.aspect for d in DIFFERENCES if d.case in (EVERY, case.name) and source.name in d.sources
    }
    return {"raises"} if "raises" in aspects else aspects


@pytest.mark.parametrize(
    ("source", "case"),
    [
        pytest.param(source, case, id=f"{source.name}: {case.name}")
        for case in CASES
        for source in BOTH.values()
        if source.name in (case.sources or BOTH)
    ],
)
def test_the_two_agree_but_for_what_is_meant(
    source: EventSource, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    assert differing(source, case).keys() == expected(source, case)


@pytest.mark.parametrize(
    "difference", DIFFERENCES, ids=lambda d: f"{d.case}: {d.aspect} at {d.sources[0]}"
)
def test_every_difference_that_is_told_of_is_there_and_has_a_reason(difference: Any) -> None:
    assert difference.case in {EVERY, *(case.name for case in CASES)}
    assert set(difference.sources) <= BOTH.keys()
    assert difference.mangum
    assert difference.here


@pytest.mark.parametrize("source", BOTH.values(), ids=lambda source: source.name)
def test_every_source_of_mangums_is_among_them(source: EventSource) -> None:
    event, config = source.event(), {}  # type: ignore[var-annotated]
    handlers = (ALB, HTTPGateway, APIGateway, LambdaAtEdge)
    assert any(handler.infer(event, NO_CONTEXT, config) for handler in handlers)  # type: ignore[arg-type]


class TestPage:
    """docs/moving-from-mangum.md says what is true."""

    def test_lists_every_difference_by_the_data_of_this_test(self) -> None:
        assert markdown() in DOCS, (
            "python -m tests.parity_differences prints the table that belongs there"
        )

    @pytest.mark.parametrize("name", inspect.signature(Mangum).parameters)
    def test_has_a_row_for_every_option_of_mangums(self, name: str) -> None:
        assert f"\n| `{name}" in DOCS

    @pytest.mark.parametrize("name", ["invoke_mode", "on_event", "event_path", "errors"])
    def test_speaks_of_the_options_that_a_move_may_need(self, name: str) -> None:
        assert f"\n| `{name}`" in DOCS
        assert name in inspect.signature(LambdaHandler).parameters

    def test_names_both_switches(self) -> None:
        assert "handler = LambdaHandler(app)" in DOCS
        assert "InvokeMode: RESPONSE_STREAM" in DOCS
        assert "ADAPTER_INVOKE_MODE=buffered" in DOCS


class TestSwitches:
    """What the page says about the way from one to the other."""

    @pytest.mark.parametrize("source", BOTH.values(), ids=lambda source: source.name)
    def test_with_buffered_the_import_is_all_there_is_to_change(
        self, source: EventSource, loop: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = FastAPI()

        @app.get("/x")
        async def x(request: Request) -> dict[str, Any]:
            return {"stage": request.scope["aws.event"] is not None, "q": request.query_params["q"]}

        monkeypatch.setenv("ADAPTER_INVOKE_MODE", "buffered")
        event = source.event("/x", query="q=1")
        old = source.read(Mangum(app, lifespan="off")(event, NO_CONTEXT))
        new = source.read(LambdaHandler(app, lifespan="off")(event, None))
        assert (new.status, new.body, new.cookies) == (old.status, old.body, old.cookies)
        assert json.loads(new.body) == {"stage": True, "q": "1"}

    def test_without_it_a_function_url_gets_a_stream_which_takes_the_other_switch(self) -> None:
        app = FastAPI()
        stream = MemoryStream()
        respond = LambdaHandler(app, lifespan="off").respond(function_url_event(), None, stream)
        assert asyncio.run(respond) is None
        assert stream.started


class Life:
    """An app that notes when it starts and stops."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                kind = (await receive())["type"]
                self.events.append(kind.removeprefix("lifespan."))
                await send({"type": f"{kind}.complete"})
            return
        self.events.append("request")
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})


def test_the_lifespan_is_one_for_all_invocations_and_not_one_for_each(loop: None) -> None:
    theirs, ours = Life(), Life()
    mangum, handler = Mangum(theirs), LambdaHandler(ours)
    for _ in range(2):
        mangum(EVENT_SOURCES[0].event(), NO_CONTEXT)
        handler(EVENT_SOURCES[0].event(), None)
    assert theirs.events == ["startup", "request", "shutdown"] * 2
    assert ours.events == ["startup", "request", "request"]


def test_an_event_that_is_no_request_can_be_handled_and_is_not_only_an_error(loop: None) -> None:
    with pytest.raises(RuntimeError, match="unable to infer"):
        Mangum(FastAPI(), lifespan="off")(sqs_event("a"), NO_CONTEXT)
    handler = LambdaHandler(FastAPI(), lifespan="off", on_event=lambda event, context: "done")
    assert handler(sqs_event("a"), None) == "done"


async def without_a_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise ValueError("cannot handle lifespan")
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


async def raising_in_its_startup(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
    await without_a_lifespan(scope, receive, send)


class TestAroundTheRequests:
    """The second table of the page."""

    @pytest.mark.parametrize("app", [without_a_lifespan, raising_in_its_startup])
    @pytest.mark.parametrize("lifespan", ["on", "auto"])
    def test_a_lifespan_that_is_required_fails_the_start_and_not_only_the_log(
        self, app: Any, lifespan: Any, loop: None
    ) -> None:
        event = EVENT_SOURCES[0].event()
        assert Mangum(app, lifespan=lifespan)(event, NO_CONTEXT)["statusCode"] == 204
        handler = LambdaHandler(app, lifespan=lifespan)
        if lifespan == "auto":
            assert handler(event, None)["statusCode"] == 204
            return
        with pytest.raises(errors.LifespanFailed):
            handler(event, None)

    def test_an_invalid_option_is_an_error_when_the_environment_starts(self, loop: None) -> None:
        with pytest.raises(exceptions.ConfigurationError):
            Mangum(FastAPI(), lifespan="sometimes")  # type: ignore[arg-type]
        handler = LambdaHandler(FastAPI(), lifespan="sometimes")
        with pytest.raises(errors.ConfigurationError):
            asyncio.run(handler.startup())

    def test_the_exception_classes_that_are_named_are_there(self) -> None:
        theirs = {name for name in vars(exceptions) if isinstance(getattr(exceptions, name), type)}
        for name in theirs | {"LifespanFailed", "EventError", "RuntimeError"}:
            assert f"`{name}`" in DOCS
        for name in ("ConfigurationError", "LifespanFailed", "UnexpectedMessage", "EventError"):
            assert issubclass(getattr(errors, name), errors.AdapterError)

    def test_no_line_is_logged_for_a_request(
        self, loop: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        Mangum(without_a_lifespan, lifespan="off")(EVENT_SOURCES[0].event("/x"), NO_CONTEXT)
        assert caplog.messages == ["GET /x 204"]
        caplog.clear()
        LambdaHandler(without_a_lifespan, lifespan="off")(EVENT_SOURCES[0].event("/x"), None)
        assert caplog.messages == []

    @pytest.mark.parametrize("content_type", ["application/yaml", "application/x-ndjson"])
    def test_text_of_a_type_that_mangum_does_not_know_goes_as_text(
        self, content_type: str, loop: None
    ) -> None:
        app = FastAPI()
        app.get("/x")(lambda: Response("a: ü", media_type=content_type))
        event = next(source for source in EVENT_SOURCES if source.name == "REST API").event("/x")
        assert Mangum(app, lifespan="off")(event, NO_CONTEXT)["isBase64Encoded"] is True
        new = LambdaHandler(app, lifespan="off")(event, None)
        assert (new["isBase64Encoded"], new["body"]) == (False, "a: ü")


class TestPathsBehindARestApi:
    """What the page says of checks of the path."""

    EVENT = rest_api_event("/admin", stage="prod")

    @staticmethod
    def guarded(prefix: Callable[[Request], str]) -> FastAPI:
        """Return an app that protects ``/admin`` by a check of the path."""
        app = FastAPI()
        app.get("/admin")(lambda: "secret")

        @app.middleware("http")
        async def guard(request: Request, call_next: Any) -> Any:
            path = request.url.path.removeprefix(prefix(request))
            return Response(status_code=401) if path == "/admin" else await call_next(request)

        return app

    def test_a_check_that_does_not_know_the_stage_finds_nothing(self, loop: None) -> None:
        app = self.guarded(lambda request: "")
        assert Mangum(app, lifespan="off")(self.EVENT, NO_CONTEXT)["statusCode"] == 401
        assert LambdaHandler(app, lifespan="off")(self.EVENT, None)["statusCode"] == 200

    def test_a_check_without_the_root_path_finds_the_path(self, loop: None) -> None:
        app = self.guarded(lambda request: request.scope["root_path"])
        assert Mangum(app, lifespan="off")(self.EVENT, NO_CONTEXT)["statusCode"] == 401
        assert LambdaHandler(app, lifespan="off")(self.EVENT, None)["statusCode"] == 401

    @pytest.mark.parametrize(("root_path", "status"), [("/prod", 200), ("/api", 404)])
    def test_a_root_path_in_the_code_has_to_be_the_stage(
        self, root_path: str, status: int, loop: None
    ) -> None:
        app = FastAPI()
        app.root_path = root_path  # as the argument, which warns in new versions
        app.get("/admin")(lambda: "secret")
        assert Mangum(app, lifespan="off")(self.EVENT, NO_CONTEXT)["statusCode"] == 200
        assert LambdaHandler(app, lifespan="off")(self.EVENT, None)["statusCode"] == status

    def test_a_route_that_begins_with_the_stage_is_not_found(self, loop: None) -> None:
        app = FastAPI()
        app.get("/prod/admin")(lambda: "secret")
        event = http_api_event("/admin", stage="prod")
        assert Mangum(app, lifespan="off")(event, NO_CONTEXT)["statusCode"] == 200
        assert LambdaHandler(app, lifespan="off")(event, None)["statusCode"] == 404


def test_custom_handlers_that_were_written_for_mangum_work_here(loop: None) -> None:
    class Upper(APIGateway):
        """A REST API whose responses are in capitals."""

        def __call__(self, response: Any) -> dict[str, Any]:
            response["body"] = response["body"].upper()
            return super().__call__(response)

    app = FastAPI()
    app.get("/x")(lambda: "hello")
    event = next(source for source in EVENT_SOURCES if source.name == "REST API").event("/x")
    old = Mangum(app, lifespan="off", custom_handlers=[Upper])(event, NO_CONTEXT)
    new = LambdaHandler(app, lifespan="off", custom_handlers=[Upper])(event, None)
    assert new["body"] == old["body"] == '"HELLO"'
