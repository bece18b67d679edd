"""What the runtime of a concurrent environment sees of its Runtime API."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import h11
import pytest

from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.outcome import EndOfResponse, InvocationFailure, ResponseStart
from adapter.emulator.runtime_api.concurrent_api import MAX_REPORT_BYTES, ConcurrentApi
from adapter.emulator.runtime_api.concurrent_state import Phase

from ..calls import CHUNKED, ERROR, INIT_ERROR, NEXT, RESPONSE, STREAMING, TRAILER
from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..conftest import Api, ApiFactory, RawConnection, RawReply

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(serve_api: ApiFactory) -> AsyncIterator[tuple[Api, ConcurrentApi]]:
    async with serve_api(ConcurrentApi) as api:
        assert isinstance(api.api, ConcurrentApi)
        yield api, api.api


@asynccontextmanager
async def an_invocation(request_id: str) -> AsyncIterator[LocalInvocation]:
    invocation = LocalInvocation(b"{}", request_id=request_id, trace_id="")
    async with invocation.body:
        try:
            yield invocation
        finally:
            invocation.fail(InvocationFailure("Test.Over"))


async def waiting(server: ConcurrentApi, runtime: RawConnection) -> None:
    """Have the runtime ask for an event, and wait until that has been heard."""
    idle = server.state.waiting
    await runtime.send(NEXT)
    while server.state.waiting == idle:
        await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def running(
    api: Api, server: ConcurrentApi, request_id: str = "id-1"
) -> AsyncIterator[tuple[RawConnection, LocalInvocation]]:
    async with api.connect() as runtime, an_invocation(request_id) as invocation:
        await waiting(server, runtime)
        assert server.deliver(invocation)
        assert (await runtime.reply()).status == 200
        yield runtime, invocation


async def read_all(invocation: LocalInvocation) -> bytes:
    return b"".join([chunk async for chunk in invocation.body])


def refusal(reply: RawReply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["errorType"]


UNKNOWN = (400, "InvalidRequestID")
LATE = (410, "InvokeTimeout")


@behaviour("`next` has all headers, some empty", Source.SERVER)
async def test_headers_without_a_value_are_empty(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        api.connect() as runtime,
        an_invocation("id-1") as invocation,
    ):
        await waiting(server, runtime)
        server.deliver(invocation)
        reply = await runtime.reply()
    told = ("trace-id", "client-context", "cognito-identity")
    assert [reply.headers[f"lambda-runtime-{name}"] for name in told] == ["", "", ""]
    assert reply.headers["lambda-runtime-aws-request-id"] == "id-1"
    assert reply.headers["content-type"] == "application/json"


@behaviour("Waiting calls of `next` are a queue", Source.SERVER)
async def test_the_first_next_gets_the_first_event(serve_api: ApiFactory) -> None:
    async with serving(serve_api) as (api, server), AsyncExitStack() as stack:
        runtimes = [await stack.enter_async_context(api.connect()) for _ in range(3)]
        for runtime in runtimes:
            await waiting(server, runtime)
        for number, runtime in enumerate(runtimes):
            request_id = f"id-{number}"
            server.deliver(await stack.enter_async_context(an_invocation(request_id)))
            reply = await runtime.reply()
            assert reply.headers["lambda-runtime-aws-request-id"] == request_id


@behaviour("More invocations than waiting calls are `Runtime.Unavailable`", Source.SERVER)
async def test_more_invocations_than_were_asked_for_are_refused(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server),
        an_invocation("id-2") as refused,
    ):
        assert not server.deliver(refused)
        start = await refused.wait_for_start()
        assert isinstance(start, InvocationFailure)
        assert start.error_type == "Runtime.Unavailable"


async def test_a_runtime_that_disconnects_gets_no_event(serve_api: ApiFactory) -> None:
    async with serving(serve_api) as (api, server), api.connect() as runtime:
        await waiting(server, runtime)
        await runtime.aclose()
        while server.state.waiting:
            await anyio.lowlevel.checkpoint()
        async with an_invocation("id-1") as invocation:
            assert not server.deliver(invocation)


async def test_responses_may_come_in_any_order_on_any_connection(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server, "id-1") as (first, one),
        running(api, server, "id-2") as (second, two),
    ):
        await first.send(RESPONSE.format("id-2"), STREAMING, CHUNKED, body=b"1\r\nb\r\n")
        assert await anext(two.body) == b"b"
        await second.send(RESPONSE.format("id-1"), "Content-Length: 1", body=b"a")
        assert await read_all(one) == b"a"
        assert (await second.reply()).status == 202
        assert await one.wait_for_start() == ResponseStart("application/octet-stream")
        assert one.done.is_set()
        assert not two.done.is_set()
        await first.more(b"0\r\n\r\n")
        assert (await first.reply()).status == 202


async def test_next_may_be_called_while_a_response_streams(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        running(api, server, "id-2") as (other, another),
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"1\r\nx\r\n")
        await invocation.wait_for_start()
        assert (await other.call(ERROR.format("id-2"), body=b"{}")).status == 202
        await waiting(server, other)
        assert another.done.is_set()


async def test_a_response_is_accepted_once(serve_api: ApiFactory) -> None:
    async with serving(serve_api) as (api, server), running(api, server) as (runtime, _):
        assert (await runtime.call(RESPONSE.format("id-1"))).status == 202
        for line in (RESPONSE, ERROR):
            assert refusal(await runtime.call(line.format("id-1"))) == UNKNOWN
            assert refusal(await runtime.call(line.format("never-there"))) == UNKNOWN


@behaviour("A second response is 400 at once", Source.SERVER)
async def test_a_second_response_while_the_first_streams_is_refused(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"1\r\nx\r\n")
        await invocation.wait_for_start()
        assert refusal(await other.call(RESPONSE.format("id-1"))) == UNKNOWN
        await runtime.more(b"0\r\n\r\n")
        assert await read_all(invocation) == b"x"
        assert (await runtime.reply()).status == 202


@behaviour(
    "`/error` replaces a response that is being read",
    Source.SERVER,
    "at once, not at its next bytes",
)
async def test_an_error_report_replaces_a_response(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED)
        while server.state.phase("id-1") is not Phase.RESPONDING:
            await anyio.lowlevel.checkpoint()
        error_type = "Lambda-Runtime-Function-Error-Type: Function.Boom"
        assert (await other.call(ERROR.format("id-1"), error_type, body=b"{}")).status == 202
        assert await invocation.wait_for_start() == InvocationFailure("Function.Boom", b"{}", "")
        assert invocation.done.is_set()
        with pytest.raises(h11.RemoteProtocolError):  # closed without a response
            await runtime.reply()


@behaviour("An `/error` over 1 MiB is 413, and the invocation stays open", Source.SERVER)
async def test_a_smaller_error_report_may_follow_one_that_is_too_large(
    serve_api: ApiFactory,
) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        reply = await runtime.call(ERROR.format("id-1"), body=b"x" * (MAX_REPORT_BYTES + 1))
        assert refusal(reply) == (413, "RequestEntityTooLarge")
        assert reply.headers["connection"] == "close"
        assert not invocation.done.is_set()
        assert (await other.call(ERROR.format("id-1"), body=b"{}")).status == 202
        assert invocation.done.is_set()


@behaviour("A truncated `/error` is 413, and the invocation stays open", Source.SERVER)
async def test_a_truncated_error_report_leaves_the_invocation_open(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        await runtime.send(ERROR.format("id-1"), "Content-Length: 10", body=b"{")
        await runtime.half_close()
        assert refusal(await runtime.reply()) == (413, "RequestEntityTooLarge")
        assert not invocation.done.is_set()
        assert (await other.call(ERROR.format("id-1"), body=b"{}")).status == 202


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Function.Err404", "Function.Err404"),
        ("Function.x", "Function.Unknown"),
        ("TypeError", "Runtime.Unknown"),
    ],
)
@behaviour(
    "The type trailer becomes a known type; a body that is not base64 is dropped", Source.SERVER
)
async def test_the_type_trailer_is_reduced_to_a_known_one(
    serve_api: ApiFactory, sent: str, kept: str
) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, TRAILER)
        trailers = f"Lambda-Runtime-Function-Error-Type: {sent}\r\n"
        body = "Lambda-Runtime-Function-Error-Body: no base64!\r\n"
        await runtime.more(f"0\r\n{trailers}{body}\r\n".encode())
        assert (await runtime.reply()).status == 202
        assert invocation.end == (EndOfResponse.COMPLETE, kept, "")


async def test_an_unknown_response_mode_ends_the_invocation_only(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
    ):
        mode = "Lambda-Runtime-Function-Response-Mode: buffered"
        reply = await runtime.call(RESPONSE.format("id-1"), mode)
        assert refusal(reply) == (400, "InvalidFunctionResponseMode")
        assert await invocation.wait_for_start() == InvocationFailure(
            "Runtime.InvalidResponseModeHeader"
        )
        await waiting(server, runtime)


async def test_a_truncated_response_ends_the_invocation_only(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"zz\r\n")
        assert refusal(await runtime.reply()) == (400, "TruncatedHTTPRequest")
        assert invocation.end == (EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse", "")
        assert invocation.done.is_set()
        await waiting(server, other)


@pytest.mark.parametrize("line", [RESPONSE, ERROR])
async def test_a_response_to_an_earlier_delivery_gets_a_410_and_the_current_one_is_accepted(
    serve_api: ApiFactory, line: str
) -> None:
    name = "Lambda-Runtime-Invocation-Id"
    async with (
        serving(serve_api) as (api, server),
        api.connect() as runtime,
        an_invocation("id-1") as invocation,
    ):
        await waiting(server, runtime)
        server.deliver(invocation)
        right = (await runtime.reply()).headers[name.lower()]
        assert refusal(await runtime.call(line.format("id-1"), f"{name}: another")) == LATE
        assert server.state.phase("id-1") is Phase.RUNNING
        assert (await runtime.call(line.format("id-1"), f"{name}: {right}")).status == 202


@pytest.mark.parametrize("line", [RESPONSE, ERROR])
@behaviour("A late response is 410 once, then 400", Source.SERVER)
async def test_a_late_response_gets_a_410_once(serve_api: ApiFactory, line: str) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
    ):
        assert not server.time_out(invocation)  # the environment goes on
        start = await invocation.wait_for_start()
        assert isinstance(start, InvocationFailure)
        assert json.loads(start.payload) == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "Task timed out after 30.00 seconds",
        }
        assert refusal(await runtime.call(line.format("id-1"))) == LATE
        assert refusal(await runtime.call(line.format("id-1"))) == UNKNOWN
        await waiting(server, runtime)


@behaviour("A response that is being read at the timeout", Source.OPEN, "cut off, with 410")
async def test_a_response_that_is_being_read_at_the_timeout_is_cut_off(
    serve_api: ApiFactory,
) -> None:
    async with (
        serving(serve_api) as (api, server),
        running(api, server) as (runtime, invocation),
        api.connect() as other,
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"1\r\nx\r\n")
        assert await anext(invocation.body) == b"x"
        server.time_out(invocation)
        assert invocation.end == (EndOfResponse.TRUNCATED, "Sandbox.Timedout", "")
        reply = await runtime.reply()
        assert refusal(reply) == LATE
        assert reply.headers["connection"] == "close"
        assert refusal(await other.call(ERROR.format("id-1"))) == UNKNOWN


async def test_a_failed_init_is_reported_once(serve_api: ApiFactory) -> None:
    async with serving(serve_api) as (api, server), api.connect() as runtime:
        assert (await runtime.call(INIT_ERROR, body=b"{}")).status == 202
        assert server.init_failure is not None
        assert not server.usable
        reply = await runtime.call(INIT_ERROR, body=b"{}")
        assert refusal(reply) == (403, "InvalidStateTransition")
        assert json.loads(reply.body)["errorMessage"] == (
            "State transition from InitError to InitError failed for runtime. "
            "Error: state transition is not allowed"
        )


async def test_the_init_is_over_when_the_runtime_calls_next(serve_api: ApiFactory) -> None:
    async with (
        serving(serve_api) as (api, server),
        api.connect() as runtime,
        api.connect() as other,
    ):
        await waiting(server, runtime)
        assert server.initialised.is_set()
        assert refusal(await other.call(INIT_ERROR, body=b"{}")) == (403, "InvalidStateTransition")
