"""The whole way: HTTP, event, Runtime API, a scripted runtime, and back."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from adapter.emulator.front_ends.front_end_settings import FrontEndSettings
from adapter.emulator.front_ends.function_url import FunctionUrlSource
from adapter.emulator.front_ends.http_front_end import init_error_page
from adapter.emulator.front_ends.source_event import MAX_EVENT_BYTES
from adapter.emulator.host import LOCAL_DOMAIN
from adapter.emulator.outcome import InvocationFailure

from ..clock import pass_time
from ..fidelity import Source, behaviour
from ..scripts import STREAMED_ECHO, for_each_event

if TYPE_CHECKING:
    from ..conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio


async def raw(running: Local, request: bytes, timeout_after: bytes | None = None) -> bytes:
    """Send bytes and return all that comes until the server closes.

    The timeout of the function is over as soon as ``timeout_after`` has come.
    """
    host, _, port = running.url.removeprefix("http://").partition(":")
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(request)
        received = b""
        while True:
            try:
                received += await stream.receive()
            except anyio.EndOfStream:
                return received
            if timeout_after and received.endswith(timeout_after):
                pass_time(running.pool.function.timeout_seconds)


async def event_of(running: Local, method: str, path: str, **options: Any) -> Any:
    reply = await running.client.request(method, path, **options)
    return reply.json()


@behaviour("A request is an event in payload format 2.0", Source.DOCS)
async def test_a_request_becomes_an_event(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        reply = await running.client.post(
            "/caf%C3%A9//a%2Fb?q=a%20b&q=2",
            content=b'{"a":1}',
            headers=[
                ("content-type", "application/json"),
                ("X-Two", "1"),
                ("X-Two", "2"),
                ("Cookie", "a=b"),
            ],
        )
        event = reply.json()
        port = running.url.rpartition(":")[2]
    assert event["rawPath"] == "/caf%C3%A9//a%2Fb"
    assert event["rawQueryString"] == "q=a%20b&q=2"
    assert event["queryStringParameters"] == {"q": "a b,2"}
    assert event["cookies"] == ["a=b"]
    assert event["body"] == '{"a":1}'
    assert event["headers"]["x-two"] == "1,2"
    assert event["headers"]["host"] == f"127.0.0.1:{port}"
    assert event["headers"]["x-forwarded-port"] == port
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["requestContext"]["domainName"] == LOCAL_DOMAIN
    assert event["requestContext"]["requestId"] == reply.headers["x-amzn-requestid"]
    root = event["headers"]["x-amzn-trace-id"]
    assert reply.headers["x-amzn-trace-id"].startswith(f"{root};Parent=")
    assert "date" in reply.headers
    assert "server" not in reply.headers


async def test_as_aws_the_event_names_aws(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO, source=FunctionUrlSource(aws_region="eu-west-1")) as running:
        event = await event_of(running, "GET", "/")
    assert event["headers"]["host"].endswith(".lambda-url.eu-west-1.on.aws")
    assert event["headers"]["x-forwarded-proto"] == "https"


@behaviour("The head arrives with the prelude, each chunk when it is sent", Source.REPORTS)
async def test_the_head_arrives_with_the_prelude_and_each_chunk_when_it_is_sent(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    gate = anyio.Path(tmp_path) / "gate"
    await gate.mkdir()
    script = for_each_event(
        "def wait(name):",
        f"    while not os.path.exists({str(gate)!r} + '/' + name): pass",
        "c.stream(request_id)",
        """c.chunk('{"statusCode":201,"headers":{"x-a":"b"},"cookies":["a=b","c=d"]}')""",
        "c.chunk(NULS)",
        "wait('1')",
        "c.chunk('one')",
        "wait('2')",
        "c.chunk('two')",
        "c.end()",
    )
    async with local(script) as running, running.client.stream("GET", "/") as reply:
        assert reply.status_code == 201
        assert reply.headers["x-a"] == "b"
        assert reply.headers.get_list("set-cookie") == ["a=b", "c=d"]
        assert reply.headers["transfer-encoding"] == "chunked"
        chunks = reply.aiter_raw()
        await (gate / "1").touch()
        assert await anext(chunks) == b"one"
        await (gate / "2").touch()
        assert await anext(chunks) == b"two"
        assert [chunk async for chunk in chunks] == []


async def test_a_prelude_may_arrive_byte_by_byte(local: LocalFactory) -> None:
    script = for_each_event(
        "c.stream(request_id)",
        """for character in '{"statusCode":202}' + NULS: c.chunk(character)""",
        "c.chunk('body')",
        "c.end()",
    )
    async with local(script) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.content) == (202, b"body")


@behaviour("A stream without a prelude is the body", Source.REPORTS)
async def test_a_stream_without_prelude_is_the_body(local: LocalFactory) -> None:
    script = for_each_event(
        "c.stream(request_id, 'Content-Type: text/csv')",
        """c.chunk('{"statusCode":202}' + NULS)""",
        "c.end()",
    )
    async with local(script) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.content) == (200, b'{"statusCode":202}' + bytes(8))
        assert reply.headers["content-type"] == "text/csv"


BUFFERED = for_each_event(
    """body = b'{"statusCode":404,"body":"hi"}'""",
    """c.head("POST", f"{API}/invocation/{request_id}/response",""",
    """       "Content-Type: application/json", f"Content-Length: {len(body)}")""",
    "c.send(body)",
)


@behaviour("A `RESPONSE_STREAM` URL passes the JSON of a buffered response on", Source.REPORTS)
async def test_a_streaming_url_does_not_interpret_a_buffered_response(
    local: LocalFactory,
) -> None:
    async with local(BUFFERED) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.json()) == (200, {"statusCode": 404, "body": "hi"})
        assert "Try --invoke-mode buffered" in running.log.getvalue()


async def test_json_without_a_status_code_gets_no_hint_of_a_wrong_invoke_mode(
    local: LocalFactory,
) -> None:
    async with local(BUFFERED.replace("statusCode", "code")) as running:
        assert (await running.client.get("/")).json() == {"code": 404, "body": "hi"}
        assert "--invoke-mode" not in running.log.getvalue()


async def test_a_buffered_url_interprets_a_buffered_response(local: LocalFactory) -> None:
    async with local(BUFFERED, source=FunctionUrlSource(streams=False)) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.text) == (404, "hi")
        assert reply.headers["content-length"] == "2"


@behaviour("A stream behind a `BUFFERED` URL", Source.OPEN, "502")
async def test_a_streamed_response_behind_a_buffered_url_is_a_bad_gateway(
    local: LocalFactory,
) -> None:
    async with local(STREAMED_ECHO, source=FunctionUrlSource(streams=False)) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.text) == (502, "Internal Server Error")
        assert "With --invoke-mode response_stream the URL streams; with" in running.log.getvalue()


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_that_forbids_a_body_has_none(local: LocalFactory, status: int) -> None:
    script = for_each_event(
        "c.stream(request_id)",
        f"""c.chunk('{{"statusCode":{status}}}' + NULS + 'no')""",
        "c.end()",
    )
    async with local(script) as running:
        for _ in range(2):  # the second one proves that the connection is in order
            reply = await running.client.get("/")
            assert (reply.status_code, reply.content) == (status, b"")


async def test_a_head_request_gets_no_body(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        for _ in range(2):
            reply = await running.client.head("/")
            assert (reply.status_code, reply.content) == (200, b"")
            assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["os._exit(1)"], "Runtime.ExitError"),
        (["c.stream(request_id)", "c.end()"], "before its prelude was complete"),
        (["c.stream(request_id)", "c.chunk('{}')", "c.end()"], "before its prelude"),
        (["c.stream(request_id)", "c.chunk('{' + NULS)", "c.end()"], "not JSON"),
        (["c.stream(request_id)", "c.chunk('x' * 20000)", "c.end()"], "no 8 NUL bytes"),
        (
            ["c.stream(request_id)", """c.chunk('{"statusCode":"200"}' + NULS)""", "c.end()"],
            "statusCode is '200'",
        ),
        (
            [
                "c.stream(request_id, 'Content-Type: text/plain')",
                "c.end('Lambda-Runtime-Function-Error-Type: Function.Boom')",
            ],
            "Function.Boom",
        ),
        (
            [
                """body = b'{"errorType":"E","errorMessage":"m"}'""",
                """c.head("POST", f"{API}/invocation/{request_id}/error",""",
                """       f"Content-Length: {len(body)}")""",
                "c.send(body)",
            ],
            "E: m",
        ),
    ],
)
@behaviour("A failure before the first byte is 502 `Internal Server Error`", Source.REPORTS)
async def test_a_failure_before_the_first_byte_is_a_bad_gateway(
    local: LocalFactory, lines: list[str], says: str
) -> None:
    async with local(for_each_event(*lines)) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.text) == (502, "Internal Server Error")
        assert "x-amzn-requestid" in reply.headers
        assert says in running.log.getvalue()


@behaviour("A timeout before the first byte", Source.OPEN, "502")
async def test_a_timeout_before_the_first_byte_is_a_bad_gateway(local: LocalFactory) -> None:
    async with local(
        for_each_event("import signal; signal.pause()"), timeout_seconds=0.2
    ) as running:
        assert (await running.client.get("/")).status_code == 502


ERROR_TRAILERS = for_each_event(
    "c.stream(request_id)",
    "c.chunk('{}' + NULS + 'part')",
    "c.end('Lambda-Runtime-Function-Error-Type: Function.Boom',",
    "      'Lambda-Runtime-Function-Error-Body: e30=')",
)


@behaviour(
    "The end of a body with error trailers",
    Source.OPEN,
    "clean; `--undocumented abort` cuts the connection",
)
async def test_error_trailers_end_the_body_cleanly(local: LocalFactory) -> None:
    async with local(ERROR_TRAILERS) as running:
        reply = await running.client.get("/")
        assert (reply.status_code, reply.text) == (200, "part")


async def test_error_trailers_abort_the_body_if_so_wanted(local: LocalFactory) -> None:
    async with local(
        ERROR_TRAILERS, FrontEndSettings(undocumented=frozenset({"abort"}))
    ) as running:
        with pytest.raises(httpx.RemoteProtocolError):
            await running.client.get("/")


@pytest.mark.parametrize(
    ("end", "timeout_after"),
    [
        ("os._exit(1)", None),
        ("c.send('zz' + chr(10))", None),
        ("import signal; signal.pause()", b"part\r\n"),
    ],
)
@behaviour("The end of a truncated body", Source.OPEN, "the connection is cut")
async def test_a_truncated_stream_has_no_last_chunk(
    local: LocalFactory, end: str, timeout_after: bytes | None
) -> None:
    script = for_each_event("c.stream(request_id)", "c.chunk('{}' + NULS + 'part')", end)
    async with local(script) as running:
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        received = await raw(running, request, timeout_after)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.endswith(b"\r\n4\r\npart\r\n")
        assert "Exception" not in running.log.getvalue()


@behaviour("An event over 6 MiB is 413", Source.REPORTS)
async def test_a_request_that_is_too_large_is_refused(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        reply = await running.client.post("/", content=b"x" * MAX_EVENT_BYTES)
        assert reply.status_code == 413
        assert reply.json() == {
            "Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
        }
        # base64 costs a third: this one is too large only as an event
        assert (await running.client.post("/", content=b"x" * 5_000_000)).status_code == 413
        assert (await running.client.post("/", content=b"x" * 4_000_000)).status_code == 200


async def test_the_console_logs_a_request_that_is_too_large_once(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        await running.client.post("/", content=b"x" * MAX_EVENT_BYTES)
        (line,) = running.log.lines
        assert line.startswith("Responded 413: ")
        assert "A binary body is base64 in it and grows by a third" in line


async def test_another_hosts_name_is_refused(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        reply = await running.client.get("/", headers={"host": "evil.example"})
        assert reply.status_code == 403
        assert "--host" in reply.text
    async with local(STREAMED_ECHO, FrontEndSettings(check_host=False)) as running:
        reply = await running.client.get("/", headers={"host": "evil.example"})
        assert reply.json()["headers"]["host"] == "evil.example"


async def test_a_websocket_is_explained_once_per_path_and_is_a_request_like_any_other(
    local: LocalFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")  # another test may have set another
    async with local(STREAMED_ECHO) as running:
        for path in ("/ws", "/ws", "/other%0A"):
            headers = {"connection": "Upgrade", "upgrade": "websocket"}
            reply = await running.client.get(path, headers=headers)
            assert (reply.status_code, reply.json()["rawPath"]) == (200, path)
        lines = [line for line in running.log.lines if "WebSocket" in line]
    assert [line.partition(":")[0] for line in lines] == [
        "WebSocket requested at /ws",
        "WebSocket requested at /other%0A",
    ]
    assert all("server-sent events" in line for line in lines)
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


@behaviour("A client that disconnects does not stop the function", Source.DOCS)
async def test_a_client_that_disconnects_does_not_stop_the_function(local: LocalFactory) -> None:
    script = for_each_event(
        "c.stream(request_id)",
        "c.chunk('{}' + NULS + 'first')",
        "for _ in range(200): c.chunk('x' * 65536)",
        "c.end()",
        "print('finished', flush=True)",
    )
    async with local(script, throttle=False) as running:
        async with running.client.stream("GET", "/") as reply:
            async for _ in reply.aiter_raw():
                break
        reply = await running.client.head("/")  # waits for no one: a process of its own
        assert reply.status_code == 200
        with anyio.fail_after(20):
            while running.log.lines.count("finished") < 2:
                await running.client.head("/")


async def test_an_old_client_is_served_until_the_connection_closes(local: LocalFactory) -> None:
    async with local(STREAMED_ECHO) as running:
        received = await raw(running, b"GET /x HTTP/1.0\r\n\r\n")
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"200 OK" in head
        assert json.loads(body)["rawPath"] == "/x"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://localhost/a%20b?c", "/a%20b"),
        ("http://localhost", "/"),
        ("http://[::1", "/"),
        ("*", "/"),
    ],
)
async def test_a_request_target_may_be_an_absolute_url(
    local: LocalFactory, target: str, path: str
) -> None:
    request = f"OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with local(STREAMED_ECHO) as running:
        received = await raw(running, request.encode())
        assert f'"rawPath":"{path}"'.encode() in received


async def test_connect_is_refused_because_a_function_is_no_proxy(local: LocalFactory) -> None:
    request = b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with local(STREAMED_ECHO) as running:
        assert (await raw(running, request)).startswith(b"HTTP/1.1 405 ")


@behaviour(
    "A small chunk arrives only with the next one", Source.REPORTS, "with `--undocumented hold`"
)
async def test_a_chunk_can_be_held_back_until_the_next_one(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    gate = anyio.Path(tmp_path) / "gate"
    script = for_each_event(
        "c.stream(request_id)",
        "c.chunk('{}' + NULS + 'one')",
        "c.chunk('two')",
        f"while not os.path.exists({str(gate)!r}): pass",
        "c.end()",
    )
    async with (
        local(script, FrontEndSettings(undocumented=frozenset({"hold"}))) as running,
        running.client.stream("GET", "/") as reply,
    ):
        chunks = reply.aiter_raw()
        assert await anext(chunks) == b"one"
        await gate.touch()
        assert await anext(chunks) == b"two"


@behaviour(
    "A response without a body stays open until the timeout",
    Source.REPORTS,
    "with `--undocumented hang`",
)
async def test_a_response_without_a_body_can_be_kept_open(local: LocalFactory) -> None:
    script = for_each_event("c.stream(request_id)", "c.chunk('{}' + NULS)", "c.end()")
    settings = FrontEndSettings(undocumented=frozenset({"hang"}))
    async with local(script, settings, timeout_seconds=2) as running:
        with pytest.raises(httpx.RemoteProtocolError):
            await running.client.get("/")
    async with local(script) as running:
        assert (await running.client.get("/")).content == b""


async def test_awslambdaric_works_here(local: LocalFactory, tmp_path: anyio.Path) -> None:
    async with local(
        "",
        source=FunctionUrlSource(streams=False),
        command=(sys.executable, "-m", "awslambdaric", "main.handler"),
    ) as running:
        code = (
            "def handler(event, context):\n"
            "    print('seen', context.aws_request_id)\n"
            "    if event['rawPath'] == '/fail': raise ValueError('no')\n"
            "    return {'statusCode': 201, 'body': event['rawPath'],"
            " 'headers': {'x-left': str(context.get_remaining_time_in_millis() > 0)}}\n"
        )
        (running.pool.function.task_root / "main.py").write_text(code)
        request_ids = []
        for _ in range(2):
            reply = await running.client.get("/hello")
            assert (reply.status_code, reply.text) == (201, "/hello")
            assert reply.headers["x-left"] == "True"
            request_ids.append(reply.headers["x-amzn-requestid"])
            while f"END RequestId: {request_ids[-1]}" not in running.log.lines:
                await anyio.lowlevel.checkpoint()
        assert all(f"seen {request_id}" in running.log.getvalue() for request_id in request_ids)
        assert (await running.client.get("/fail")).status_code == 502
        assert "ValueError: no" in running.log.getvalue()
        assert running.pool.environments == 1


def test_the_page_of_a_failed_init_shows_half_of_a_surrogate_pair_as_an_escape() -> None:
    error = {"errorType": "E", "errorMessage": "\ud800", "stackTrace": ["\ud801"]}
    page = init_error_page(InvocationFailure("E", json.dumps(error).encode()))
    assert b"\n\nE: \\ud800\n\\ud801\n" in page
