from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import h11
import pytest

from adapter.emulator.local_invocation import MAX_PAYLOAD_BYTES, LocalInvocation
from adapter.emulator.outcome import EndOfResponse, InvocationFailure, ResponseStart
from adapter.emulator.runtime_api.bandwidth import BURST_BYTES

from ..calls import (
    CHUNKED,
    ERROR,
    INIT_ERROR,
    NEXT,
    REGISTER,
    RESPONSE,
    RESTORE_ERROR,
    RESTORE_NEXT,
    STREAMING,
    TRAILER,
    TRAILERS,
    refused,
)
from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..conftest import Api, ApiFactory, RawConnection

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:function"

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(
    api: Api, runtime: RawConnection, **options: object
) -> AsyncIterator[LocalInvocation]:
    """Bring the runtime into the state Running."""
    invocation = LocalInvocation(b'{"a":1}', request_id="id-1", trace_id="Root=1", **options)  # type: ignore[arg-type]
    await runtime.send(NEXT)
    await api.api.next_called.wait()
    api.api.deliver(invocation)
    assert (await runtime.reply()).status == 200
    async with invocation.body:
        try:
            yield invocation
        finally:
            invocation.fail(InvocationFailure("Test.Over"))


async def read_all(invocation: LocalInvocation) -> bytes:
    return b"".join([chunk async for chunk in invocation.body])


@behaviour("`next` has only headers that have a value", Source.SERVER)
async def test_an_event_comes_with_its_headers(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        await runtime.send(NEXT)
        await api.api.initialised.wait()
        invocation = LocalInvocation(b'{"a":1}', request_id="id-1", trace_id="Root=1")
        api.api.deliver(invocation)
        reply = await runtime.reply()
        assert (reply.status, reply.body) == (200, b'{"a":1}')
        expected = {
            "content-type": "application/json",
            "content-length": "7",
            "lambda-runtime-aws-request-id": "id-1",
            "lambda-runtime-deadline-ms": str(invocation.deadline_ms),
            "lambda-runtime-invoked-function-arn": ARN,
            "lambda-runtime-trace-id": "Root=1",
        }
        assert expected.items() <= reply.headers.items()
        invocation.fail(InvocationFailure("Test.Over"))
        invocation.body.close()


@behaviour("A line break in the value of a header is a space", Source.SERVER)
async def test_a_client_context_cannot_add_a_header(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        await runtime.send(NEXT)
        await api.api.initialised.wait()
        invocation = LocalInvocation(
            b"{}", request_id="id-1", trace_id="", client_context="1\r\nX-Added: \u00e9"
        )
        api.api.deliver(invocation)
        reply = await runtime.reply()
        assert reply.status == 200
        assert reply.headers["lambda-runtime-client-context"].startswith("1  X-Added: ")
        assert "x-added" not in reply.headers
        invocation.fail(InvocationFailure("Test.Over"))


@behaviour("An event is cut at 6 MiB + 100 bytes", Source.SERVER)
async def test_an_event_is_truncated_at_its_limit(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        await runtime.send(NEXT)
        await api.api.initialised.wait()
        invocation = LocalInvocation(b"x" * (MAX_PAYLOAD_BYTES + 1), request_id="a", trace_id="")
        api.api.deliver(invocation)
        assert len((await runtime.reply()).body) == MAX_PAYLOAD_BYTES
        invocation.fail(InvocationFailure("Test.Over"))
        invocation.body.close()


@behaviour("`next` while an event is served gives the same event again", Source.SERVER)
async def test_next_again_while_running_gives_the_same_event(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime):
        again = await runtime.call(NEXT)
        assert (again.status, again.body) == (200, b'{"a":1}')
        assert again.headers["lambda-runtime-aws-request-id"] == "id-1"


def nonce(value: str) -> str:
    return f"Lambda-Runtime-Invocation-Id: {value}"


async def test_every_delivery_has_a_new_nonce(serve_api: ApiFactory) -> None:
    name = "lambda-runtime-invocation-id"
    seen = set()
    for _ in range(2):  # one request twice, as when AWS tries it again elsewhere
        async with serve_api() as api, api.connect() as runtime, running(api, runtime):
            first, again = await runtime.call(NEXT), await runtime.call(NEXT)
            assert first.headers[name] == again.headers[name] != ""
            seen.add(first.headers[name])
    assert len(seen) == 2


@pytest.mark.parametrize("line", [RESPONSE, ERROR])
@behaviour(
    "A stale `Lambda-Runtime-Invocation-Id` is 410",
    Source.REPORTS,
    "410; without the header there is no check",
)
async def test_a_response_to_an_earlier_delivery_gets_a_410_and_the_current_one_is_accepted(
    serve_api: ApiFactory, line: str
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        right = (await runtime.call(NEXT)).headers["lambda-runtime-invocation-id"]
        stale = await runtime.call(line.format("id-1"), nonce("another"), body=b"late")
        assert stale.status == 410
        assert json.loads(stale.body)["errorType"] == "InvokeTimeout"
        assert invocation.end is None
        assert (await runtime.call(line.format("other"), nonce("another"))).status == 400
        assert (await runtime.call(line.format("id-1"), nonce(right))).status == 202


async def test_a_buffered_response_is_accepted(serve_api: ApiFactory) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        running(api, runtime) as invocation,
        anyio.create_task_group() as tasks,
    ):
        path = RESPONSE.format("id-1")
        await runtime.send(path, "Content-Type: application/json", "Content-Length: 2", body=b"{}")
        assert await invocation.wait_for_start() == ResponseStart("application/json")
        assert await read_all(invocation) == b"{}"
        reply = await runtime.reply()
        assert (reply.status, reply.body) == (202, b'{"status":"OK"}\n')
        assert reply.headers["content-type"] == "application/json"
        assert invocation.end is not None
        assert invocation.end.clean
        assert not invocation.done.is_set()
        tasks.start_soon(runtime.send, NEXT)
        await invocation.done.wait()


@behaviour("Chunks are passed on as they arrive", Source.SERVER)
async def test_chunks_arrive_as_they_are_sent(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, "Content-Type: a/b")
        for piece in (b"one", b"two", b"three"):
            await runtime.more(b"%x\r\n%s\r\n" % (len(piece), piece))
            assert await anext(invocation.body) == piece
        await runtime.more(b"0\r\n\r\n")
        assert (await runtime.reply()).status == 202
        assert await invocation.wait_for_start() == ResponseStart("a/b")
        assert await read_all(invocation) == b""


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"what?\r\n"], ids=["whole", "broken"])
@behaviour("Chunks that arrive together may be joined", Source.SERVER)
async def test_chunks_that_arrive_faster_than_they_are_read_are_joined(
    serve_api: ApiFactory, end: bytes
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        head = (RESPONSE.format("id-1"), STREAMING, CHUNKED, "Content-Type: a/b")
        few, many = [b"a", b"b"], [b"%05d" % number for number in range(10_000)]
        await runtime.send(*head, body=b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in few))
        assert [await anext(invocation.body) for _ in few] == few
        await runtime.more(b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in many) + end)
        pieces = [piece async for piece in invocation.body]
        assert b"".join(pieces) == b"".join(many)
        assert len(pieces) < len(many) / 2
        assert invocation.end is not None
        assert invocation.end.clean is (end[:1] == b"0")


@pytest.mark.parametrize(
    "declared", [[TRAILER], TRAILER.replace("Type, ", "Type|Trailer: ").split("|")]
)
@behaviour("Error trailers become the error of the response", Source.SERVER)
async def test_declared_trailers_are_the_error(serve_api: ApiFactory, declared: list[str]) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, *declared)
        await runtime.more(TRAILERS)
        assert (await runtime.reply()).status == 202
        assert invocation.end == (EndOfResponse.COMPLETE, "Function.Boom", "e30=")
        assert not invocation.end.clean


@behaviour(
    "Any non-empty `Trailer` admits all trailers; of a repeated one the first counts", Source.SERVER
)
async def test_one_declared_trailer_admits_all_and_the_first_value_counts(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, "Trailer: X-Other")
        again = b"Lambda-Runtime-Function-Error-Type: Function.Second\r\n\r\n"
        await runtime.more(TRAILERS.removesuffix(b"\r\n") + again)
        assert (await runtime.reply()).status == 202
        assert invocation.end == (EndOfResponse.COMPLETE, "Function.Boom", "e30=")


@pytest.mark.parametrize("declared", [[], ["Trailer: "], ["Trailer: , "]])
@behaviour("Without `Trailer`, trailers are lost, and the response is complete", Source.SERVER)
async def test_undeclared_trailers_are_lost(serve_api: ApiFactory, declared: list[str]) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, *declared)
        await runtime.more(TRAILERS)
        assert (await runtime.reply()).status == 202
        assert invocation.end is not None
        assert invocation.end.clean


@behaviour("Trailers of more than 4 KiB are a truncated body", Source.SERVER)
async def test_trailers_of_more_than_four_kibibytes_are_a_broken_body(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, TRAILER)
        await runtime.more(b"0\r\nLambda-Runtime-Function-Error-Body: " + b"x" * 5000 + b"\r\n\r\n")
        reply = await runtime.reply()
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert json.loads(reply.body) == {
            "errorMessage": "HTTP request detected as truncated",
            "errorType": "TruncatedHTTPRequest",
        }
        assert invocation.end == (EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse", "")


@behaviour("A truncated response is 400 and cannot be sent again", Source.SERVER)
async def test_a_truncated_response_cannot_be_sent_again(serve_api: ApiFactory) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        api.connect() as other,
        running(api, runtime) as invocation,
    ):
        await runtime.send(RESPONSE.format("id-1"), "Content-Length: 2", body=b"{")
        assert await anext(invocation.body) == b"{"
        await runtime.aclose()
        again = await other.call(RESPONSE.format("id-1"), body=b"{}")
        assert refused(again) == "RuntimeResponseSentState to InvocationResponse"
        await other.send(NEXT)
        await invocation.done.wait()
        assert invocation.end == (EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse", "")


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nab"])
async def test_after_a_truncated_body_the_environment_serves_the_next_invocation(
    serve_api: ApiFactory, rest: bytes
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"1\r\nx\r\n" + rest)
        await runtime.half_close()
        async for _ in invocation.body:
            pass
        assert (await runtime.reply()).status == 400
        assert invocation.end is not None
        assert invocation.end.completeness is EndOfResponse.TRUNCATED
        async with api.connect() as another:
            await another.send(NEXT)
            await invocation.done.wait()


@pytest.mark.parametrize("mode", ["Streaming", "buffered", "x"])
@behaviour("An unknown response mode is 400, and the environment is lost", Source.SERVER)
async def test_an_unknown_response_mode_blocks_the_environment(
    serve_api: ApiFactory, mode: str
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        header = f"Lambda-Runtime-Function-Response-Mode: {mode}"
        reply = await runtime.call(RESPONSE.format("id-1"), header)
        assert reply.status == 400
        assert json.loads(reply.body)["errorType"] == "InvalidFunctionResponseMode"
        assert await invocation.wait_for_start() == InvocationFailure(
            "Runtime.InvalidResponseModeHeader"
        )
        again = await runtime.call(RESPONSE.format("id-1"))
        assert refused(again) == "InvocationResponse to InvocationResponse"
        assert refused(await runtime.call(NEXT)) == "InvocationResponse to Ready"


@behaviour("A wrong request id is 400 and harms nothing", Source.SERVER)
async def test_a_wrong_id_is_refused_and_the_right_one_still_works(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        unknown_id = await runtime.call(RESPONSE.format("id-1"))
        async with running(api, runtime) as invocation:
            for line in (RESPONSE, ERROR):
                reply = await runtime.call(line.format("id-2"))
                assert (reply.status, reply.body) == (unknown_id.status, unknown_id.body)
            assert unknown_id.body == (
                b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'
            )
            assert (await runtime.call(ERROR.format("id-1"), body=b"{}")).status == 202
            assert isinstance(await invocation.wait_for_start(), InvocationFailure)


@behaviour("A second response is 403 with the names of both states", Source.SERVER)
async def test_calls_after_the_response_are_refused(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime):
        assert (await runtime.call(RESPONSE.format("id-1"))).status == 202
        state = "RuntimeResponseSentState"
        again = await runtime.call(RESPONSE.format("id-1"))
        assert refused(again) == f"{state} to InvocationResponse"
        report = await runtime.call(ERROR.format("id-1"))
        assert refused(report) == f"{state} to InvocationErrorResponse"
        assert refused(await runtime.call(INIT_ERROR)) == f"{state} to InitError"


@behaviour("While a response is read, `next` is 403 and `/error` waits", Source.SERVER)
async def test_while_a_response_is_read_next_is_refused_and_an_error_report_waits(
    serve_api: ApiFactory,
) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        api.connect() as other,
        running(api, runtime) as invocation,
    ):
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED, body=b"1\r\nx\r\n")
        await invocation.wait_for_start()
        assert refused(await other.call(NEXT)) == "InvocationResponse to Ready"
        await other.send(ERROR.format("id-1"), "Content-Length: 0")
        with anyio.move_on_after(0.05) as waiting:
            await other.reply()
        assert waiting.cancelled_caught
        await runtime.more(b"0\r\n\r\n")
        assert await read_all(invocation) == b"x"
        assert (await runtime.reply()).status == 202
        hung = await other.reply()
        assert refused(hung) == "RuntimeResponseSentState to InvocationErrorResponse"


async def test_a_reported_error_fails_the_invocation(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        reply = await runtime.call(
            ERROR.format("id-1"),
            "Content-Type: application/json",
            "Lambda-Runtime-Function-Error-Type: Function.Boom",
            body=b'{"errorMessage":"m"}',
        )
        assert reply.status == 202
        failure = await invocation.wait_for_start()
        assert failure == InvocationFailure(
            "Function.Boom", b'{"errorMessage":"m"}', "application/json"
        )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"errorType":"E","errorCause":{"a":1}}', b'{"errorType": "E"}'),
        (b"nonsense", b"Invalid error body"),
        (b"[]", b"Invalid error body"),
    ],
)
async def test_the_cause_is_removed_from_an_error_report(
    serve_api: ApiFactory, sent: bytes, kept: bytes
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        kind = "Content-Type: application/vnd.aws.lambda.error.cause+json"
        await runtime.call(ERROR.format("id-1"), kind, body=sent)
        failure = await invocation.wait_for_start()
        assert isinstance(failure, InvocationFailure)
        assert failure.payload == kept


@behaviour(
    "An oversized response is cut one byte above its limit; the runtime gets 413", Source.SERVER
)
async def test_a_response_over_its_limit_is_truncated_and_refused(serve_api: ApiFactory) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        running(api, runtime, max_bytes=10) as invocation,
    ):
        await runtime.send(
            RESPONSE.format("id-1"),
            STREAMING,
            CHUNKED,
            body=b"14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n",
        )
        assert await read_all(invocation) == b"x" * 11
        reply = await runtime.reply()
        assert reply.status == 413
        assert json.loads(reply.body) == {
            "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "RequestEntityTooLarge",
        }
        assert invocation.end == (EndOfResponse.OVERSIZED, "Function.ResponseSizeTooLarge", "")
        await runtime.send(NEXT)
        await invocation.done.wait()


@pytest.mark.parametrize("streaming", [True, False])
@behaviour(
    "A stream has 6 MiB at once, then 2 MiB/s", Source.SERVER, "the same; `--no-throttle` lifts it"
)
async def test_more_than_the_burst_arrives_whole(serve_api: ApiFactory, streaming: bool) -> None:
    size = BURST_BYTES + 10
    async with (
        serve_api() as api,
        api.connect() as runtime,
        running(api, runtime, streaming=streaming) as invocation,
        anyio.create_task_group() as tasks,
    ):
        await runtime.send(RESPONSE.format("id-1"), f"Content-Length: {size}")
        tasks.start_soon(runtime.more, b"x" * size)
        assert await read_all(invocation) == b"x" * size
        assert (await runtime.reply()).status == 202


@behaviour("In a buffered invocation, trailers count only with the mode header", Source.SERVER)
async def test_with_a_buffered_invocation_trailers_need_the_mode_header(
    serve_api: ApiFactory,
) -> None:
    for mode, error_type in (([STREAMING], "Function.Boom"), ([], "")):
        async with (
            serve_api() as api,
            api.connect() as runtime,
            running(api, runtime, streaming=False) as invocation,
        ):
            await runtime.send(RESPONSE.format("id-1"), *mode, CHUNKED, TRAILER)
            await runtime.more(TRAILERS)
            assert (await runtime.reply()).status == 202
            assert invocation.end is not None
            assert invocation.end.error_type == error_type


@behaviour("An oversized `/error` closes the connection, and `next` is 403", Source.SERVER)
async def test_after_an_error_report_over_the_limit_the_connection_closes_and_next_is_refused(
    serve_api: ApiFactory,
) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        running(api, runtime, streaming=False) as invocation,
        api.connect() as other,
    ):
        with pytest.raises(h11.RemoteProtocolError):  # closed without a response
            await runtime.call(ERROR.format("id-1"), body=b"x" * (MAX_PAYLOAD_BYTES + 1))
        assert await invocation.wait_for_start() == InvocationFailure(
            "Function.ResponseSizeTooLarge"
        )
        assert refused(await other.call(NEXT)) == "InvocationErrorResponse to Ready"


async def test_an_error_report_of_a_streamed_invocation_may_be_larger(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        body = b"x" * (MAX_PAYLOAD_BYTES + 1)
        assert (await runtime.call(ERROR.format("id-1"), body=body)).status == 202
        failure = await invocation.wait_for_start()
        assert isinstance(failure, InvocationFailure)
        assert failure.payload == body


@behaviour("A truncated `/error` is 202 and keeps its type", Source.SERVER)
async def test_a_truncated_error_report_is_accepted_with_its_type(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        kind = "Lambda-Runtime-Function-Error-Type: Function.Err404"
        await runtime.send(ERROR.format("id-1"), kind, "Content-Length: 10", body=b"{")
        await runtime.half_close()
        reply = await runtime.reply()
        assert (reply.status, reply.body) == (202, b'{"status":"OK"}\n')
        assert await invocation.wait_for_start() == InvocationFailure("Function.Err404", b"", "")


@pytest.mark.parametrize(
    "line", [b"5\nhello", b"11111111111111111\r\nhello", b"00000000000000005\r\nhello", b"\r\n"]
)
@pytest.mark.parametrize("with_head", [True, False])
@behaviour("A chunk size with a bare LF or of 17 digits is 400", Source.SERVER)
async def test_a_chunk_size_that_go_refuses_is_a_truncated_body(
    serve_api: ApiFactory, line: bytes, with_head: bool
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(
            RESPONSE.format("id-1"), STREAMING, CHUNKED, body=line if with_head else b""
        )
        if not with_head:
            await runtime.more(b"1\r\nx\r\n")
            assert await anext(invocation.body) == b"x"
            await runtime.more(line)
        reply = await runtime.reply()
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert json.loads(reply.body)["errorType"] == "TruncatedHTTPRequest"
        assert await read_all(invocation) == b""
        assert invocation.end == (EndOfResponse.TRUNCATED, "Runtime.TruncatedResponse", "")


async def test_a_chunk_size_may_have_sixteen_digits_and_an_extension(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), STREAMING, CHUNKED)
        for piece in (b"0000000000000", b"00", b'5;a="b"\r', b"\nhel", b"lo\r\n0\r\n\r\n"):
            await runtime.more(piece)
        assert await read_all(invocation) == b"hello"
        assert (await runtime.reply()).status == 202


async def test_a_client_that_waits_for_100_continue_gets_it(serve_api: ApiFactory) -> None:
    async with serve_api() as api, running_with_two(api) as (runtime, invocation):
        path = RESPONSE.format("id-1")
        await runtime.send(path, "Expect: 100-continue", "Content-Length: 2")
        assert await invocation_is_open(api)
        await runtime.more(b"{}")
        assert await read_all(invocation) == b"{}"


@asynccontextmanager
async def running_with_two(api: Api) -> AsyncIterator[tuple[RawConnection, LocalInvocation]]:
    async with api.connect() as runtime, running(api, runtime) as invocation:
        yield runtime, invocation


async def invocation_is_open(api: Api) -> bool:
    async with api.connect() as other:
        return refused(await other.call(NEXT)) == "InvocationResponse to Ready"


@behaviour("`/init/error` is the outcome of the first invocation", Source.SERVER)
async def test_a_failed_init_is_kept_for_the_first_invocation(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        kind = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"
        reply = await runtime.call(INIT_ERROR, kind, body=b'{"errorType":"E"}')
        assert (reply.status, reply.body) == (202, b'{"status":"OK"}\n')
        assert api.api.init_failure == InvocationFailure(
            "Runtime.ImportModuleError", b'{"errorType":"E"}', "application/json"
        )
        assert refused(await runtime.call(INIT_ERROR)) == "InitError to InitError"
        assert refused(await runtime.call(NEXT)) == "InitError to Ready"
        assert not api.api.initialised.is_set()


async def test_an_init_error_that_is_not_json_is_bytes(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime:
        await runtime.call(INIT_ERROR, "Content-Type: application/json", body=b"oops")
        assert api.api.init_failure is not None
        assert api.api.init_failure.content_type == "application/octet-stream"


async def test_init_ends_when_the_extension_waits_too(serve_api: ApiFactory) -> None:
    async with (
        serve_api() as api,
        api.connect() as runtime,
        api.connect() as extension,
        api.connect() as late,
    ):
        name = "Lambda-Extension-Name: x"
        reply = await runtime.call(REGISTER, name, body=b'{"events":[]}')
        identifier = reply.headers["lambda-extension-identifier"]
        await runtime.send(NEXT)
        closed = await late.call(REGISTER, "Lambda-Extension-Name: y", body=b'{"events":[]}')
        assert json.loads(closed.body)["errorType"] == "Extension.RegistrationClosed"
        assert not api.api.initialised.is_set()
        await extension.send(
            "GET /2020-01-01/extension/event/next HTTP/1.1",
            f"Lambda-Extension-Identifier: {identifier}",
        )
        await api.api.initialised.wait()


@behaviour("Requests may be pipelined", Source.SERVER)
async def test_requests_may_be_pipelined(serve_api: ApiFactory) -> None:
    async with serve_api() as api, api.connect() as runtime, running(api, runtime) as invocation:
        await runtime.send(RESPONSE.format("id-1"), "Content-Length: 0")
        await runtime.send(NEXT)
        assert (await runtime.reply()).status == 202
        await invocation.done.wait()


@behaviour("Of two waiting calls of `next` the older one takes the event", Source.SERVER)
async def test_of_two_calls_of_next_the_older_one_takes_the_event(serve_api: ApiFactory) -> None:
    async with (
        serve_api() as api,
        api.connect() as first,
        api.connect() as second,
        running(api, first) as invocation,
    ):
        assert (await first.call(ERROR.format("id-1"))).status == 202
        await first.send(NEXT)
        await invocation.done.wait()
        await second.send(NEXT)
        while api.api.waiting < 2:
            await anyio.lowlevel.checkpoint()
        later = LocalInvocation(b"{}", request_id="id-2", trace_id="")
        api.api.deliver(later)
        assert (await first.reply()).headers["lambda-runtime-aws-request-id"] == "id-2"
        assert (await first.call(ERROR.format("id-2"))).status == 202
        await first.send(NEXT)
        await later.done.wait()
        last = LocalInvocation(b"{}", request_id="id-3", trace_id="")
        api.api.deliver(last)
        assert (await second.reply()).headers["lambda-runtime-aws-request-id"] == "id-3"
        last.fail(InvocationFailure("Test.Over"))
        for each in (later, last):
            each.body.close()


@behaviour("A waiting `next` takes the event also after its client has disconnected", Source.SERVER)
async def test_a_call_of_next_takes_the_event_also_when_its_client_is_gone(
    serve_api: ApiFactory,
) -> None:
    async with serve_api() as api, api.connect() as runtime, api.connect() as third:
        async with api.connect() as gone:
            await gone.send(NEXT)
            await api.api.initialised.wait()
        await runtime.send(NEXT)
        while api.api.waiting < 2:
            await anyio.lowlevel.checkpoint()
        invocation = LocalInvocation(b"{}", request_id="id-1", trace_id="")
        api.api.deliver(invocation)
        # The event is out: whoever asks now gets it again, and the second call waits on.
        assert (await third.call(NEXT)).headers["lambda-runtime-aws-request-id"] == "id-1"
        assert api.api.waiting == 1
        invocation.fail(InvocationFailure("Test.Over"))
        invocation.body.close()


async def test_an_extension_gets_the_event_and_delays_the_end_of_the_invocation(
    serve_api: ApiFactory,
) -> None:
    event_next = "GET /2020-01-01/extension/event/next HTTP/1.1"
    async with (
        serve_api() as api,
        api.connect() as runtime,
        api.connect() as extension,
        api.connect() as another,
    ):
        name = "Lambda-Extension-Name: x"
        reply = await runtime.call(REGISTER, name, body=b'{"events":["INVOKE"]}')
        identifier = reply.headers["lambda-extension-identifier"]
        await extension.send(event_next, f"Lambda-Extension-Identifier: {identifier}")
        async with running(api, runtime) as invocation:
            event = await extension.reply()
            assert json.loads(event.body) == {
                "eventType": "INVOKE",
                "deadlineMs": invocation.deadline_ms,
                "requestId": "id-1",
                "invokedFunctionArn": ARN,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
            }
            assert event.headers["lambda-extension-event-identifier"]
            assert (await runtime.call(ERROR.format("id-1"))).status == 202
            await runtime.send(NEXT)
            while not api.api.waiting:
                await anyio.lowlevel.checkpoint()
            assert not invocation.done.is_set()
            await extension.send(event_next, f"Lambda-Extension-Identifier: {identifier}")
            await invocation.done.wait()
            again = await another.call(event_next, f"Lambda-Extension-Identifier: {identifier}")
            assert again.status == 403
            assert json.loads(again.body) == {
                "errorMessage": "State transition from Ready to Ready failed for extension "
                f"{identifier}. Error: State transition is not allowed",
                "errorType": "Extension.InvalidExtensionState",
            }


@behaviour("`restore/next` in the wrong state is 403 and names `Ready`", Source.SERVER)
async def test_a_restore_lets_the_runtime_go_on_from_its_snapshot(serve_api: ApiFactory) -> None:
    async with serve_api(snapstart=True) as api, api.connect() as runtime:
        assert not api.api.restore()
        await runtime.send(RESTORE_NEXT)
        await api.api.initialised.wait()
        assert api.api.usable
        assert not api.api.next_called.is_set()
        assert api.api.restore()
        reply = await runtime.reply()
        assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")
        assert refused(await runtime.call(RESTORE_NEXT)) == "Restoring to Ready"
        async with running(api, runtime):
            assert not api.api.restore()


@pytest.mark.parametrize("line", [RESTORE_ERROR, INIT_ERROR])
async def test_a_failed_restore_is_kept_for_the_invocation(
    serve_api: ApiFactory, line: str
) -> None:
    async with serve_api(snapstart=True) as api, api.connect() as runtime:
        await runtime.send(RESTORE_NEXT)
        await api.api.initialised.wait()
        api.api.restore()
        await runtime.reply()
        kind = "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError"
        assert (await runtime.call(line, kind, body=b"{}")).status == 202
        assert api.api.init_failure is not None
        assert api.api.init_failure.error_type == "Runtime.AfterRestoreError"
        assert refused(await runtime.call(NEXT)) == "RuntimeRestoreErrorState to Ready"


async def test_with_snapstart_a_runtime_need_not_wait_for_a_restore(serve_api: ApiFactory) -> None:
    async with serve_api(snapstart=True) as api, api.connect() as runtime, running(api, runtime):
        assert not api.api.restore()
        assert refused(await runtime.call(RESTORE_ERROR)) == "Running to RuntimeRestoreErrorState"
