"""Every source of events under both runtimes, the real ones: one process, many events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.testing import sqs_event
from tests.runtimes.conftest import RUN
from tests.support.event_sources import EVENT_SOURCES, EventSource, Reply
from tests.support.fake_runtime_api import ROOT, response_of
from tests.support.runtimes import RIC, Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import Start

MAIN = """
from adapter import LambdaHandler

HEADERS = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]

async def app(scope, receive, send):
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": "é".encode()})

class Letter:
    def __init__(self, event, context, config):
        self.event = event
        self.body = event["letter"].encode()
        self.scope = {
            "type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""
        }

    @classmethod
    def infer(cls, event, context, config):
        return "letter" in event

    def __call__(self, response):
        return {"letter": response["body"].decode()}

def on_event(event, context):
    if event == {"fail": True}:
        raise ValueError("no")
    return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}

handler = LambdaHandler(app, lifespan="off", on_event=on_event, custom_handlers=[Letter])
"""
COMMANDS = {"native": RUN, "managed": RIC}


class Runtime(Running):
    """A runtime that is given one event after the other."""

    _count = 0

    def invoke(self, event: Any, *, streams: bool, http: bool = True) -> Any:
        """Return what the runtime posts as the response.

        The adapter posts what an app responds, whole or streamed; AWS's client, where there is
        one, the result of a function.
        """
        self._count += 1
        request_id = f"id-{self._count}"
        self.client.deliver(event, request_id)
        peer = self.ours if http else self.client
        request = peer.read()
        assert request.call == response_of(request_id), self.platform.output
        mode = request.headers.get("lambda-runtime-function-response-mode")
        assert mode == ("streaming" if streams else None)
        peer.accept()
        return request


@pytest.fixture(params=COMMANDS)
def run(request: pytest.FixtureRequest, start: Start) -> Callable[..., Runtime]:
    """Start each of the two."""

    def run_one(**environ: str) -> Runtime:
        quiet = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
        command = COMMANDS[request.param]
        platform = start(MAIN, "main.handler", command, **quiet, **environ)
        return Runtime(platform, is_native=request.param == "native")

    return run_one


def visit(runtime: Runtime, source: EventSource, *, streams: bool = False) -> Reply:
    event = source.event("/x", method="POST", headers={"content-type": "text/plain"}, body=b"caf")
    response = runtime.invoke(event, streams=streams)
    if not streams:
        return source.read(response.json)
    body = response.content
    return source.read({**response.prelude, "body": body.decode(), "isBase64Encoded": False})


def check(reply: Reply) -> None:
    assert reply == Reply(200, {"content-type": ["text/plain"]}, ["a=1", "b=2"], "café".encode())


@pytest.mark.parametrize(
    ("invoke_mode", "streamed"),
    [
        ("auto", {"function URL"}),
        ("response_stream", {"function URL", "REST API"}),
        ("buffered", set()),
    ],
)
def test_every_source_gets_its_own_form_of_response(
    run: Callable[..., Runtime], invoke_mode: str, streamed: set[str]
) -> None:
    runtime = run(ADAPTER_INVOKE_MODE=invoke_mode)
    for source in EVENT_SOURCES:
        check(visit(runtime, source, streams=source.name in streamed))


def test_events_that_are_no_requests_get_responses_beside_them(
    run: Callable[..., Runtime],
) -> None:
    runtime = run()
    failures = {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    for _ in range(2):
        assert runtime.invoke(sqs_event("x"), streams=False, http=False).json == failures
        assert runtime.invoke({"letter": "caf"}, streams=False).json == {"letter": "café"}
        check(visit(runtime, EVENT_SOURCES[0], streams=True))


def test_the_event_path_responds_as_on_event_would(start: Start) -> None:
    app = """
    async def app(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})
    """
    environ = {"ADAPTER_EVENT_PATH": "/events", "ADAPTER_LIFESPAN": "off"}
    runtime = Runtime(start(app, **environ), is_native=True)
    event = sqs_event("ü")
    assert runtime.invoke(event, streams=False).json == event
    response = runtime.invoke(EVENT_SOURCES[0].event("/events", method="POST"), streams=True)
    assert response.prelude["statusCode"] == 404
