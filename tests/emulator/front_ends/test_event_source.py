"""Requests through each event source, to a scripted runtime and back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from adapter.emulator.front_ends.cors import TWO_VALUES, Cors
from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.function_url import FunctionUrlSource
from adapter.emulator.front_ends.http_api import HttpApiSource
from adapter.emulator.front_ends.http_front_end import HttpFrontEnd
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.front_ends.load_balancer import LoadBalancerSource
from adapter.emulator.front_ends.rest_api import RestApiSource
from adapter.emulator.front_ends.signature import check_signature

from ..fidelity import Source, behaviour
from ..scripts import ECHO, STREAMED_ECHO, for_each_event
from .test_signature import ME, REGION, signed

if TYPE_CHECKING:
    from adapter.emulator.front_ends.event_source import EventSource

    from ..conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio

RESPOND = """
import json
c = Client()
while True:
    request_id, event = c.next()
    body = json.dumps({response}).encode()
    c.call("POST", f"{{API}}/invocation/{{request_id}}/response", body=body)
"""
FAIL = """
c = Client()
while True:
    request_id, event = c.next()
    c.call("POST", f"{API}/invocation/{request_id}/error", body=b'{}')
"""
ALL_SOURCES = [
    (FunctionUrlSource(streams=False), 502, b"Internal Server Error"),
    (RestApiSource(), 502, b'{"message": "Internal server error"}'),
    (RestApiSource(streams=True), 502, b'{"message": "Internal server error"}'),
    (HttpApiSource(), 500, b'{"message":"Internal Server Error"}'),
]


async def get(
    local: LocalFactory, script: str, source: EventSource, path: str = "/", **options: Any
) -> tuple[httpx.Response, Local]:
    """Send one request through a source."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with listening:
        async with local(script) as running:
            front = HttpFrontEnd(running.pool, FrontEndSettings(), running.console, source)
            async with serve(front, listening), httpx.AsyncClient(base_url=url) as client:
                method = options.pop("method", "GET")
                return await client.request(method, path, timeout=30, **options), running


@pytest.mark.parametrize(("source", "status", "body"), ALL_SOURCES)
@behaviour("A function error is 502, or 500 from an HTTP API", Source.DOCS)
async def test_a_function_error_is_the_error_of_the_source(
    local: LocalFactory, source: EventSource, status: int, body: bytes
) -> None:
    reply, _ = await get(local, FAIL, source)
    assert (reply.status_code, reply.content) == (status, body)


async def test_a_load_balancer_has_a_page_for_errors(local: LocalFactory) -> None:
    reply, _ = await get(local, FAIL, LoadBalancerSource())
    assert (reply.status_code, reply.headers["server"]) == (502, "awselb/2.0")
    assert reply.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("source", "added"),
    [
        (FunctionUrlSource(streams=False), "x-amzn-requestid"),
        (RestApiSource(), "x-amz-apigw-id"),
        (HttpApiSource(), "apigw-requestid"),
        (LoadBalancerSource(), "date"),
    ],
)
async def test_a_buffered_response_comes_back(
    local: LocalFactory, source: EventSource, added: str
) -> None:
    script = RESPOND.format(response={"statusCode": 201, "headers": {"X-A": "b"}, "body": "hi"})
    reply, _ = await get(local, script, source)
    assert (reply.status_code, reply.text, reply.headers["x-a"]) == (201, "hi", "b")
    assert added in reply.headers


@behaviour("A REST API with STREAM passes the stream on", Source.DOCS)
async def test_a_rest_api_streams(local: LocalFactory) -> None:
    reply, _ = await get(
        local, STREAMED_ECHO, RestApiSource(streams=True, stage="dev"), "/dev/x?a=1"
    )
    event = reply.json()
    assert event["path"] == "/x"
    assert event["requestContext"]["requestId"] == reply.headers["x-amzn-requestid"]
    assert reply.headers["transfer-encoding"] == "chunked"


@behaviour("A REST API with STREAM keeps a `Content-Length`", Source.DOCS)
async def test_a_stream_of_a_rest_api_may_have_a_length(local: LocalFactory) -> None:
    script = for_each_event(
        "c.stream(request_id)",
        """c.chunk('{"headers":{"content-length":"2"}}' + NULS + 'hi')""",
        "c.end()",
    )
    reply, _ = await get(local, script, RestApiSource(streams=True))
    assert (reply.headers["content-length"], reply.text) == ("2", "hi")
    assert "transfer-encoding" not in reply.headers


@behaviour(
    "No prelude for a STREAM integration: 500 by the documentation, 502 by reports",
    Source.REPORTS,
    "502, and a line in the log",
)
async def test_a_buffered_response_to_a_streaming_rest_api_is_explained(
    local: LocalFactory,
) -> None:
    reply, running = await get(local, ECHO, RestApiSource(streams=True))
    assert reply.status_code == 502
    assert "ADAPTER_INVOKE_MODE=response_stream" in running.log.getvalue()


@pytest.mark.parametrize("source", [HttpApiSource(), LoadBalancerSource()])
async def test_a_stream_that_a_source_cannot_pass_on_is_explained(
    local: LocalFactory, source: EventSource
) -> None:
    reply, running = await get(local, STREAMED_ECHO, source)
    assert reply.status_code >= 500
    assert "does not stream, and the function does" in running.log.getvalue()


@pytest.mark.parametrize(
    ("source", "status"), [(RestApiSource(stage="dev"), 403), (HttpApiSource(stage="dev"), 404)]
)
@behaviour("A path outside of the stage is 403, or 404 from an HTTP API", Source.REPORTS)
async def test_outside_of_its_stage_an_api_invokes_nothing(
    local: LocalFactory, source: EventSource, status: int
) -> None:
    reply, running = await get(local, ECHO, source, "/elsewhere")
    assert reply.status_code == status
    assert "START" not in running.log.getvalue()


@pytest.mark.parametrize(
    ("source", "body"),
    [
        (FunctionUrlSource(), "Request must be smaller than 6291456 bytes"),
        (RestApiSource(), "Request Too Long"),
        (HttpApiSource(), "Request Entity Too Large"),
    ],
)
@behaviour("Each source has its own 413", Source.REPORTS)
async def test_a_request_that_is_too_large_is_refused(
    local: LocalFactory, source: EventSource, body: str
) -> None:
    reply, _ = await get(local, ECHO, source, method="POST", content=b"x" * (6 << 20))
    assert reply.status_code == 413
    assert body in reply.text


@behaviour("A load balancer takes bodies of 1 MiB", Source.DOCS)
async def test_a_load_balancer_takes_bodies_of_one_mebibyte(local: LocalFactory) -> None:
    one = b"x" * (1 << 20)
    reply, _ = await get(local, FAIL, LoadBalancerSource(), method="POST", content=one)
    assert reply.status_code == 502
    reply, running = await get(local, FAIL, LoadBalancerSource(), method="POST", content=one + b"x")
    assert reply.status_code == 413
    assert "Responded 413: the request body has more than 1048576 bytes" in running.log.getvalue()


class Impatient(RestApiSource):
    response_timeout_seconds = 0.1


@behaviour(
    "A REST API gives up after 29 s, an HTTP API after 30 s; the function continues", Source.DOCS
)
async def test_an_api_gives_up_on_a_response_and_the_function_continues(
    local: LocalFactory,
) -> None:
    script = "import signal\n" + ECHO.replace("    assert", "    signal.pause()\n    assert")
    reply, running = await get(local, script, Impatient())
    assert (reply.status_code, reply.json()) == (504, {"message": "Endpoint request timed out"})
    assert "The function keeps running" in running.log.getvalue()


ORIGIN = {"Origin": "https://shop.example"}


async def test_a_url_responds_to_a_preflight_request_itself(local: LocalFactory) -> None:
    source = FunctionUrlSource(cors=Cors(("*",), ("*",)))
    headers = {**ORIGIN, "Access-Control-Request-Method": "PUT"}
    reply, running = await get(local, STREAMED_ECHO, source, method="OPTIONS", headers=headers)
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, "*")
    assert "START" not in running.log.getvalue()


@behaviour(
    "The URL's `Cors` headers are added to the app's",
    Source.REPORTS,
    "the same, and a line in the log",
)
async def test_an_app_with_cors_of_its_own_gets_two_values_and_an_explanation(
    local: LocalFactory,
) -> None:
    script = for_each_event(
        "c.stream(request_id)",
        """c.chunk('{"headers":{"Access-Control-Allow-Origin":"*"}}' + NULS)""",
        "c.end()",
    )
    reply, running = await get(local, script, FunctionUrlSource(cors=Cors(("*",))), headers=ORIGIN)
    assert reply.headers.get_list("access-control-allow-origin") == ["*", "*"]
    assert running.log.lines.count(TWO_VALUES) == 1
    reply, running = await get(
        local, script, FunctionUrlSource(cors=Cors(("*",)))
    )  # of no other origin
    assert reply.headers.get_list("access-control-allow-origin") == ["*"]
    assert TWO_VALUES not in running.log.lines


def signed_source() -> FunctionUrlSource:
    return FunctionUrlSource(check_caller=partial(check_signature, credentials=ME, region=REGION))


async def test_a_signed_request_passes_and_the_event_names_the_caller(local: LocalFactory) -> None:
    request = signed("/x", "a=1", b"{}")
    headers = [(n, v) for n, v in request.headers if n != b"user-agent"]
    reply, _ = await get(
        local,
        STREAMED_ECHO,
        signed_source(),
        "/x?a=1",
        method="POST",
        content=b"{}",
        headers=headers,
    )
    context = reply.json()["requestContext"]
    assert context["authorizer"]["iam"]["accessKey"] == ME.access_key
    assert context["accountId"] == context["authorizer"]["iam"]["accountId"]


async def test_a_request_without_a_signature_is_forbidden(local: LocalFactory) -> None:
    reply, running = await get(local, STREAMED_ECHO, signed_source(), "/x")
    assert (reply.status_code, reply.json()) == (403, {"Message": "Forbidden"})
    assert reply.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert "no SigV4 signature" in running.log.getvalue()
