from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..calls import ERROR, INIT_ERROR, NEXT, REGISTER, RESPONSE
from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from ..conftest import ApiFactory

pytestmark = pytest.mark.anyio


@behaviour("`GET /ping` is `pong`", Source.SERVER)
async def test_ping(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call("GET /2018-06-01/ping HTTP/1.1")
        assert (reply.status, reply.body) == (200, b"pong")


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1",
        "GET /2018-06-01/runtime/invocation/next/ HTTP/1.1",
        "GET /2018-06-01/runtime/restore/next HTTP/1.1",
        "POST /2018-06-01/runtime/invocation/a/b/response HTTP/1.1",
    ],
)
@behaviour("An unknown path is 404 in plain text", Source.SERVER)
async def test_an_unknown_path_is_not_found(serve_api: ApiFactory, line: str) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call(line)
        assert (reply.status, reply.body) == (404, b"404 page not found\n")
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "name"), [("/2020-08-15/logs", "Logs"), ("/2022-07-01/telemetry", "Telemetry")]
)
@behaviour(
    "Subscriptions to telemetry and logs are 202, and say `…NotSupported`",
    Source.SERVER,
    "the same; Lambda has both APIs",
)
async def test_the_telemetry_apis_accept_a_subscription_and_say_that_they_do_not_exist(
    serve_api: ApiFactory, path: str, name: str
) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call(f"PUT {path} HTTP/1.1", "Content-Length: 2", body=b"{}")
        assert reply.status == 202
        assert json.loads(reply.body) == {
            "errorMessage": f"{name} API is not supported",
            "errorType": f"{name}.NotSupported",
        }


@pytest.mark.parametrize("line", [NEXT.replace("GET", "POST"), INIT_ERROR.replace("POST", "GET")])
@behaviour("A wrong method is 405 without a body", Source.SERVER)
async def test_a_wrong_method_is_not_allowed(serve_api: ApiFactory, line: str) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call(line)
        assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize("line", ["GET /2018-06-01/ping HTTP/1.1", NEXT, "GET / HTTP/1.1"])
async def test_a_page_of_another_host_is_refused(serve_api: ApiFactory, line: str) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call(line, "Host: rebound.example:9001")
        assert reply.status == 403
        assert b"localhost only" in reply.body
        assert not api.api.next_called.is_set()


@pytest.mark.parametrize("line", ["GET /2018-06-01/ping HTTP/1.1", NEXT, INIT_ERROR])
@pytest.mark.parametrize(
    "header", ["Origin: null", "Origin: http://127.0.0.1:8000", "Sec-Fetch-Site: cross-site"]
)
@behaviour(
    "No browser reaches the Runtime API",
    Source.DOCS,
    "403 for its requests, and for another `Host`",
)
async def test_a_request_from_a_browser_is_refused(
    serve_api: ApiFactory, line: str, header: str
) -> None:
    async with serve_api() as api, api.connect() as runtime:
        reply = await runtime.call(line, header)
        assert reply.status == 403
        assert b"refuses requests from browsers" in reply.body
        assert not api.api.next_called.is_set()
        assert api.api.init_failure is None


async def test_garbage_is_a_bad_request(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        await runtime.more(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert (await runtime.reply()).status == 400


async def test_half_of_a_surrogate_pair_is_refused_and_the_server_continues(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime:
        body = b'{"events":["\\ud800"]}'
        reply = await runtime.call(REGISTER, "Lambda-Extension-Name: x", body=body)
        assert reply.status == 403
        assert json.loads(reply.body)["errorMessage"].startswith("\ufffd: ")
        assert (await runtime.call("GET /2018-06-01/ping HTTP/1.1")).body == b"pong"


WORDS = [
    NEXT.encode() + b"\r\nHost: localhost\r\n\r\n",
    RESPONSE.format("id-1").encode() + b"\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    ERROR.format("id-1").encode() + b"\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n",
    REGISTER.encode() + b"\r\nLambda-Extension-Name: x\r\nContent-Length: 3\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /2018-06-01/ping HTTP/1.0\r\n\r\n",
    b"GET /2018-06-01/ping HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: x\r\n"
    b"\r\n",
    b"HEAD /2018-06-01/ping HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"[[[",
]


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(pieces=st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=8))
async def test_nothing_a_runtime_sends_breaks_the_server(
    serve_api: ApiFactory, pieces: list[bytes]
) -> None:
    async with serve_api() as api, api.connect() as runtime, api.connect() as other:
        await runtime.more(b"".join(pieces))
        await runtime.aclose()
        assert (await other.call("GET /2018-06-01/ping HTTP/1.1")).body == b"pong"
